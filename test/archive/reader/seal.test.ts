/** The front of an archive is read before anything is trusted: its members have an order, and all of them limits. */
import { describe, expect, test } from 'vitest';
import { readSeal, type ArchiveSeal } from '../../../src/archive/reader/seal.ts';
import { encodeHeader, paddingOf } from '../../../src/base/tar/ustar.ts';
import { rejectionOf } from '../failures.ts';

const MIB = 1024 * 1024;
const END = { 'release.json': 2 };

/** Reads the seal of a file with members of these sizes, of which only the headers exist; how much was asked for, too. */
async function read(sizes: Readonly<Record<string, number>>): Promise<{ seal: ArchiveSeal; asked: number }> {
  const headers = new Map<number, Buffer>();
  let end = 0;
  for (const [path, size] of Object.entries(sizes)) {
    headers.set(end, encodeHeader({ path, size, mtime: 7 }));
    end += 512 + size + paddingOf(size);
  }
  let asked = 0;
  const seal = await readSeal(async (offset, length) => {
    const header = headers.get(offset);
    if (header !== undefined) return header;
    asked += length;
    return Buffer.alloc(length);
  });
  return { seal, asked };
}

const slots = (count: number, size = 512): Readonly<Record<string, number>> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`signatures/${index + 1}.sigstore.json`, size]));

test('all of it is read, in any numbers that keep their order, and no byte of the inventory', async () => {
  const { seal, asked } = await read({
    ...{ 'checksums.txt': 100, 'signatures/2.sigstore.json': 512, 'signatures/10.sigstore.json': 600 },
    ...{ 'attestations/1.sigstore.json': MIB, 'trust/9.trust.json': 3, 'trust/10.trust.json': 4, ...END },
  });
  expect(seal.slots.map(({ path, bytes }) => [path, bytes.length])).toEqual([
    ['signatures/2.sigstore.json', 512],
    ['signatures/10.sigstore.json', 600],
    ['attestations/1.sigstore.json', MIB],
  ]);
  expect(seal.trust.map(({ path }) => path)).toEqual(['trust/9.trust.json', 'trust/10.trust.json']);
  expect([seal.checksums.length, seal.inventoryPlace.size, seal.mtime]).toEqual([100, 2, 7]);
  expect(asked).toBe(100 + 512 + 600 + MIB + 3 + 4);
});

describe('refused is', () => {
  test.each<[string, Readonly<Record<string, number>>]>([
    ['another beginning', { 'release.json': 2 }],
    ['a second list', { 'checksums.txt': 1, 'signatures/1.sigstore.json': 512, 'image-list.txt': 1, ...END }],
    ['an order by text', { 'checksums.txt': 1, 'signatures/10.sigstore.json': 512, 'signatures/2.sigstore.json': 512, ...END }],
    ['attestations before signatures', { 'checksums.txt': 1, 'attestations/1.sigstore.json': 512, 'signatures/1.sigstore.json': 512, ...END }],
    ['a trust document before slots', { 'checksums.txt': 1, 'trust/1.trust.json': 1, 'signatures/1.sigstore.json': 512, ...END }],
    ['trust documents in another order', { 'checksums.txt': 1, 'trust/10.trust.json': 1, 'trust/9.trust.json': 1, ...END }],
    ['a version with a leading zero', { 'checksums.txt': 1, 'trust/01.trust.json': 1, ...END }],
    ['another file', { 'checksums.txt': 1, 'trust/notes.txt': 1, ...END }],
    ['an empty list', { 'checksums.txt': 0, ...END }],
    ['an empty inventory', { 'checksums.txt': 1, 'release.json': 0 }],
    ['an empty trust document', { 'checksums.txt': 1, 'trust/1.trust.json': 0, ...END }],
    ['a slot of 511 bytes', { 'checksums.txt': 1, ...slots(1, 511), ...END }],
    ['a slot of more than 1 MiB', { 'checksums.txt': 1, ...slots(1, MIB + 1), ...END }],
    ['a seventeenth slot', { 'checksums.txt': 1, ...slots(17), ...END }],
    ['a list of more than 32 MiB', { 'checksums.txt': 32 * MIB + 1, ...END }],
    ['an inventory of more than 32 MiB', { 'checksums.txt': 1, 'release.json': 32 * MIB + 1 }],
    ['a byte more than 8 MiB of trust documents', { 'checksums.txt': 1, 'trust/1.trust.json': 8 * MIB, 'trust/2.trust.json': 1, ...END }],
    ['a thousand and one trust documents', { 'checksums.txt': 1, ...Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`trust/${at + 1}.trust.json`, 1])), ...END }],
  ])('%s', async (_, sizes) => {
    expect(await rejectionOf(() => read(sizes))).toMatchObject({ name: 'IntegrityError', code: 'MALFORMED' });
  }); // prettier-ignore

  test('none of what is as large as it may be', async () => {
    const largest = { 'checksums.txt': 32 * MIB, ...slots(16, MIB), 'trust/1.trust.json': 8 * MIB };
    expect((await read({ ...largest, 'release.json': 32 * MIB })).seal.slots).toHaveLength(16);
  });
});
