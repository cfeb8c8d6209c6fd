/** `release.json`: the signed inventory an archive is a pure function of. */
import { UtcSeconds } from '../../base/schemas/utc-seconds.ts';
import * as z from 'zod';
import { ContentGraph, DigestText, Size } from '../../content/content-graph.ts';
import { LineName, Sequence } from '../../trust/documents/document-schema.ts';

const Text = z.string().min(1).max(512);
const Path = z.string().min(1).max(255);
const MAX_LIST = 100_000;
/** Slots are read before any signature is checked: all of them together must stay small. */
const MAX_SLOTS = 16;
const MAX_SLOT_BYTES = 1024 * 1024;

/** A chart, manifest, document or other file that travels beside the images. */
export const InventoryFile = z.strictObject({ path: Path, size: Size, digest: DigestText });
export type InventoryFile = z.infer<typeof InventoryFile>;

/** A member of fixed size that is filled after everything else is known, padded with white space. */
export const InventorySlot = z.strictObject({
  path: z.string().regex(/^(signatures|attestations)\/[1-9][0-9]?\.sigstore\.json$/),
  size: z.int().min(512).max(MAX_SLOT_BYTES),
});
export type InventorySlot = z.infer<typeof InventorySlot>;

/** One part of the product, by name, with what belongs to it. */
export const InventoryComponent = z.strictObject({
  name: Text,
  description: z.string().max(4096).optional(),
  images: z.array(Text).max(MAX_LIST),
  files: z.array(Path).max(MAX_LIST),
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
  platforms: z.array(z.string().regex(/^[a-z0-9]+\/[a-z0-9]+(\/v[0-9]{1,2})?$/)).max(64),
  components: z.array(InventoryComponent).max(10_000),
  files: z.array(InventoryFile).max(MAX_LIST),
  slots: z.array(InventorySlot).min(1).max(MAX_SLOTS),
  ...ContentGraph.shape,
});
export type Inventory = z.infer<typeof Inventory>;
