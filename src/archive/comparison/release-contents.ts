/** What two releases are compared by: that which an inventory and a lock both say. */
import { platformsOf } from '../../content/graph-platforms.ts';
import type { ContentGraph } from '../../content/content-graph.ts';
import type { ReleaseLock } from '../../release/lock/lock-schema.ts';
import type { Inventory, InventoryFile } from '../inventory/inventory-schema.ts';

/** Directories of an archive whose files come with the build: a lock does not have them. */
const ADDED_BY_BUILD = ['install/', 'sbom/', 'trust/', 'compliance/'];

/** One release, as an archive, an inventory or a lock describes it. */
export interface ReleaseContents {
  readonly name: string;
  readonly version: string;
  readonly channel: string;
  readonly sequence: number | undefined;
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly expires: string | undefined;
  /** Those that its images are for, sorted. */
  readonly platforms: readonly string[];
  /** By name, in the order of the release. */
  readonly components: readonly string[];
  readonly files: readonly InventoryFile[];
  readonly graph: ContentGraph;
  /** Whether {@link files} has what a build adds to the files of a release. */
  readonly isBuilt: boolean;
}

/** What an archive or an inventory says. */
export function contentsOfInventory(inventory: Inventory): ReleaseContents {
  return { ...describe(inventory), files: inventory.files, isBuilt: true };
}

/** What a lock says. */
export function contentsOfLock(lock: ReleaseLock): ReleaseContents {
  const files = lock.files.map(({ path, size, digest }) => ({ path, size, digest }));
  return { ...describe(lock), files, isBuilt: false };
}

/** The files that both releases can have: a build's own are left out where one of the two was not built. */
export function comparableFiles(
  contents: ReleaseContents,
  other: Pick<ReleaseContents, 'isBuilt'>,
): readonly InventoryFile[] {
  if (other.isBuilt) return contents.files;
  return contents.files.filter(({ path }) => !ADDED_BY_BUILD.some((directory) => path.startsWith(directory)));
}

function describe(release: Inventory | ReleaseLock): Omit<ReleaseContents, 'files' | 'isBuilt'> {
  const { name, version, channel, sequence, created, expires, images, manifests, blobs } = release;
  return {
    name,
    version,
    channel,
    sequence,
    created,
    expires,
    platforms: platformsOf(release),
    components: release.components.map((component) => component.name),
    graph: { images, manifests, blobs },
  };
}
