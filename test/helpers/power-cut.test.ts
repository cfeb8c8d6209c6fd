/** The disk that forgets: a test that uses it must fail where a flush is missing. */
import { mkdir, open, rename, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { cutPower, type PowerCuts } from './power-cut.ts';
import { useTempDir } from './temp.ts';

const temp = useTempDir();

async function flush(path: string): Promise<void> {
  await using handle = await open(path, 'r');
  await handle.sync();
}

/** What a file may hold afterwards, each once. */
function contents({ after }: PowerCuts<unknown>, path: string): readonly (string | undefined)[] {
  return [...new Set(after.map((disk) => disk.file(path)?.toString()))].sort();
}

describe('after a power cut', () => {
  test('a file that nothing flushed is absent, empty, torn, blank or whole', async () => {
    const cuts = await cutPower(temp.path, () => writeFile(temp.join('a'), 'content'));
    expect(contents(cuts, 'a')).toEqual(['', '\0\0\0\0\0\0\0', 'con', 'content', undefined]);
  });

  test('a file that was flushed is whole or has no name', async () => {
    const cuts = await cutPower(temp.path, async () => {
      await writeFile(temp.join('a'), 'content');
      await flush(temp.join('a'));
    });
    expect(contents(cuts, 'a')).toEqual(['content', undefined]);
  });

  test('a file that was flushed with its directory is there', async () => {
    const cuts = await cutPower(temp.path, async () => {
      await writeFile(temp.join('a'), 'content');
      await flush(temp.join('a'));
      await flush(temp.path);
    });
    expect(contents(cuts, 'a')).toEqual(['content']);
    expect(cuts.flushed).toEqual(['a', '/']);
  });

  test('a file that took the place of another before it was flushed may have lost both', async () => {
    await writeFile(temp.join('a'), 'old');
    const cuts = await cutPower(temp.path, async () => {
      await writeFile(temp.join('b'), 'new');
      await rename(temp.join('b'), temp.join('a'));
    });
    expect(contents(cuts, 'a')).toEqual(['', '\0\0\0', 'n', 'new', 'old']);
  });

  test('a directory whose parent was not flushed is gone with all that was flushed in it', async () => {
    const cuts = await cutPower(temp.path, async () => {
      await mkdir(temp.join('d'));
      await writeFile(temp.join('d/a'), 'content');
      await flush(temp.join('d/a'));
      await flush(temp.join('d'));
    });
    expect(contents(cuts, 'd/a')).toEqual(['content', undefined]);
  });

  test('what was cut off in the middle of the work is among what it may leave', async () => {
    const { during } = await cutPower(temp.path, async () => {
      await writeFile(temp.join('a'), 'one');
      await flush(temp.join('a'));
      await flush(temp.path);
      await writeFile(temp.join('b'), 'two');
      await flush(temp.join('b'));
    });
    const found = new Set(during.map((disk) => [...disk.paths.keys()].join()));
    expect([...found].sort()).toEqual(['', 'a', 'a,b']);
  });
});

test('a flush that fails tells the work so, whichever it is', async () => {
  const work = async (): Promise<string> => {
    await writeFile(temp.join('a'), 'content');
    await flush(temp.join('a'));
    await flush(temp.path);
    return 'done';
  };
  for (const failsAt of [0, 1]) await expect(cutPower(temp.path, work, { failsAt })).rejects.toThrow('EIO');
  expect(await cutPower(temp.path, work, { failsAt: 2 })).toMatchObject({ result: 'done' });
});
