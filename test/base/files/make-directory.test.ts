/** Directories that are made outlast a power cut, with all that leads to them. */
import { mkdir, stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { makeDirectory } from '../../../src/base/files/make-directory.ts';
import { cutPower } from '../../helpers/power-cut.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();

test('every directory that was made has its name on the disk, and none but those above them is flushed', async () => {
  const cuts = await cutPower(temp.path, async () => {
    await mkdir(temp.join('there'));
    await makeDirectory(temp.join('there', 'a', 'b', 'c'));
  });
  expect(cuts.flushed).toEqual(['there/a/b/', 'there/a/', 'there/']);
});

test('a directory that is there is left as it is', async () => {
  const cuts = await cutPower(temp.path, async () => {
    await mkdir(temp.join('there'));
    await makeDirectory(temp.join('there'));
  });
  expect(cuts.flushed).toEqual([]);
});

test('it has the mode that is asked for', async () => {
  await makeDirectory(temp.join('a', 'b'), { mode: 0o700 });
  const modes = await Promise.all(['a', 'a/b'].map(async (name) => (await stat(temp.join(name))).mode & 0o777));
  expect(modes).toEqual([0o700, 0o700]);
});
