/** The file an archive grows in: a disk that loses what it took says so at some flush, and that is never passed over. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openPartialFile } from '../../../src/archive/writer/partial-file.ts';
import { divideIntoFiles } from '../../../src/archive/writer/written-files.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { cutPower } from '../../helpers/power-cut.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
/** Bytes after which the file is flushed on the way, in one place over and over, so that it stays small. */
const WRITES = 192;
const MEBIBYTE = Buffer.alloc(1024 * 1024, 1);

test.each([
  [0, 'on the way'],
  [1, 'at the end'],
  [2, 'of its name'],
])('a flush that fails (%i, %s) is told, and no name is given afterwards', async (failsAt) => {
  const archive = temp.join('a.tar');
  const write = async (): Promise<void> => {
    const file = openPartialFile(
      archive,
      divideIntoFiles(archive, MEBIBYTE.length, undefined),
      sha256('inventory'),
      false,
    );
    try {
      file.write(MEBIBYTE, ...Array.from({ length: WRITES }, () => 0));
      await file.finish();
    } finally {
      await file.close();
    }
  };
  await expect(cutPower(temp.path, write, { failsAt })).rejects.toMatchObject({ code: 'STORE_IO' });
  if (failsAt < 2) expect(existsSync(archive)).toBe(false);
  expect((await cutPower(temp.path, write)).flushed).toEqual(['a.tar.partial', 'a.tar.partial', '/']);
});

test('an operation on a file that was closed is refused, since its number may be that of another', async () => {
  const file = openPartialFile(
    temp.join('a.tar'),
    divideIntoFiles(temp.join('a.tar'), 100, undefined),
    sha256('inventory'),
    false,
  );
  await file.close();
  expect(() => file.write(MEBIBYTE, 0)).toThrow('a.tar.partial is closed');
  expect(() => file.record(sha256('a'), 1)).toThrow('a.tar.partial is closed');
});
