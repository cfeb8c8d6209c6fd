/** The head of an archive: its seal, and the inventory that the seal is around. Canonical, and not trusted by itself. */
import { sha256, type Digest } from '../../oci/digest.ts';
import { IntegrityError } from '../../errors.ts';
import type { Inventory } from '../inventory/inventory-schema.ts';
import { parseInventory } from '../inventory/inventory.ts';
import { layoutArchive, MemberPath, type ArchiveLayout } from '../layout/archive-layout.ts';
import { layoutDelta } from '../partial/delta-layout.ts';
import { parsePartial, type PartialDocument } from '../partial/partial-document.ts';
import { notAnArchive, type ArchiveSeal } from './seal.ts';

/** The metadata of an archive: canonical, but not trusted. */
export interface ArchiveHead extends ArchiveSeal {
  readonly inventory: Inventory;
  /** Of this file. */
  readonly layout: ArchiveLayout;
  /** Of the full archive: the same, unless this is a delta. */
  readonly fullLayout: ArchiveLayout;
  /** Of a delta: what it leaves out. */
  readonly partial?: PartialDocument | undefined;
}

/**
 * Interprets the inventory that a seal is around.
 * @param bytes of `release.json`
 * @param digest what it has to be, where the seal was accepted
 * @throws IntegrityError `MALFORMED` when it is another, is not canonical, or the seal is not the one it lays out.
 */
export function openSeal(seal: ArchiveSeal, bytes: Buffer, digest?: Digest): ArchiveHead {
  if (digest !== undefined && sha256(bytes) !== digest) {
    throw new IntegrityError('MALFORMED', 'checksums.txt and release.json disagree', {
      hint: 'the archive was changed after it was signed; do not load it',
      details: { member: MemberPath.inventory },
    });
  }
  const inventory = parseInventory(bytes);
  const fullLayout = layoutArchive(inventory);
  const { partialBytes } = seal;
  const partial = partialBytes && parsePartial(partialBytes, inventory);
  const layout = partial === undefined ? fullLayout : layoutDelta(inventory, partial, fullLayout);
  const read = [
    ...(partialBytes === undefined ? [] : [{ path: MemberPath.partial, size: partialBytes.length }]),
    { path: MemberPath.checksums, size: seal.checksums.length },
    ...[...seal.slots, ...seal.trust].map((member) => ({ path: member.path, size: member.bytes.length })),
    { path: MemberPath.inventory, size: bytes.length },
  ];
  const isLaidOutSo = read.every(
    ({ path, size }, index) => layout.members[index]?.path === path && layout.members[index].size === size,
  );
  if (!isLaidOutSo || seal.mtime !== Date.parse(inventory.created) / 1000) {
    throw notAnArchive('has other members in front than its inventory says');
  }
  return { ...seal, inventory, layout, fullLayout, partial };
}
