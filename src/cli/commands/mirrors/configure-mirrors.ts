/** Turns mappings into mirror configuration, and prints it or writes it where it was asked for. */
import { IncompleteError, UsageError } from '../../../errors.ts';
import { DIALECT_NAMES, type DialectName } from '../../../kubernetes/mirrors/dialect-names.ts';
import type { MirrorFile, UnexpressedImage } from '../../../kubernetes/mirrors/dialect.ts';
import { DIALECTS } from '../../../kubernetes/mirrors/dialects.ts';
import { createMirrorMap, type MirrorAccess, type MirrorMap } from '../../../kubernetes/mirrors/mirror-map.ts';
import { writeMirrorFiles } from '../../../operations/mirror-config/write.ts';
import { readMapping } from '../../../release/mapping/mapping-file.ts';
import { formatCount } from '../../../report/format.ts';
import type { Context } from '../../context.ts';
import type { Node } from './node-mirrors.ts';
import type { Written } from './written.ts';

/** Images that an error names one by one. */
const MAX_SHOWN = 20;
/** What file systems and Kubernetes take as a name. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Options of the command. */
export interface MirrorConfigOptions extends Pick<MirrorAccess, 'caFile' | 'insecure' | 'plainHttp'> {
  readonly format: DialectName | undefined;
  readonly output: string | undefined;
  readonly name: string | undefined;
  readonly install: boolean;
  readonly check: boolean;
  readonly root: string | undefined;
}

/** Reads the mappings, says them in the dialects that were asked for, and hands the files over. */
export async function configureMirrors(
  context: Context,
  mappings: readonly string[],
  options: MirrorConfigOptions,
): Promise<void> {
  const { output, signal } = context;
  const { format, output: directory } = options;
  refuseTogether(options);
  if (options.install || options.check) {
    const node = readNode(options);
    const map = await readMap(mappings, options, signal);
    const written = write(node.format, map);
    assertSomething(written);
    const { checkNode, installOnNode } = await import('./node-mirrors.ts');
    if (options.check) await checkNode(context, node, written, map);
    else await installOnNode(context, node, written);
    return assertAll(written);
  }
  if (format === undefined && directory === undefined) {
    throw new UsageError('USAGE', 'nothing says who is to read the configuration', {
      hint: `give --format, one of ${DIALECT_NAMES.join(', ')}; or --output DIR, for all of them`,
    });
  }
  const map = await readMap(mappings, options, signal);
  const written = format === undefined ? DIALECT_NAMES.map((name) => write(name, map)) : [write(format, map)];
  if (format !== undefined) assertSomething(written[0] as Written);
  const files = written.flatMap((each) =>
    format === undefined ? each.files.map((file) => ({ ...file, path: `${each.format}/${file.path}` })) : each.files,
  );
  if (directory !== undefined) await writeMirrorFiles(directory, files);
  output.result(
    { kind: 'mirror-config', output: directory ?? null, dialects: written },
    directory === undefined ? printed(files) : files.map(({ path }) => path),
  );
  for (const line of written.flatMap((each) => remarks(each, format === undefined))) output.note(line);
  if (directory !== undefined) output.note(`wrote ${formatCount(files.length, 'file')} to ${directory}`);
  if (format !== undefined) assertAll(written[0] as Written);
}

/** @throws UsageError when two options say different things of what to do. */
function refuseTogether({ output, install, check, root }: MirrorConfigOptions): void {
  const given = [...(output === undefined ? [] : ['--output']), ...(install ? ['--install'] : []), ...(check ? ['--check'] : [])]; // prettier-ignore
  if (given.length > 1) throw new UsageError('USAGE', `${given.join(' and ')} exclude each other`);
  if (root !== undefined && !install && !check) {
    throw new UsageError('USAGE', '--root is about --install and --check alone');
  }
}

/** The node that is meant. @throws UsageError for what no node reads. */
function readNode({ format, root = '/' }: MirrorConfigOptions): Node {
  const readers = DIALECT_NAMES.filter((name) => DIALECTS[name].directory !== undefined);
  const directory = format === undefined ? undefined : DIALECTS[format].directory;
  if (format !== undefined && directory !== undefined) {
    return { format, root, dialect: { ...DIALECTS[format], directory } };
  }
  throw new UsageError('USAGE', '--install and --check are about one reader of a node', {
    hint: `give --format, one of ${readers.join(', ')}`,
  });
}

async function readMap(
  mappings: readonly string[],
  { name = 'airgap', plainHttp, insecure, caFile }: MirrorConfigOptions,
  signal: AbortSignal,
): Promise<MirrorMap> {
  if (mappings.length === 0) {
    throw new UsageError('USAGE', 'no mapping is given', {
      hint: 'give the mapping.txt that a load wrote (--report DIR), or that directory',
    });
  }
  if (!NAME.test(name)) {
    throw new UsageError('USAGE', `--name: ${name} is no name`, {
      hint: 'lower-case letters, digits and hyphens, at most 63',
    });
  }
  if (caFile !== undefined && !/^(?:\/|[A-Za-z]:[\\/])[^\p{Cc}]+$/u.test(caFile)) {
    throw new UsageError('USAGE', `--ca-file: ${caFile} is no whole path`, {
      hint: 'give the path that nodes have it under, from / on',
    });
  }
  const images = await Promise.all(mappings.map((path) => readMapping(path, signal)));
  return createMirrorMap(images.flat(), { name, access: { plainHttp, insecure, caFile } });
}

function write(format: DialectName, map: MirrorMap): Written {
  return { format, ...DIALECTS[format].write(map) };
}

/** One file as it is; several with their paths above them, for a look. */
function printed(files: readonly MirrorFile[]): readonly string[] {
  return files.flatMap(({ path, content }) => [
    ...(files.length === 1 ? [] : [`# ${path}`]),
    ...content.trimEnd().split('\n'),
    ...(files.length === 1 ? [] : ['']),
  ]);
}

/** What else has to be done; of one dialect among all, what it leaves out as well. */
function remarks({ format, steps, unexpressed, files }: Written, isOneOfAll: boolean): readonly string[] {
  const where = `(--format ${format} names the reasons)`;
  if (files.length === 0) return [`${format}: none of the images can be expressed ${where}`];
  const isWhole = !isOneOfAll || unexpressed.length === 0;
  const left = `${format}: ${formatCount(unexpressed.length, 'image')} cannot be expressed ${where}`;
  return [...steps.map((step) => `${format}: ${step}`), ...(isWhole ? [] : [left])];
}

function assertSomething({ format, files, unexpressed }: Written): void {
  if (files.length > 0) return;
  throw new UsageError('USAGE', `none of the images can be expressed for ${DIALECTS[format].title}:`, {
    items: listed(unexpressed),
    hint: 'choose another --format; nothing was written',
  });
}

function assertAll({ format, unexpressed }: Written): void {
  if (unexpressed.length === 0) return;
  const { title } = DIALECTS[format];
  throw new IncompleteError(
    'INCOMPLETE',
    `${formatCount(unexpressed.length, 'image')} cannot be expressed for ${title}:`,
    {
      items: listed(unexpressed),
      hint: 'the rest was written; name these by where they are, or choose another --format',
    },
  );
}

function listed(unexpressed: readonly UnexpressedImage[]): readonly string[] {
  const more = unexpressed.length - MAX_SHOWN;
  const lines = unexpressed.slice(0, MAX_SHOWN).map(({ original, why }) => `${original} ${why}`);
  return more > 0 ? [...lines, `and ${more} more, which --json lists`] : lines;
}
