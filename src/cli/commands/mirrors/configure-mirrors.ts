/** Turns mappings into mirror configuration, and prints it or writes it where it was asked for. */
import { UsageError } from '../../../errors.ts';
import { DIALECT_NAMES, type DialectName } from '../../../kubernetes/mirrors/dialect-names.ts';
import { DIALECTS } from '../../../kubernetes/mirrors/dialects.ts';
import type { MirrorMap } from '../../../kubernetes/mirrors/mirror-map.ts';
import { writeMirrorFiles } from '../../../operations/mirror-config/write.ts';
import { formatCount } from '../../../report/format.ts';
import type { Context } from '../../context.ts';
import type { Node } from './node-mirrors.ts';
import { readMap, type MapOptions } from './read-map.ts';
import { assertAll, assertSomething, printed, type Written } from './written.ts';

/** Options of the command, but for those of charts. */
export interface MirrorConfigOptions extends MapOptions {
  readonly format: DialectName | undefined;
  readonly output: string | undefined;
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

function write(format: DialectName, map: MirrorMap): Written {
  const dialect = DIALECTS[format];
  return { format, title: dialect.title, ...dialect.write(map) };
}

/** What else has to be done; of one dialect among all, what it leaves out as well. */
function remarks({ format, steps, unexpressed, files }: Written, isOneOfAll: boolean): readonly string[] {
  const where = `(--format ${format} names the reasons)`;
  if (files.length === 0) return [`${format}: none of the images can be expressed ${where}`];
  const isWhole = !isOneOfAll || unexpressed.length === 0;
  const left = `${format}: ${formatCount(unexpressed.length, 'image')} cannot be expressed ${where}`;
  return [...steps.map((step) => `${format}: ${step}`), ...(isWhole ? [] : [left])];
}
