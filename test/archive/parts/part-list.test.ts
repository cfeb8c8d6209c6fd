/** Lists of parts are a help: what is of no use is put aside. `UPDATE=1 npx vitest run test/archive/parts/part-list.test.ts` writes the schema. */
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import {
  formatPartListSchema,
  parsePartList,
  serializePartList,
  type PartList,
} from '../../../src/archive/parts/part-list.ts';
import { archiveOfPart, partNumber, partPath } from '../../../src/archive/parts/part-names.ts';
import { countParts, parsePartSize } from '../../../src/archive/parts/part-size.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { rejectionOf } from '../failures.ts';

const COPY = new URL('../../../docs/parts.schema.json', import.meta.url);
const [first, second] = [sha256('one'), sha256('two')];
const LIST: PartList = {
  formatVersion: 1,
  archive: 'a.tar',
  size: 30,
  parts: [
    { name: 'a.tar.001', size: 20, digest: first },
    { name: 'a.tar.002', size: 10, digest: second },
  ],
};

test('the published schema is current', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(COPY, formatPartListSchema());
  expect(JSON.parse(await readFile(COPY, 'utf8'))).toEqual(JSON.parse(formatPartListSchema()));
});

describe('a list of parts', () => {
  test('is read as it was written', () => {
    expect(parsePartList(serializePartList(LIST), 'a.tar')).toEqual(LIST);
  });

  test.each<[string, unknown]>([
    ['is no JSON', '{'],
    ['is of another archive', { ...LIST, archive: 'b.tar' }],
    ['has a path out of its directory', { ...LIST, parts: [{ name: '../a.tar.001', size: 30, digest: first }] }],
    ['has an absolute path', { ...LIST, parts: [{ name: '/etc/passwd', size: 30, digest: first }] }],
    ['has its parts in another order', { ...LIST, parts: [...LIST.parts].reverse() }],
    ['adds up to another size', { ...LIST, size: 31 }],
    ['has a size past what numbers count', { ...LIST, size: 2 ** 60, parts: [{ ...LIST.parts[0], size: 2 ** 60 }] }],
    ['has a part of no bytes', { ...LIST, parts: [...LIST.parts, { name: 'a.tar.003', size: 0, digest: first }] }],
    ['has a negative size', { ...LIST, parts: [{ ...LIST.parts[0], size: -1 }] }],
    ['has no parts', { ...LIST, size: 0, parts: [] }],
    ['has a field too many', { ...LIST, more: true }],
    ['has a digest that is none', { ...LIST, parts: [{ ...LIST.parts[0], digest: 'sha256:1' }] }],
    ['has a thousand parts', { ...LIST, size: 1000, parts: Array.from({ length: 1000 }, (_, at) => ({ name: partPath('a.tar', at + 1), size: 1, digest: first })) }], // prettier-ignore
  ])('counts for nothing when it %s', (_, document) => {
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    expect(parsePartList(Buffer.from(text), 'a.tar')).toBeUndefined();
  });
});

test('names of parts lead to their archive, and other names do not', () => {
  expect(['d/a.tar.001', 'd/a.tar.999', 'd/a.tar.parts.json', 'd/a.tar', 'd/a.tar.1', 'd/a.tar.0001'].map(archiveOfPart)) // prettier-ignore
    .toEqual(['d/a.tar', 'd/a.tar', 'd/a.tar', undefined, undefined, undefined]);
  expect(['a.tar.001', 'a.tar.120', 'a.tar.000', 'b.tar.001', 'a.tar.001.bak'].map((name) => partNumber('a.tar', name))) // prettier-ignore
    .toEqual([1, 120, undefined, undefined, undefined]);
});

describe('the size of a part', () => {
  test('is a number with a unit, or a medium', () => {
    expect(['4GiB', '700MB', '5000', '1TiB'].map((word) => parsePartSize(word, '--size'))).toEqual([2 ** 32, 7e8, 5000, 2 ** 40]); // prettier-ignore
    // The capacities are those of the standards: a file has to fit with its file system.
    expect(parsePartSize('dvd', '--size')).toBeLessThan(2_295_104 * 2048);
    expect(parsePartSize('BD', '--size')).toBeLessThan(12_219_392 * 2048);
    expect(parsePartSize('fat32', '--size')).toBeLessThan(2 ** 32);
  });

  test.each(['', '4', '4gib', '4 GiB', '1.5GiB', '-1GiB', '0x10000', '99999999TiB', 'cd', '1KiB'])(
    'is not %j',
    (word) => {
      expect(() => parsePartSize(word, '--size')).toThrow(/--size: .* is not a size/);
    },
  );

  test('makes no more parts than names sort for', async () => {
    expect(countParts(9999, 5000)).toBe(2);
    expect(countParts(10_000, 5000)).toBe(2);
    expect(await rejectionOf(() => countParts(5000 * 1000, 5000))).toMatchObject({ code: 'USAGE' });
  });
});
