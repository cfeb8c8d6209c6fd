/** `release.json`: the signed inventory an archive is a pure function of. */
import { UtcSeconds } from '../../base/schemas/utc-seconds.ts';
import * as z from 'zod';
import { listOf } from '../../base/schemas/list.ts';
import { ContentGraph, DigestText, Size } from '../../content/content-graph.ts';
import { LineName, Sequence } from '../../trust/documents/trust-document-schema.ts';

const Text = z.string().min(1).max(512);
const Path = z.string().min(1).max(255);
const MAX_LIST = 100_000;
/** Slots are read before any signature is checked: all of them together must stay small. */
export const MAX_SLOTS = 16;
export const MAX_SLOT_BYTES: number = 1024 * 1024;
const SLOT_PATH = /^(signatures|attestations)\/[1-9][0-9]?\.sigstore\.json$/;

/** A chart, manifest, document or other file that travels beside the images. */
export const InventoryFile = z.strictObject({ path: Path, size: Size, digest: DigestText });
export type InventoryFile = z.infer<typeof InventoryFile>;

/** A member of fixed size that is filled after everything else is known, padded with white space. */
export const InventorySlot = z.strictObject({
  path: z.string().regex(SLOT_PATH),
  size: z.int().min(512).max(MAX_SLOT_BYTES),
});
export type InventorySlot = z.infer<typeof InventorySlot>;

/** Whether a member is a slot. */
export function isSlotPath(path: string): boolean {
  return SLOT_PATH.test(path);
}

/** One part of the product, by name, with what belongs to it. */
export const InventoryComponent = z.strictObject({
  name: Text,
  description: z.string().max(4096).optional(),
  images: listOf(Text, MAX_LIST),
  files: listOf(Path, MAX_LIST),
});
export type InventoryComponent = z.infer<typeof InventoryComponent>;

/** The whole inventory. Key order is the order of `release.json`. */
export const Inventory = z.strictObject({
  formatVersion: z.literal(1),
  name: LineName,
  version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/),
  channel: LineName,
  /** Its place among the releases of its name and channel; sites refuse to go back. */
  sequence: Sequence.optional(),
  /** The release's fixed time, to the second; every member carries it. */
  created: UtcSeconds,
  /** From then on the release is refused. */
  expires: UtcSeconds.optional(),
  /** `checksums.txt` lists files and no image tarballs, which follow from the inventory. Absent where it lists them too. */
  checksums: z.literal('files').optional(),
  /** Exactly those that its images are for. */
  platforms: listOf(z.string().max(100), 64),
  components: listOf(InventoryComponent, 10_000),
  files: listOf(InventoryFile, MAX_LIST),
  slots: listOf(InventorySlot, MAX_SLOTS, 1),
  ...ContentGraph.shape,
});
export type Inventory = z.infer<typeof Inventory>;
