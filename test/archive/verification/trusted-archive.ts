/** Small real archives with trust documents in them, signed by named keys, for the tests of this folder. */
import { openArchiveWriter } from '../../../src/archive/writer/writer.ts';
import { bytesOf } from '../../../src/content/verified.ts';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import type { TrustRecord } from '../../../src/trust/documents/trust-document.ts';
import { createKeySigner } from '../../../src/trust/signing/signer.ts';
import { fillSlot } from '../../../src/trust/signatures/slot.ts';
import { pairOf, trustBytes } from '../../trust/documents/trust-documents.ts';

const SLOT_BYTES = 1024;

/** What is special about an archive. */
export interface ArchiveOptions {
  readonly sequence?: number | undefined;
  readonly expires?: string | undefined;
  readonly product?: string;
  readonly channel?: string;
  /** Names of keys, see `pairOf`. */
  readonly signers: readonly string[];
  readonly trust?: readonly TrustRecord[];
  /** Further files; they may take the place of trust documents. */
  readonly files?: Readonly<Record<string, Buffer>>;
}

/** Writes an archive of a few files and no images, and returns the digest of its `checksums.txt`. */
export async function makeArchive(path: string, options: ArchiveOptions): Promise<Digest> {
  const { sequence, expires, product = 'sample', channel = 'stable', signers, trust = [] } = options;
  const contents = new Map<string, Buffer>([
    ['docs/readme.txt', Buffer.from(`release ${sequence ?? 'without a number'}\n`)],
    ...trust.map((record): [string, Buffer] => [`trust/${record.document.version}.trust.json`, trustBytes(record)]),
    ...Object.entries(options.files ?? {}),
  ]);
  const files = [...contents].map(([name, bytes]) => ({ path: name, size: bytes.length, digest: sha256(bytes) }));
  const inventory: Inventory = {
    formatVersion: 1,
    name: product,
    version: `1.${sequence ?? 'x'}.0`,
    channel,
    ...(sequence === undefined ? {} : { sequence }),
    created: '2026-01-31T12:00:00Z',
    ...(expires === undefined ? {} : { expires }),
    platforms: [],
    components: [],
    files: files.sort((a, b) => (a.path < b.path ? -1 : 1)),
    slots: [1, 2, 3].map((number) => ({ path: `signatures/${number}.sigstore.json`, size: SLOT_BYTES })),
    images: [],
    manifests: [],
    blobs: [],
  };
  await using writer = await openArchiveWriter(path, inventory, { overwrite: true });
  for (const { path: name, size, digest } of inventory.files) {
    const descriptor = { mediaType: 'application/octet-stream', digest, size };
    if (!(await writer.exists(descriptor)))
      await writer.push(descriptor, bytesOf(contents.get(name) ?? Buffer.alloc(0)));
  }
  return await writer.finish(async (checksums) => {
    const slots: Buffer[] = [];
    for (const index of [0, 1, 2]) {
      const name = signers[index];
      const bundle = name === undefined ? undefined : await createKeySigner(pairOf(name).privateKey).sign(checksums);
      slots.push(fillSlot(bundle, SLOT_BYTES));
    }
    return slots;
  });
}
