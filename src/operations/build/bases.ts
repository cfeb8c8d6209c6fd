/** The releases that a delta is built on: what the site has by then, and what of it is at hand to be read here. */
import { openBaseArchives, type BaseArchives } from '../../archive/partial/base-archives.ts';
import {
  omittedBy,
  summarizeOmissions,
  type Omissions,
  type PartialDocument,
} from '../../archive/partial/partial-document.ts';
import type { Inventory } from '../../archive/inventory/inventory-schema.ts';
import { isImageTarPath } from '../../archive/layout/image-tar.ts';
import { listsTarballs, type ArchiveLayout } from '../../archive/layout/archive-layout.ts';
import { kindOfRelease, readInventoryFile } from '../../archive/reader/release-file.ts';
import type { Bytes } from '../../base/bytes.ts';
import type { CopyPlan } from '../../content/plan.ts';
import type { CallOptions, Source } from '../../content/store.ts';
import { NotFoundError, UsageError } from '../../errors.ts';

/** Open until disposed. */
export class BuildBases implements Disposable {
  /** What each of them has, in the order given. */
  readonly inventories: readonly Inventory[];
  /** Those of which there is more than the inventory. */
  readonly archives: BaseArchives;

  /** Made by {@link openBuildBases}. */
  constructor(inventories: readonly Inventory[], archives: BaseArchives) {
    this.inventories = inventories;
    this.archives = archives;
  }

  [Symbol.dispose](): void {
    this.archives[Symbol.dispose]();
  }
}

/**
 * Opens releases that a site has: archives and deltas, of which the content is read where that saves a download, or
 * their inventories alone.
 * @throws NotFoundError `NOT_FOUND`, UsageError for a file that is neither, or damaged.
 */
export async function openBuildBases(paths: readonly string[], options: CallOptions = {}): Promise<BuildBases> {
  const inventories: (Inventory | string)[] = [];
  for (const path of paths) {
    const kind = await kindOfRelease(path);
    if (kind === 'lock') {
      throw new UsageError('USAGE', `--base ${path}: a lock does not say what was shipped`, {
        hint: 'name the archive, or the inventory that `airgap build --inventory` or `airgap inspect --inventory` writes',
      });
    }
    inventories.push(kind === 'archive' ? path : await readInventoryFile(path));
  }
  const archives = await openBaseArchives(inventories.filter((each) => typeof each === 'string'), options); // prettier-ignore
  const opened = archives.archives.values();
  const inventoryOf = (each: Inventory | string): Inventory =>
    typeof each === 'string' ? (opened.next().value?.head.inventory as Inventory) : each;
  return new BuildBases(inventories.map(inventoryOf), archives);
}

/** What a delta leaves out, and what it costs all the same where `checksums.txt` lists digests of whole tarballs. */
export interface DeltaFacts extends Omissions {
  /** bytes of the full archive */
  readonly fullSize: number;
  /** bytes that are read from bases at hand, to be hashed */
  readonly readBytes: number;
  /** bytes that no base at hand has: they are pulled to be hashed, and not kept */
  readonly pulledBytes: number;
  /** bytes of the tarballs that are hashed for `checksums.txt`, what is carried included */
  readonly tarballBytes: number;
}

/** Works out {@link DeltaFacts}. */
export function deltaFacts(
  partial: PartialDocument,
  inventory: Inventory,
  fullLayout: ArchiveLayout,
  { archives }: BuildBases,
): DeltaFacts {
  const omitted = omittedBy(partial);
  let [readBytes, pulledBytes] = [0, 0];
  const tarballs = listsTarballs(inventory) ? fullLayout.members.filter(({ path }) => isImageTarPath(path)) : [];
  // Without lines for tarballs, nothing of that is read.
  for (const segment of listsTarballs(inventory) ? fullLayout.segments : []) {
    if (segment.kind !== 'content' || !omitted.has(segment.digest)) continue;
    if (archives.find(segment.digest) === undefined) pulledBytes += segment.length;
    else readBytes += segment.length;
  }
  return {
    ...summarizeOmissions(partial, inventory),
    fullSize: fullLayout.size,
    readBytes,
    pulledBytes,
    tarballBytes: tarballs.reduce((sum, { size }) => sum + size, 0),
  };
}

/** Gives what a delta leaves out: from a base at hand, else from where the release is built from. */
export function omittedSource({ archives }: BuildBases, { blobs }: CopyPlan): Pick<Source, 'fetch' | 'name'> {
  const sources = new Map(blobs.map(({ descriptor, source }) => [descriptor.digest, source]));
  return {
    name: 'the bases of the delta',
    fetch: (target, options): Bytes => {
      const content = archives.fetch(target, options) ?? sources.get(target.digest)?.fetch(target, options);
      if (content !== undefined) return content;
      throw new NotFoundError('NOT_FOUND', `neither a base nor a source has ${target.digest}`);
    },
  };
}
