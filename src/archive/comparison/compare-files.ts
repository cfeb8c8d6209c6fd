/** What became of each chart, manifest, document and other file between two releases. */
import type { Digest } from '../../oci/digest.ts';
import type { InventoryFile } from '../inventory/inventory-schema.ts';
import { pairBy } from './pairing.ts';
import { comparableFiles, type ReleaseContents } from './release-contents.ts';

/** `charts/app-1.2.3.tgz`: Helm joins name and version with a dash, and versions begin with three numbers. */
const CHART = /^(charts\/.+?)-v?[0-9]+\.[0-9]+\.[0-9]+[^/]*\.tgz$/;

/** A file as one of the two releases has it. */
export interface ComparedFile extends InventoryFile {
  /** Bytes, or 0 where the other release holds the same content under any name. */
  readonly newSize: number;
}

/** What happened to a file. `changed`: its content, or its name where another version of a chart took its place. */
export type FileChange =
  | { readonly change: 'added'; readonly old: undefined; readonly new: ComparedFile }
  | { readonly change: 'removed'; readonly old: ComparedFile; readonly new: undefined }
  | { readonly change: 'changed'; readonly old: ComparedFile; readonly new: ComparedFile };

/** All files of both releases. */
export interface FileComparison {
  /** Sorted by the path in the new release, or in the old where it is gone. */
  readonly changes: readonly FileChange[];
  /** Files of the same path and content. */
  readonly unchanged: number;
}

/** A release, and what the one that it is compared with holds. */
export interface ComparedRelease {
  readonly contents: ReleaseContents;
  /** Digests of all content of the other release. */
  readonly held: ReadonlySet<Digest>;
}

/** Compares by path first, then by the name of a chart, or by the path without the version of the release in it. */
export function compareFiles(before: ComparedRelease, after: ComparedRelease): FileComparison {
  const paired = pairBy(filesOf(before, after), filesOf(after, before), [
    ({ file }) => file.path,
    ({ file, release }) => stemOf(file.path, release),
  ]);
  const changes: FileChange[] = [
    ...paired.before.map(({ file }) => ({ change: 'removed' as const, old: file, new: undefined })),
    ...paired.after.map(({ file }) => ({ change: 'added' as const, old: undefined, new: file })),
  ];
  let unchanged = 0;
  for (const [{ file: old }, { file: young }] of paired.pairs) {
    if (old.path === young.path && old.digest === young.digest) unchanged += 1;
    else changes.push({ change: 'changed', old, new: young });
  }
  return { changes: changes.sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1)), unchanged };
}

function filesOf(
  { contents, held }: ComparedRelease,
  other: ComparedRelease,
): readonly { readonly file: ComparedFile; readonly release: ReleaseContents }[] {
  return comparableFiles(contents, other.contents).map((file) => ({
    file: { ...file, newSize: held.has(file.digest) ? 0 : file.size },
    release: contents,
  }));
}

/** What a file of another version would share; undefined where its name has no version. */
function stemOf(path: string, { name, version }: ReleaseContents): string | undefined {
  const chart = CHART.exec(path)?.[1];
  if (chart !== undefined) return chart;
  const stem = path.replace(`${name}-${version}`, name);
  return stem === path ? undefined : stem;
}

function pathOf(change: FileChange): string {
  return (change.new ?? change.old).path;
}
