/** How long the parts of an archive are, as a person says it: bytes with a unit, or the medium they are for. */
import { UsageError } from '../../errors.ts';
import { MAX_PARTS } from './part-names.ts';

/** bytes; shorter parts are no use to anyone */
const MIN_BYTES = 4096;
const MIB = 1024 ** 2;
/** What a file may have that fills a medium, room for its file system left: bytes. */
const MEDIA: ReadonlyMap<string, number> = new Map([
  // 2 295 104 sectors of 2048 bytes: ECMA-267.
  ['dvd', 4476 * MIB],
  // 12 219 392 sectors of 2048 bytes, spare areas off.
  ['bd', 22 * 1024 * MIB],
  // A file of FAT32 has fewer than 2 ** 32 bytes.
  ['fat32', 4095 * MIB],
]);
const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ...['K', 'M', 'G', 'T'].flatMap((letter, index): [string, number][] => [
    [`${letter}iB`, 1024 ** (index + 1)],
    [`${letter}B`, 1000 ** (index + 1)],
  ]),
]);

/** For messages and help. */
export const PART_SIZE_WORDS = '4GiB, 700MB, a number of bytes, or dvd, bd, fat32';

/**
 * Reads the size of a part.
 * @returns bytes
 * @throws UsageError `USAGE`
 */
export function parsePartSize(word: string, option: string): number {
  const medium = MEDIA.get(word.toLowerCase());
  if (medium !== undefined) return medium;
  const [, digits = '', unit = ''] = /^([0-9]{1,15})([A-Za-z]*)$/.exec(word) ?? [];
  const size = digits === '' ? Number.NaN : Number(digits) * (UNITS.get(unit) ?? Number.NaN);
  if (Number.isSafeInteger(size) && size >= MIN_BYTES) return size;
  throw new UsageError('USAGE', `${option}: ${word} is not a size of at least ${MIN_BYTES} bytes`, {
    hint: `write it as ${PART_SIZE_WORDS}`,
  });
}

/** How many parts that makes. @throws UsageError when they would be more than 999 */
export function countParts(total: number, partSize: number): number {
  const parts = Math.ceil(total / partSize);
  if (parts <= MAX_PARTS) return parts;
  const least = Math.ceil(total / MAX_PARTS / MIB);
  throw new UsageError(
    'USAGE',
    `${total} bytes in parts of ${partSize} would be ${parts} parts, more than ${MAX_PARTS}`,
    {
      hint: `choose a size of at least ${least}MiB`,
    },
  );
}
