/** `import`: writes a release.yaml from what another tool has. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { readChunks } from '../base/files/open-file.ts';
import { readTextFile } from '../base/files/read-file.ts';
import { AirgapError, NotFoundError, UsageError } from '../errors.ts';
import { shown } from '../release/import/foreign-file.ts';
import type { ImportFormat } from '../release/import/format-names.ts';
import { parseForeignFile } from '../release/import/import-formats.ts';
import type {
  ImportedComponent,
  ImportedFile,
  ImportedRelease,
  Unexpressed,
} from '../release/import/imported-release.ts';
import { relocate } from '../release/import/relocation.ts';
import { formatImported } from '../release/import/release-writer.ts';
import { settle, type SettledRelease } from '../release/import/settle.ts';
import { parseSpec } from '../release/spec/spec.ts';
import { SpecDocument } from '../release/spec/spec-schema.ts';

/** Bytes of a file that is imported. */
export const MAX_IMPORT_BYTES: number = 4 * 1024 * 1024;

/** What is imported, and what a person says of the release. */
export interface ImportOptions {
  /** The file of another tool; with `text`, what messages call it. */
  readonly path: string;
  /** What it says, where it was read already, from a stream: its paths start at the current directory then. */
  readonly text?: string | undefined;
  /** Where the release.yaml will lie: its paths start there. */
  readonly directory: string;
  /** What the file is. @defaultValue told by its content */
  readonly from?: ImportFormat | undefined;
  /** @defaultValue what the file says, or its own name */
  readonly name?: string | undefined;
  /** @defaultValue what the file says, or `0.1.0` */
  readonly version?: string | undefined;
  /** As `os/architecture[/variant]`. @defaultValue what the file says, or all */
  readonly platforms?: readonly string[] | undefined;
  /** Ends the wait for a stream. */
  readonly signal?: AbortSignal | undefined;
}

/** A release.yaml that was not written yet. */
export interface ImportResult {
  /** What the file was read as. */
  readonly format: ImportFormat;
  /** In words: `a Zarf package definition`. */
  readonly title: string;
  /** What is said, and what is not: `unexpressed`. */
  readonly release: SettledRelease;
  /** The release.yaml; valid by its schema. */
  readonly text: string;
}

/**
 * Reads a file of another tool and says the same in the words of a release.yaml. What cannot be said stands in
 * `release.unexpressed` and in comments of the text. Files without a pin are read, to pin them.
 * @throws UsageError `INVALID_SPEC` naming file and line of what is wrong with it, or that nothing in it is carried.
 */
export async function importRelease(options: ImportOptions): Promise<ImportResult> {
  const { path, directory, from, signal } = options;
  assertField('name', options.name);
  assertField('version', options.version);
  const isStream = options.text !== undefined;
  const text =
    options.text ?? (await readTextFile(path, { what: 'a file to import', limit: MAX_IMPORT_BYTES, signal }));
  const foreign = parseForeignFile(text, path, from);
  const base = isStream ? resolve('.') : dirname(resolve(path));
  const relocated = relocate(await withPins(foreign, base), base, resolve(directory));
  const release = settle(relocated, {
    ...options,
    fallbackName: isStream ? 'my-release' : basename(path, extname(path)),
  });
  if (release.components.length === 0) {
    throw new UsageError('INVALID_SPEC', `${path}: names nothing that a release carries`, {
      items: release.unexpressed.map(({ at, message }) => `${path}:${at}: ${message}`).slice(0, 20),
    });
  }
  const written = formatImported(release, isStream ? path : sourceName(path, directory), foreign.title);
  assertFits(written, path, foreign.format);
  return { format: foreign.format, title: foreign.title, release, text: written };
}

/** What is written is read again by the one reader of release.yaml. */
function assertFits(text: string, path: string, format: ImportFormat): void {
  try {
    parseSpec(text, 'release.yaml');
  } catch (error) {
    if (!(error instanceof AirgapError)) throw error;
    throw new UsageError(
      'INVALID_SPEC',
      `${path}: is too much, or cannot be said in a release.yaml: ${error.message}`,
      {
        cause: error,
        hint:
          format === 'images'
            ? `name the list itself in a release.yaml: imageLists: [${basename(path)}]`
            : 'import it in parts, or write these entries by hand',
      },
    );
  }
}

function assertField(field: 'name' | 'version', value: string | undefined): void {
  const issue = value === undefined ? undefined : SpecDocument.shape[field].safeParse(value).error?.issues[0];
  if (issue !== undefined) throw new UsageError('USAGE', `--${field} ${value ?? ''}: ${issue.message}`);
}

/** What comments call the file: its place from the release.yaml on, never a path of this machine. */
function sourceName(path: string, directory: string): string {
  const inside = relative(resolve(directory), resolve(path));
  return inside.startsWith('..') ? basename(path) : inside;
}

/** Pins every file that the tool did not pin, and asks whether a chart that should lie beside the file does. */
async function withPins<R extends ImportedRelease>(release: R, base: string): Promise<R> {
  const left: Unexpressed[] = [];
  const components: ImportedComponent[] = [];
  for (const component of release.components) {
    const files: ImportedFile[] = [];
    for (const file of component.files) {
      const integrity = file.integrity ?? (await pin(resolve(base, file.path)));
      if (integrity !== undefined) files.push({ ...file, integrity });
      else
        left.push({
          at: file.at,
          message: `file ${shown(file.path)} is not there: it has to be, to be pinned`,
          isContent: true,
        });
    }
    const hasChart = await isFile(join(base, 'Chart.yaml'));
    const charts = component.charts.filter(({ chart }) => chart !== '.' || hasChart);
    for (const { at } of component.charts.filter((chart) => !charts.includes(chart))) {
      left.push({
        at,
        message: 'there is no Chart.yaml beside this file: list the chart by its path',
        isContent: true,
      });
    }
    components.push({ ...component, charts, files });
  }
  return { ...release, components, unexpressed: [...release.unexpressed, ...left] };
}

/** The integrity string of a file; undefined where there is none. */
async function pin(path: string): Promise<string | undefined> {
  if (!(await isFile(path))) return undefined;
  const hash = createHash('sha256');
  try {
    for await (const chunk of readChunks(path, { what: 'a file of a release' })) hash.update(chunk);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
  return `sha256-${hash.digest('base64')}`;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}
