/** An archive without its layers: the delta of a release to itself, which is all that decides about it and describes it. */
import type { Bytes } from '../../base/bytes.ts';
import type { CallOptions } from '../../content/store.ts';
import { sha256 } from '../../oci/digest.ts';
import { serializeInventory } from '../inventory/inventory.ts';
import type { Inventory } from '../inventory/inventory-schema.ts';
import { layoutDelta } from '../partial/delta-layout.ts';
import { omittable, type PartialDocument } from '../partial/partial-document.ts';
import type { DetachedSignature } from '../reader/detached.ts';
import { readerOf, type TrustedArchive } from './trusted-archive.ts';

/** The bytes of it, and how many there are. */
export interface LayerlessArchive {
  /** bytes */
  readonly size: number;
  /** Each piece of content is held against its digest. The chunks are borrowed: valid until the next one is asked for. */
  readonly content: Bytes;
  /** Those beside the archive; they count beside this one too. */
  readonly detached: readonly DetachedSignature[];
}

/**
 * Signatures, inventory, manifests, charts and files as they are, and no layer. Where a registry holds the release, it can
 * be loaded and deployed again from that.
 */
export function withoutLayers(archive: TrustedArchive, { signal }: CallOptions = {}): LayerlessArchive {
  const reader = readerOf(archive);
  const { inventory, fullLayout, detached } = reader.head;
  const layout = layoutDelta(inventory, leaveOutLayers(inventory), fullLayout);
  const content = reader.laidOut(layout, { offset: 0, size: layout.size }, signal);
  return { size: layout.size, content, detached };
}

function leaveOutLayers(inventory: Inventory): PartialDocument {
  const omitted = [...omittable(inventory).keys()].sort();
  const { name, version } = inventory;
  const base = { name, version, inventory: sha256(serializeInventory(inventory)), omitted };
  return { formatVersion: 1, bases: omitted.length === 0 ? [] : [base] };
}
