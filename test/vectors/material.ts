/** What the vectors are made of: one small signed release, and ways to make another of it, true or not. */
import { layoutArchive, renderChecksums } from '../../src/archive/layout/archive-layout.ts';
import { serializeInventory } from '../../src/archive/inventory/inventory.ts';
import type { Inventory } from '../../src/archive/inventory/inventory-schema.ts';
import { platformsOf } from '../../src/content/graph-platforms.ts';
import { encodeHeader, paddingOf } from '../../src/base/tar/ustar.ts';
import { hexOf, sha256, type Digest } from '../../src/oci/digest.ts';
import { createKeySigner, type ReleaseSigner } from '../../src/trust/signing/signer.ts';
import { fillSlot } from '../../src/trust/signatures/slot.ts';
import { fixedKeyPair, forgeArchive } from '../archive/forge.ts';

export const KEYS = fixedKeyPair('vectors');
export const SIGNER: ReleaseSigner = createKeySigner(KEYS.privateKey);

/** An inventory that may be changed, and the content it names. */
export interface Draft {
  inventory: Inventory;
  readonly contents: Map<Digest, Buffer>;
}

type Json = Record<string, unknown>;
interface Descriptor extends Json {
  mediaType: string;
  digest: Digest;
  size: number;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const REFERENCE = 'r.example/a:1';

/** The release that most vectors are one change away from: an index of one image, and a document. */
export function makeDraft(): Draft {
  const draft = emptyDraft();
  const image = addManifest(draft, imageOf(draft));
  const index = addIndex(draft, [{ ...image, platform: { os: 'linux', architecture: 'amd64' } }], ['linux/amd64']);
  draft.inventory.images.push({ reference: REFERENCE, digest: index.digest, indexMode: 'complete' });
  const text = Buffer.from('read me\n');
  draft.contents.set(sha256(text), text);
  draft.inventory.files.push({ path: 'docs/readme.txt', size: text.length, digest: sha256(text) });
  draft.inventory.components.push({ name: 'A', images: [REFERENCE], files: ['docs/readme.txt'] });
  return draft;
}

export function emptyDraft(): Draft {
  const inventory: Inventory = {
    ...{ formatVersion: 1 as const, name: 'sample', version: '1.0.0', channel: 'stable' },
    ...{ created: '2024-05-06T07:08:09Z', platforms: [], components: [], files: [] },
    slots: [{ path: 'signatures/1.sigstore.json', size: 512 }],
    ...{ images: [], manifests: [], blobs: [] },
  };
  return { inventory, contents: new Map() };
}

/** A blob of the graph. */
export function addBlob({ inventory, contents }: Draft, mediaType: string, bytes: Buffer): Descriptor {
  const digest = sha256(bytes);
  contents.set(digest, bytes);
  const size = bytes.length;
  if (!inventory.blobs.some((blob) => blob.digest === digest)) inventory.blobs.push({ digest, mediaType, size });
  return { mediaType, digest, size };
}

/** The document of an image for linux/amd64, with its blobs in the graph. */
export function imageOf(
  draft: Draft,
  config: unknown = { os: 'linux', architecture: 'amd64' },
  mediaType: string = CONFIG,
): Json {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  return {
    ...{ schemaVersion: 2, mediaType: MANIFEST },
    config: addBlob(draft, mediaType, Buffer.from(text)),
    layers: [addBlob(draft, LAYER, Buffer.from('layer'))],
  };
}

/** A manifest whose entry says what it says. Text goes into the archive as it is. */
export function addManifest(draft: Draft, document: Json | string): Descriptor {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  const { config, layers, mediaType } = JSON.parse(text) as { config: Descriptor; layers?: Descriptor[] | null; mediaType?: string | null }; // prettier-ignore
  const entry = addContent(draft, Buffer.from(text), mediaType ?? MANIFEST);
  draft.inventory.manifests.push({ ...entry, config: config.digest, layers: (layers ?? []).map((layer) => layer.digest) }); // prettier-ignore
  return entry;
}

/** An index whose entry names its children under these platforms. */
export function addIndex(
  draft: Draft,
  entries: readonly Json[],
  platforms: readonly (string | undefined)[] = [],
  more: Json = {},
): Descriptor {
  const text = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: entries, ...more });
  const entry = addContent(draft, Buffer.from(text), INDEX);
  const manifests = (entries as readonly Descriptor[]).map(({ digest }, at) => {
    const platform = platforms[at];
    return { digest, ...(platform === undefined ? {} : { platform }) };
  });
  draft.inventory.manifests.push({ ...entry, manifests });
  return entry;
}

function addContent({ contents }: Draft, bytes: Buffer, mediaType: string): Descriptor {
  const digest = sha256(bytes);
  contents.set(digest, bytes);
  return { mediaType, digest, size: bytes.length };
}

/** A document of the archive. */
export function addFile({ inventory, contents }: Draft, path: string, text: string): void {
  const bytes = Buffer.from(text);
  contents.set(sha256(bytes), bytes);
  inventory.files.push({ path, size: bytes.length, digest: sha256(bytes) });
}

/** The archive of a draft, with its lists sorted, its platforms counted and a good signature. */
export async function build(draft: Draft, signer: ReleaseSigner | null = SIGNER): Promise<Buffer> {
  return await buildAsItIs(arrange(draft), signer);
}

/** The same, of what the draft says even where that is in no order. */
export async function buildAsItIs(
  { inventory, contents }: Draft,
  signer: ReleaseSigner | null = SIGNER,
): Promise<Buffer> {
  return await forgeArchive(inventory, contents, signer ?? undefined);
}

/** What a writer does before it writes. */
export function arrange(draft: Draft): Draft {
  const { inventory } = draft;
  const by = (key: string) => (a: object, b: object) => (String((a as Json)[key]) < String((b as Json)[key]) ? -1 : 1); // prettier-ignore
  inventory.images.sort(by('reference'));
  inventory.manifests.sort(by('digest'));
  inventory.blobs.sort(by('digest'));
  inventory.files.sort(by('path'));
  inventory.platforms = [...platformsOf(inventory)];
  return draft;
}

/** The small release with another signed list of the same length. */
export async function withChecksums(change: (text: string) => string): Promise<Buffer> {
  const { inventory, contents } = arrange(makeDraft());
  const archive = await forgeArchive(inventory, contents);
  const [list, slot] = layoutArchive(inventory).members;
  if (list === undefined || slot === undefined) throw new Error('no front');
  const checksums = Buffer.from(change(archive.toString('latin1', list.offset, list.offset + list.size)), 'latin1');
  archive.set(checksums, list.offset);
  archive.set(fillSlot(await SIGNER.sign(checksums), slot.size), slot.offset);
  return archive;
}

/** The archive with another text for `release.json`, signed anew: all but the inventory is as it was. */
export async function withText(draft: Draft, change: (text: string) => string | Buffer): Promise<Buffer> {
  const { inventory } = arrange(draft);
  const archive = await forgeArchive(inventory, draft.contents, SIGNER);
  const text = Buffer.from(change(serializeInventory(inventory).toString()));
  const layout = layoutArchive(inventory);
  const old = layout.members.find(({ path }) => path === 'release.json');
  if (old === undefined) throw new Error('no inventory');
  const tars = new Map(layout.members.map(({ path, offset, size }) => [path, sha256(archive.subarray(offset, offset + size))])); // prettier-ignore
  const list = renderChecksums(layout, tars).toString('latin1');
  const checksums = Buffer.from(list.replace(/^[a-f0-9]{64}/, hexOf(sha256(text))), 'latin1');
  const mtime = Date.parse(inventory.created) / 1000;
  const members = {
    'checksums.txt': checksums,
    'signatures/1.sigstore.json': fillSlot(await SIGNER.sign(checksums), 512),
    'release.json': text,
  };
  const front = Object.entries(members).flatMap(([path, bytes]) => [
    encodeHeader({ path, size: bytes.length, mtime }),
    bytes,
    Buffer.alloc(paddingOf(bytes.length)),
  ]);
  return Buffer.concat([...front, archive.subarray(old.offset + old.size + paddingOf(old.size))]);
}
