/** The known tricks with tar archives: each is put into a good, signed archive at three places, and each is refused. */
import { writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { layoutArchive, renderChecksums } from '../../../src/archive/layout/archive-layout.ts';
import { serializeInventory } from '../../../src/archive/inventory/inventory.ts';
import { bytesOf } from '../../../src/content/verified.ts';
import { exitCodeOf } from '../../../src/errors.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/media-types.ts';
import { verifyArchive, verifyStream } from '../../../src/archive/verification/verified-archive.ts';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import { fillSlot } from '../../../src/trust/signatures/slot.ts';
import { createKeySigner } from '../../../src/trust/signing/signer.ts';
import { makeImage } from '../../helpers/sample-image.ts';
import { tarBlock, tarEnd, tarEntry, withChecksum } from '../../helpers/tar-entry.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { contentsOf, fixedKeyPair, forgeArchive, forgeFront } from '../forge.ts';
import { makeRelease, SLOT_BYTES, type SampleRelease } from '../sample-release.ts';

const temp = useTempDir();
const { privateKey, publicKey } = fixedKeyPair('maker');
const policy = { keys: [publicKey], threshold: 1 };
let release: SampleRelease;
let good: Buffer;
/** Where members begin, and where the end blocks do. */
let edges: readonly number[];

beforeAll(async () => {
  release = await makeRelease({ images: { 'registry.example/app:1': makeImage() } });
  good = await forgeArchive(release.inventory, contentsOf(release), createKeySigner(privateKey));
  edges = [...layoutArchive(release.inventory).members.map(({ offset }) => offset - 512), good.length - 1024];
});

/** Exit codes of both ways of reading; 0 where it is accepted. */
async function verdicts(bytes: Buffer): Promise<readonly number[]> {
  const path = temp.join('a.tar');
  await writeFile(path, bytes);
  return Promise.all([
    verifyArchive(path, policy).then(() => 0, exitCodeOf),
    verifyStream(bytesOf(bytes), 'stream', policy).then(() => 0, exitCodeOf),
  ]);
}

test('without a trick it is accepted', async () => {
  expect(await verdicts(good)).toEqual([0, 0]);
});

test('whom it was accepted from is told once, of a file and of a stream, though a byte proves wrong afterwards', async () => {
  const path = temp.join('a.tar');
  const damaged = Buffer.from(good);
  const last = damaged.findLastIndex((byte) => byte !== 0);
  damaged[last] = (damaged[last] ?? 0) ^ 1;
  await writeFile(path, damaged);
  const told: (readonly unknown[])[] = [];
  const options = { onTrusted: ({ signers }: { readonly signers: readonly unknown[] }) => void told.push(signers) };
  const refused = { code: 'DIGEST_MISMATCH' };
  await expect(verifyArchive(path, policy, options)).rejects.toMatchObject(refused);
  await expect(verifyStream(bytesOf(damaged), 'stream', policy, options)).rejects.toMatchObject(refused);
  expect(told.map((signers) => signers.length)).toEqual([1, 1]);
});

const pax = (records: string, type = 'x'): Buffer => tarEntry('PaxHeaders/x', { type, content: records });
const victim = tarEntry('docs/readme.txt', { content: 'owned\n' });

describe('an entry is refused:', () => {
  test.each<[string, readonly Buffer[]]>([
    ['traversal', [tarEntry('../../etc/passwd', { content: 'x' })]],
    ['traversal below a good name', [tarEntry('docs/../../x', { content: 'x' })]],
    ['an absolute path', [tarEntry('/etc/passwd', { content: 'x' })]],
    ['backslashes', [tarEntry('..\\..\\x', { content: 'x' })]],
    ['a drive', [tarEntry('C:\\x', { content: 'x' })]],
    ['a drive without root', [tarEntry('C:x', { content: 'x' })]],
    ['a name of only a dot (CVE-2026-35206)', [tarEntry('.', { content: 'x' })]],
    ['a prefix that leads out', [Buffer.from(withChecksum(Buffer.concat([tarBlock('x', {}).subarray(0, 345), Buffer.from('../..'.padEnd(155, '\0')), Buffer.alloc(12)])))]],
    ['a symbolic link (CVE-2026-29064)', [tarEntry('docs/link', { type: '2', link: '/etc' }), tarEntry('docs/link/x', { content: 'x' })]],
    ['a chain of links that each stay inside (CVE-2026-85731)', [tarEntry('a', { type: '2', link: 'docs' }), tarEntry('docs/b', { type: '2', link: '..' }), tarEntry('a/b/x', { content: 'x' })]],
    ['a link to the neighbour with the same beginning (CVE-2025-59343)', [tarEntry('docs/x', { type: '2', link: '../../out-evil' })]],
    ['a hard link (CVE-2026-24842)', [tarEntry('docs/hard', { type: '1', link: '/etc/passwd' })]],
    ['a hard link relative to the working directory (CVE-2026-50163)', [tarEntry('docs/hard', { type: '1', link: 'package.json' })]],
    ['a hard link inside', [tarEntry('docs/hard', { type: '1', link: 'docs/readme.txt' })]],
    ['setuid (CVE-2021-32760)', [tarEntry('docs/x', { mode: '0004755\0', content: 'x' })]],
    ['a directory onto a link (CVE-2026-33056)', [tarEntry('docs/x', { type: '2', link: '/etc' }), tarEntry('docs/x', { type: '5', mode: '0000777\0' })]],
    ['a name twice (CVE-2014-8178)', [victim]],
    ['a name twice but for case (CVE-2026-23950)', [tarEntry('DOCS/README.TXT', { content: 'x' })]],
    ['a name twice when normalised', [tarEntry('docs/réadme', { content: 'x' }), tarEntry('docs/re\u0301adme', { content: 'x' })]],
    ['a file below a file', [tarEntry('docs/readme.txt/x', { content: 'x' })]],
    ['a second release.json', [tarEntry('release.json', { content: '{}' })]],
    ['two sizes (CVE-2025-62518)', [pax('9 size=0\n'), tarEntry('docs/x', { content: victim })]],
    ['a smaller size', [pax('9 size=1\n'), tarEntry('docs/x', { content: victim })]],
    ['a size for all', [pax('9 size=0\n', 'g')]],
    ['a size before a long name (CVE-2026-53655)', [pax('9 size=0\n'), tarEntry('L', { type: 'L', content: 'docs/x\0' }), victim]],
    ['two extended headers in a row', [pax('10 path=x\n'), pax('10 path=y\n'), victim]],
    ['an extended name with a zero byte (CVE-2026-59875)', [pax('12 path=x\0y\n'), victim]],
    ['an extended name of digits (CVE-2026-59871)', [pax('11 path=12\n'), victim]],
    ['an extended key twice', [pax('10 path=x\n10 path=y\n'), victim]],
    ['an extended length that is wrong', [pax('99 path=x\n'), victim]],
    ['an extended length of zero', [pax('0 path=x\n'), victim]],
    ['a negative extended length', [pax('-9 path=x\n'), victim]],
    ['an extended link', [pax('20 linkpath=/etc/xx\n'), tarEntry('docs/l', { type: '2' })]],
    ['an extended header before nothing', [pax('10 path=x\n')]],
    ['a GNU long name', [tarEntry('L', { type: 'L', content: '../../x\0' }), victim]],
    ['a GNU long link', [tarEntry('K', { type: 'K', content: '/etc\0' }), tarEntry('docs/l', { type: '2' })]],
    ['an extended header of megabytes (CVE-2022-2879)', [pax('x'.repeat(2_000_000))]],
    ['a sparse file', [tarEntry('docs/s', { type: 'S' })]],
    ['a sparse file of PAX (CVE-2025-58183)', [pax('22 GNU.sparse.major=1\n29 GNU.sparse.realsize=99999999999\n'), victim]],
    ['a character device', [tarEntry('docs/null', { type: '3' })]],
    ['a block device', [tarEntry('docs/sda', { type: '4' })]],
    ['a named pipe', [tarEntry('docs/pipe', { type: '6' })]],
    ['a contiguous file', [tarEntry('docs/x', { type: '7', content: 'x' })]],
    ['an unknown type', [tarEntry('docs/x', { type: 'Z', content: 'x' })]],
    ['a directory', [tarEntry('docs/', { type: '5' })]],
    ['a directory with content', [tarEntry('docs/', { type: '5', content: 'x' })]],
    ['a link with content', [tarEntry('docs/x', { type: '2', link: 'y', content: 'x' })]],
    ['a negative size (CVE-2026-59874)', [tarBlock('docs/x', { size: Buffer.alloc(12, 0xff) })]],
    ['a size of 2^53 in base-256', [tarBlock('docs/x', { size: Buffer.from([0x80, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0]) })]],
    ['the largest size there is', [tarBlock('docs/x', { size: Buffer.from('77777777777\0') })]],
    ['a size that is no octal number', [tarBlock('docs/x', { size: Buffer.from('0x000000010\0') })]],
    ['a path a thousand deep (CVE-2024-28863)', [tarEntry('L', { type: 'L', content: `${'a/'.repeat(1_000)}x\0` }), victim]],
    ['ten thousand empty entries', [Buffer.concat(Array.from({ length: 10_000 }, (_, n) => tarBlock(`n${n}`, {})))]],
    ['an old header without mark', [tarEntry('docs/x', { magic: '\0\0\0\0\0\0\0\0', content: 'x' })]],
    ['an end in the middle', [tarEnd]],
    ['half an end in the middle', [tarEnd.subarray(0, 512)]],
  ])('%s', async (_, entries) => {
    const trick = Buffer.concat(entries);
    const places = [edges[0] ?? 0, edges[3] ?? 0, edges.at(-1) ?? 0];
    for (const at of places) {
      expect(await verdicts(Buffer.concat([good.subarray(0, at), trick, good.subarray(at)]))).toEqual([3, 3]);
    }
    // In the place of a member, so that the length may be the same.
    const [from = 0, to = 0] = edges.slice(4, 6);
    expect(await verdicts(Buffer.concat([good.subarray(0, from), trick, good.subarray(to)]))).toEqual([3, 3]);
  }); // prettier-ignore
});

describe('an end is refused:', () => {
  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['none', (bytes) => bytes.subarray(0, -1024)],
    ['half of it', (bytes) => bytes.subarray(0, -512)],
    ['one byte less', (bytes) => bytes.subarray(0, -1)],
    ['one that is not zero', (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.of(1)])],
    ['zeros behind it', (bytes) => Buffer.concat([bytes, Buffer.alloc(512)])],
    ['text behind it', (bytes) => Buffer.concat([bytes, Buffer.from('garbage')])],
    ['the same archive behind it', (bytes) => Buffer.concat([bytes, bytes])],
    ['another archive before it', (bytes) => Buffer.concat([victim, tarEnd, bytes])],
    ['padding that is not zero', (bytes) => Buffer.from(bytes.map((byte, at) => (at === 511 ? 1 : byte)))],
  ])('%s', async (_, change) => {
    expect(await verdicts(change(good))).toEqual([3, 3]);
  });
});

describe('sizes that lie', () => {
  /** A good head that a trusted key signed, for content that is not there. */
  async function lying(size: number): Promise<Buffer> {
    const layer = { digest: sha256('lie'), mediaType: MediaType.layerGzip, size };
    const manifest = release.inventory.manifests[0];
    const inventory = {
      ...release.inventory,
      manifests: [{ ...manifest, layers: [layer.digest] }],
      blobs: [...release.inventory.blobs.filter(({ digest }) => digest === manifest?.config), layer].sort((a, b) =>
        a.digest < b.digest ? -1 : 1,
      ),
    } as Inventory;
    const text = serializeInventory(inventory);
    const layout = layoutArchive(inventory);
    const tars = layout.members.map(({ path }) => [path, sha256(path)] as const);
    const checksums = renderChecksums(layout, new Map(tars));
    const signer = createKeySigner(privateKey);
    const [first, second] = inventory.slots.map((slot) => slot.path);
    const between = {
      [String(first)]: fillSlot(await signer.sign(checksums), SLOT_BYTES),
      [String(second)]: fillSlot(undefined, SLOT_BYTES),
    };
    const front = await forgeFront(text, { checksums, between, mtime: Date.parse(inventory.created) / 1000 });
    return Buffer.concat([front, good.subarray(0, 100_000)]);
  } // prettier-ignore

  test.each([2 ** 40, 2 ** 50, 2 ** 52])('of %d bytes are refused and take no memory', async (size) => {
    const bytes = await lying(size);
    await verdicts(bytes);
    await expect(verifyArchive(temp.join('a.tar'), policy)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    const before = process.memoryUsage().rss;
    expect(await verdicts(bytes)).toEqual([3, 3]);
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
  });

  test('beyond exact numbers are refused as no inventory', async () => {
    const files = ['a', 'b'].map((path) => ({ path, size: Number.MAX_SAFE_INTEGER, digest: sha256(path) }));
    const text = serializeInventory({ ...release.inventory, components: [], files });
    const bytes = await forgeFront(text, { signer: createKeySigner(privateKey) });
    expect(await verdicts(bytes)).toEqual([3, 3]);
    await expect(verifyArchive(temp.join('a.tar'), policy)).rejects.toThrow('more content than any archive can hold');
  });
});

describe('names in a signed inventory', () => {
  test.each([
    ...['..', '.', '', '/', 'a/../b', '../x', '/x', 'a\\b', 'C:', 'C:x', 'x.', 'X', 'a\nb', 'a b', '\u202ex'].map((text) => ['name', text] as const),
    ...['..', '.', '', '/', 'a/../b', '../x', '/x', 'a\\b', 'C:\\x', '.1', 'a\nb', 'a b', '1\0'].map((text) => ['version', text] as const),
    ...['..', '', 'a/b', 'A', 'a\nb'].map((text) => ['channel', text] as const),
  ])('%s %j is refused (CVE-2026-40090)', async (key, text) => {
    const json = `${JSON.stringify({ ...release.inventory, [key]: text }, null, 1)}\n`;
    const bytes = await forgeFront(Buffer.from(json), { signer: createKeySigner(privateKey) });
    expect(await verdicts(bytes)).toEqual([3, 3]);
    await expect(verifyArchive(temp.join('a.tar'), policy)).rejects.toThrow(`release.json ${key}: `);
  }); // prettier-ignore
});
