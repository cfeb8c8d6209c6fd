/** Filling a slot in place: the right bytes, nothing else, and not over what somebody else wrote. */
import { readFileSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { replaceSlot } from '../../../src/archive/writer/amend.ts';
import { openArchive } from '../../../src/archive/reader/reader.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { EMPTY_SLOT, makeRelease, memberOf, SLOT_BYTES, writeArchive, type SampleRelease } from '../sample-release.ts';

const temp = useTempDir();
let release: SampleRelease;
beforeAll(async () => {
  release = await makeRelease();
});

function slotWith(text: string): Buffer {
  return Buffer.from(`${text.padEnd(SLOT_BYTES - 1)}\n`);
}

describe('a slot', () => {
  test('gets its content, and every other byte stays', async () => {
    const path = temp.join('a.tar');
    const before = await writeArchive(path, release);
    const content = slotWith('{"signed":true}');
    {
      using archive = await openArchive(path, { writable: true });
      replaceSlot(archive, 1, content);
    }
    const { offset } = memberOf(release.inventory, 'signatures/2.sigstore.json');
    const expected = Buffer.from(before);
    expected.set(content, offset);
    expect(readFileSync(path).equals(expected)).toBe(true);
    using archive = await openArchive(path, { writable: true });
    expect(archive.head.slots.map(({ bytes }) => bytes)).toEqual([EMPTY_SLOT, content]);
    replaceSlot(archive, 1, content);
    replaceSlot(archive, 1, EMPTY_SLOT);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('that changed since the archive was opened is left alone', async () => {
    const path = temp.join('a.tar');
    const bytes = await writeArchive(path, release);
    using archive = await openArchive(path, { writable: true });
    bytes.set(slotWith('{"by":"another"}'), memberOf(release.inventory, 'signatures/1.sigstore.json').offset);
    writeFileSync(path, bytes);
    expect(() => replaceSlot(archive, 0, slotWith('{"by":"me"}'))).toThrow(
      expect.objectContaining({ code: 'STORE_IO', message: expect.stringContaining('another program') as string }),
    );
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test('of another size, or that is not there, is a mistake of the caller', async () => {
    const path = temp.join('a.tar');
    await writeArchive(path, release);
    using archive = await openArchive(path, { writable: true });
    expect(() => replaceSlot(archive, 2, EMPTY_SLOT)).toThrow(RangeError);
    expect(() => replaceSlot(archive, 0, EMPTY_SLOT.subarray(1))).toThrow(RangeError);
  });

  test('cannot be written through an archive that was opened to be read', async () => {
    const path = temp.join('a.tar');
    const before = await writeArchive(path, release);
    using archive = await openArchive(path);
    expect(() => replaceSlot(archive, 0, slotWith('{}'))).toThrow(expect.objectContaining({ code: 'STORE_IO' }));
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

test('an archive that is marked read-only is not opened for writing, not even by the superuser', async () => {
  const path = temp.join('a.tar');
  await writeArchive(path, release);
  await chmod(path, 0o444);
  await expect(openArchive(path, { writable: true })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('is read-only') as string,
    hint: expect.stringContaining('--detached') as string,
  });
  (await openArchive(path))[Symbol.dispose]();
});
