/** Turns a lock into the inventory of its archive. */
import { platformsOf } from '../../content/graph-platforms.ts';
import type { InventoryFile, Inventory } from './inventory-schema.ts';
import type { ReleaseLock } from '../../release/lock/lock-schema.ts';

/** Room for this many signatures, so that more can be added without rewriting the payload. */
const SIGNATURE_SLOTS = 4;
/** Bytes of one signature slot: a keyless bundle with certificate, log entry and timestamp fits. */
const SIGNATURE_SLOT_BYTES = 16 * 1024;

/** A file of the archive that is made for it, and not named in the lock. */
export interface ArchiveMember {
  /** In the archive. */
  readonly path: string;
  /** Its content. */
  readonly bytes: Buffer;
}

/**
 * The inventory of a locked release. `tools` are the files of `install/`, `sbom/` and `trust/`, which belong to the
 * product that builds and to the maker of the release, and not to the release; `attestationSizes` are the bytes of each
 * slot for a statement.
 */
export function toInventory(
  lock: ReleaseLock,
  tools: readonly InventoryFile[],
  attestationSizes: readonly number[] = [],
): Inventory {
  const files = lock.files.map(({ path, size, digest }) => ({ path, size, digest }));
  return {
    formatVersion: 1,
    name: lock.name,
    version: lock.version,
    channel: lock.channel,
    ...(lock.sequence === undefined ? {} : { sequence: lock.sequence }),
    created: lock.created,
    ...(lock.expires === undefined ? {} : { expires: lock.expires }),
    ...(lock.checksums === undefined ? {} : { checksums: lock.checksums }),
    platforms: [...platformsOf(lock)],
    components: lock.components.map(({ name, description, images, files: paths }) => ({
      name,
      ...(description === undefined ? {} : { description }),
      images: images.map((image) => image.reference),
      files: paths,
    })),
    files: [...files, ...tools].sort((a, b) => (a.path < b.path ? -1 : 1)),
    slots: [
      ...toSlots('signatures', Array<number>(SIGNATURE_SLOTS).fill(SIGNATURE_SLOT_BYTES)),
      ...toSlots('attestations', attestationSizes),
    ],
    images: lock.images,
    manifests: lock.manifests,
    blobs: lock.blobs,
  };
}

function toSlots(directory: 'signatures' | 'attestations', sizes: readonly number[]): Inventory['slots'] {
  return sizes.map((size, index) => ({ path: `${directory}/${index + 1}.sigstore.json`, size }));
}

/** `hexabase-offline-1.5.0.tar`; of a delta `hexabase-offline-1.5.0.delta.tar` */
export function archiveFileName({ name, version }: Pick<ReleaseLock, 'name' | 'version'>, isDelta = false): string {
  return `${name}-offline-${version}${isDelta ? '.delta' : ''}.tar`;
}
