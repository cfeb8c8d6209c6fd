/** An attacker's archive writer: lays out and signs whatever inventory it is given, true or not. */
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { layoutArchive, listsTarballs, renderChecksums } from '../../src/archive/layout/archive-layout.ts';
import { encodeHeader, paddingOf } from '../../src/base/tar/ustar.ts';
import { hexOf, sha256, type Digest } from '../../src/oci/digest.ts';
import type { Inventory } from '../../src/archive/inventory/inventory-schema.ts';
import type { KeyPair } from '../../src/trust/keys/public-key.ts';
import type { ReleaseSigner } from '../../src/trust/signing/signer.ts';
import { fillSlot } from '../../src/trust/signatures/slot.ts';
import type { SampleRelease } from './sample-release.ts';

/** What stands in front of the 32 secret bytes. @see https://www.rfc-editor.org/rfc/rfc8410#section-7 */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Content by digest. */
export type Contents = ReadonlyMap<Digest, Uint8Array>;

/** Writes the archive, content that is not there as zeros, with correct checksums and a good signature. */
export async function forgeArchive(inventory: Inventory, contents: Contents, signer?: ReleaseSigner): Promise<Buffer> {
  const layout = layoutArchive(inventory);
  const bytes = Buffer.alloc(layout.size);
  for (const segment of layout.segments) {
    if (segment.kind === 'framing') bytes.set(segment.bytes, segment.offset);
    if (segment.kind !== 'content') continue;
    bytes.set((contents.get(segment.digest) ?? Buffer.alloc(0)).subarray(0, segment.length), segment.offset);
  }
  const digests = layout.members.map(
    ({ path, offset, size }) => [path, sha256(bytes.subarray(offset, offset + size))] as const,
  );
  const checksums = renderChecksums(layout, new Map(listsTarballs(inventory) ? digests : []));
  const bundle = await signer?.sign(checksums);
  let isFirst = true;
  for (const segment of layout.segments) {
    if (segment.kind === 'checksums') bytes.set(checksums, segment.offset);
    if (segment.kind !== 'slot') continue;
    bytes.set(fillSlot(isFirst ? bundle : undefined, segment.length), segment.offset);
    isFirst = false;
  }
  return bytes;
}

/** What stands in the front of a forged archive, beside its inventory; what is left out is as small as it can be. */
export interface ForgedFront {
  readonly signer?: ReleaseSigner;
  readonly mtime?: number;
  readonly checksums?: Buffer;
  /** Members between `checksums.txt` and `release.json`; by default one slot, signed where there is a signer. */
  readonly between?: Readonly<Record<string, Buffer>>;
}

/** The front of an archive around any bytes for `release.json`; nothing follows them. */
export async function forgeFront(inventory: Buffer, front: ForgedFront = {}): Promise<Buffer> {
  return Buffer.concat(await forgeFrontParts(inventory, front));
}

/** What {@link forgeFront} makes, in parts that are to follow each other: large ones need not be copied. */
export async function forgeFrontParts(inventory: Buffer, front: ForgedFront = {}): Promise<readonly Buffer[]> {
  const { signer, mtime = 0, checksums = Buffer.from(`${hexOf(sha256(inventory))}  release.json\n`) } = front;
  const slot = fillSlot(await signer?.sign(checksums), 1024);
  const between = front.between ?? { 'signatures/1.sigstore.json': slot };
  return Object.entries({ 'checksums.txt': checksums, ...between, 'release.json': inventory }).flatMap(
    ([path, bytes]) => [
      encodeHeader({ path, size: bytes.length, mtime }),
      bytes,
      Buffer.alloc(paddingOf(bytes.length)),
    ],
  );
}

/** The content of a sample release as {@link forgeArchive} takes it. */
export function contentsOf({ contents }: SampleRelease): Map<Digest, Buffer> {
  return new Map([...contents].map(([digest, { bytes }]) => [digest, bytes]));
}

/** The inventory with one manifest replaced by other bytes, under their digest, wherever it is named; sorted again. */
export function withManifestBytes(inventory: Inventory, digest: Digest, bytes: Buffer): Inventory {
  const other = sha256(bytes);
  const renamed = JSON.parse(JSON.stringify(inventory).replaceAll(digest, other)) as Inventory;
  return {
    ...renamed,
    manifests: renamed.manifests
      .map((manifest) => (manifest.digest === other ? { ...manifest, size: bytes.length } : manifest))
      .sort((a, b) => (a.digest < b.digest ? -1 : 1)),
  };
}

/** A key pair that is the same in every run, so that what depends on its signatures is, too. */
export function fixedKeyPair(seed: string): KeyPair {
  const der = Buffer.concat([PKCS8_ED25519, createHash('sha256').update(seed).digest()]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}
