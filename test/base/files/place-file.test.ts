/** A file gets its name when it is whole and on disk; whatever stands in the way is neither followed nor left half-done. */
import { createHash } from 'node:crypto';
import { lstat, mkdir, open, readdir, readFile, stat, symlink, writeFile, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi, type MockInstance } from 'vitest';
import { finishFile, placeFile, stageFile, syncDirectory } from '../../../src/base/files/place-file.ts';
import { childScript } from '../../helpers/child-script.ts';
import type { ProcessResult } from '../../helpers/process.ts';
import { run, runOk } from '../../helpers/run.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { mountTmpfs } from '../../helpers/tmpfs.ts';
import { toolPath } from '../../helpers/tools.ts';

const CHILD = await childScript(new URL('place-child.ts', import.meta.url));
const temp = useTempDir();
const target = (): string => temp.join('file');
const asideOf = (path: string): string =>
  temp.join(`.${createHash('sha256').update(basename(path)).digest('hex').slice(-16)}.partial`);

describe('what is placed', () => {
  test('is whole, has the mode that was asked for, and stands alone', async () => {
    await placeFile(target(), 'text', { mode: 0o600 });
    expect(await readFile(target(), 'utf8')).toBe('text');
    expect((await stat(target())).mode & 0o777).toBe(0o600);
    expect(await readdir(temp.path)).toEqual(['file']);
  });

  test('replaces a file in one step: who reads the old one keeps it', async () => {
    await writeFile(target(), 'old');
    await using reader = await open(target());
    await placeFile(target(), Buffer.from('new'));
    expect(await reader.readFile('utf8')).toBe('old');
    expect(await readFile(target(), 'utf8')).toBe('new');
  });

  test('replaces a link at its name, and what the link leads to stays', async () => {
    await writeFile(temp.join('victim'), 'precious');
    await symlink(temp.join('victim'), target());
    await placeFile(target(), 'new');
    expect((await lstat(target())).isFile()).toBe(true);
    expect(await readFile(temp.join('victim'), 'utf8')).toBe('precious');
  });

  test('exclusively is not placed over a file, a link to nowhere or a directory', async () => {
    await writeFile(temp.join('there'), 'old');
    await symlink('nowhere', temp.join('link'));
    for (const name of ['there', 'link']) {
      await expect(placeFile(temp.join(name), 'new', { exclusive: true })).rejects.toMatchObject({ code: 'USAGE' });
    }
    expect(await readFile(temp.join('there'), 'utf8')).toBe('old');
    expect((await readdir(temp.path)).sort()).toEqual(['link', 'there']);
  });

  test('together or not at all: what is staged has no name before it is placed, and leaves nothing when it is not', async () => {
    {
      await using staged = await stageFile(target(), 'text');
      expect(await readdir(temp.path)).toEqual([basename(asideOf(target()))]);
      expect(staged).toBeDefined();
    }
    expect(await readdir(temp.path)).toEqual([]);
  });
});

describe('the name aside', () => {
  test('is never written through: a link that stands there is removed, and what it leads to stays', async () => {
    await writeFile(temp.join('victim'), 'precious');
    await symlink(temp.join('victim'), asideOf(target()));
    await placeFile(target(), 'new');
    expect(await readFile(temp.join('victim'), 'utf8')).toBe('precious');
    expect((await readdir(temp.path)).sort()).toEqual(['file', 'victim']);
  });

  /** The system is made to forget the removal, which is what it looks like when somebody plants a file right after it. */
  test.each(['a link', 'a file'])(
    'is made anew or not at all: %s planted at the last moment is refused',
    async (kind) => {
      await writeFile(temp.join('victim'), 'precious');
      if (kind === 'a link') await symlink(temp.join('victim'), asideOf(target()));
      else await writeFile(asideOf(target()), 'precious');
      const { stdout } = await placeUnder('unlink,unlinkat:retval=0');
      expect(stdout).toBe('STORE_IO\n');
      expect(await readFile(temp.join('victim'), 'utf8')).toBe('precious');
      expect(await readFile(asideOf(target()), 'utf8')).toBe('precious');
      expect(await readdir(temp.path)).not.toContain('file');
    },
  );

  test('that another process took is left to it', async () => {
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half ');
      await placeFile(target(), 'whole');
    };
    await expect(placeFile(target(), slow())).rejects.toMatchObject({ code: 'LOCKED' });
    expect(await readFile(target(), 'utf8')).toBe('whole');
  });
});

describe('what fails leaves nothing', () => {
  test('a stream that throws', async () => {
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half');
      throw new RangeError('broken');
    };
    await expect(placeFile(target(), broken())).rejects.toThrow('broken');
    expect(await readdir(temp.path)).toEqual([]);
  });

  test('a directory that is not there', async () => {
    await expect(placeFile(temp.join('no', 'file'), 'x')).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('directory does not exist') as string,
    });
  });

  test('a full disk', async () => {
    await using disk = await mountTmpfs({ maxBytes: 64 * 1024 });
    const path = join(disk.path, 'file');
    await writeFile(path, 'old');
    await expect(placeFile(path, Buffer.alloc(1024 * 1024))).rejects.toMatchObject({
      code: 'NO_SPACE',
      message: expect.stringMatching(/no space left.*ENOSPC/) as string,
    });
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(disk.path)).toEqual(['file']);
  });

  test.each(['directory', 'pipe', 'device'])('a %s in the place of the file, which stays what it is', async (kind) => {
    if (kind === 'directory') await mkdir(target());
    if (kind === 'pipe') await runOk(toolPath('mkfifo'), [target()]);
    if (kind === 'device') await runOk(toolPath('mknod'), [target(), 'c', '1', '3']);
    const before = await lstat(target());
    await expect(placeFile(target(), 'x')).rejects.toMatchObject({
      code: 'STORE_IO',
      message: expect.stringContaining(kind) as string,
    });
    expect((await lstat(target())).mode).toBe(before.mode);
    expect(await readdir(temp.path)).toEqual(['file']);
  });
});

/** What reaches the disk, in order: `sync` of a file or a directory, and the renaming between. */
describe('what reaches the disk', () => {
  const events: string[] = [];
  let spy: MockInstance<FileHandle['sync']>;
  beforeEach(async () => {
    events.length = 0;
    await using probe = await open(temp.path);
    const prototype = Object.getPrototypeOf(probe) as FileHandle;
    const sync = Reflect.get<FileHandle, 'sync'>(prototype, 'sync');
    spy = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
      const isDirectory = (await this.stat()).isDirectory();
      events.push(`${isDirectory ? 'directory' : 'file'}, ${await isPlaced()}`);
      await sync.call(this);
    });
  });
  afterEach(() => spy.mockRestore());
  const isPlaced = async (): Promise<string> =>
    (await lstat(target()).catch(() => undefined)) === undefined ? 'before' : 'after';

  test('is the file before it has its name, and the directory after', async () => {
    await placeFile(target(), 'text');
    expect(events).toEqual(['file, before', 'directory, after']);
  });

  test('so also when nothing may be replaced', async () => {
    await placeFile(target(), 'text', { exclusive: true });
    expect(events).toEqual(['file, before', 'directory, after']);
  });

  test('is the file alone where the caller flushes the directory once for many', async () => {
    await placeFile(target(), 'text', { syncsName: false });
    expect(events).toEqual(['file, before']);
    await syncDirectory(temp.path);
    expect(events).toEqual(['file, before', 'directory, after']);
  });

  test('is the directory after a file that somebody else wrote', async () => {
    await using file = await open(temp.join('aside'), 'w');
    await file.writeFile('text');
    await finishFile(file.fd, temp.join('aside'), target());
    expect(events).toEqual(['directory, after']);
    expect(await readFile(target(), 'utf8')).toBe('text');
  });

  test('when it cannot be flushed, nothing is placed', async () => {
    spy.mockRestore();
    await using probe = await open(temp.path);
    spy = vi
      .spyOn(Object.getPrototypeOf(probe) as FileHandle, 'sync')
      .mockRejectedValue(Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', syscall: 'fsync' }));
    await expect(placeFile(target(), 'text')).rejects.toMatchObject({ code: 'STORE_IO' });
    expect(await readdir(temp.path)).toEqual([]);
  });
});

test('a file system that tells of a lost write when the file is closed is believed', async () => {
  const names = ['-P', target(), '-P', asideOf(target())];
  expect((await placeUnder('close:error=EIO', '', names)).stdout).toBe('STORE_IO\n');
});

describe('on a file system without hard links, such as FAT', () => {
  test.each(['EPERM', 'EOPNOTSUPP', 'ENOSYS'])('which says %s, a free name is taken', async (code) => {
    expect((await placeUnder(`link,linkat:error=${code}`, 'exclusive')).stdout).toBe('placed\n');
    expect(await readFile(target(), 'utf8')).toBe('new');
    expect((await readdir(temp.path)).sort()).toEqual(['file', 'trace']);
  });

  test('a taken one is left as it is', async () => {
    await writeFile(target(), 'old');
    expect((await placeUnder('link,linkat:error=EPERM', 'exclusive')).stdout).toBe('USAGE\n');
    expect(await readFile(target(), 'utf8')).toBe('old');
    expect((await readdir(temp.path)).sort()).toEqual(['file', 'trace']);
  });
});

describe('on a file system that cannot flush a directory', () => {
  test('the file is placed all the same', async () => {
    expect((await placeUnder('fsync:error=EINVAL', '', ['-P', temp.path])).stdout).toBe('placed\n');
    expect(await readFile(target(), 'utf8')).toBe('new');
  });

  test('a medium that fails at it is told', async () => {
    expect((await placeUnder('fsync:error=EIO', '', ['-P', temp.path])).stdout).toBe('STORE_IO\n');
  });
});

/** Places the file in a process whose system calls strace answers, and makes sure that it did. */
async function placeUnder(
  injection: string,
  how: 'exclusive' | '' = '',
  only: readonly string[] = [],
): Promise<ProcessResult> {
  const inject = ['-f', '-qq', '-o', temp.join('trace'), ...only, '-e', `inject=${injection}`];
  const result = await run(toolPath('strace'), [...inject, process.execPath, CHILD, target(), how]);
  expect(await readFile(temp.join('trace'), 'utf8')).toContain('INJECTED');
  return result;
}
