/** One holder at a time, whoever died before, and however many want it at once. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { beforeEach, describe, expect, test } from 'vitest';
import { acquireFileLock, type FileLock } from '../../../src/base/files/file-lock.ts';
import { childScript } from '../../helpers/child-script.ts';
import { startProcess, type RunningProcess } from '../../helpers/process.ts';
import { runOk } from '../../helpers/run.ts';
import { useTempDir } from '../../helpers/temp.ts';

const CHILD = await childScript(new URL('lock-child.ts', import.meta.url));
const temp = useTempDir();
const locked = { name: 'StoreError', code: 'LOCKED' };
let path: string;

beforeEach(() => {
  path = temp.join('a.lock');
});

async function startHolder(): Promise<RunningProcess> {
  const child = await startProcess(process.execPath, [CHILD, path]);
  await child.waitUntil('it said something', () => child.stdout.includes('\n'));
  return child;
}

/** The lock file of a process that is no more. */
async function leaveStaleLock(): Promise<void> {
  await using child = await startHolder();
  expect(child.stdout).toBe('held\n');
}

async function ownerOfThisProcess(): Promise<string> {
  await using lock = await acquireFileLock(temp.join('own.lock'), 'the archive');
  return await readFile(lock.path, 'utf8');
}

test('is held until disposed of, by one', async () => {
  {
    await using lock = await acquireFileLock(path, 'the archive');
    expect(lock.path).toBe(path);
    await expect(acquireFileLock(path, 'the archive')).rejects.toMatchObject({
      ...locked,
      message: 'another process is writing the archive',
      hint: expect.stringContaining(path) as string,
    });
    expect(await readdir(temp.path)).toEqual(['a.lock']);
  }
  expect(await readdir(temp.path)).toEqual([]);
  await using _again = await acquireFileLock(path, 'the archive');
});

test('of another living process is respected, of a killed one taken over', async () => {
  {
    await using child = await startHolder();
    await expect(acquireFileLock(path, 'the archive')).rejects.toMatchObject(locked);
    child.kill('SIGKILL');
    await child.ended;
    expect(existsSync(path)).toBe(true);
    await using _lock = await acquireFileLock(path, 'the archive');
    expect(await readFile(path, 'utf8')).toMatch(new RegExp(`^${process.pid} `));
  }
  expect(await readdir(temp.path)).toEqual([]);
});

test('what a process left that was killed while it took the lock is removed by the next holder, and nothing else', async () => {
  await leaveStaleLock();
  const stale = await readFile(path, 'utf8');
  const nonce = randomUUID();
  await writeFile(`${path}.${nonce}.new`, stale);
  await writeFile(`${path}.0123456789abcdef`, stale);
  await writeFile(`${path}.0123456789abcdef.${nonce}.new`, '');
  const others = ['a.lock.new', 'a.lock.sig.json', 'b.lock', `b.lock.${nonce}.new`, `a.lock.${nonce}.other`];
  for (const name of others) await writeFile(temp.join(name), stale);
  const living = `a.lock.${randomUUID()}.new`;
  await writeFile(temp.join(living), await ownerOfThisProcess());
  {
    await using _lock = await acquireFileLock(path, 'the archive');
    expect(await readdir(temp.path)).toEqual(['a.lock', living, ...others].sort());
  }
});

test('of a process that has ended and is not asked how by its parent (a zombie) is taken over', async () => {
  const script = '"$0" "$1" "$2" & echo $!; exec sleep 600';
  await using parent = await startProcess('sh', ['-c', script, process.execPath, CHILD, path]);
  await parent.waitUntil('the lock is held', () => parent.stdout.includes('held'));
  const [pid] = /^[0-9]+$/m.exec(parent.stdout) ?? [];
  process.kill(Number(pid), 'SIGKILL');
  await expect.poll(() => readFile(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) Z /);
  await using _lock = await acquireFileLock(path, 'the archive');
});

test('of another user, which cannot be read, is respected', async () => {
  await writeFile(path, await ownerOfThisProcess(), { mode: 0o600 });
  await chmod(temp.path, 0o777);
  const drop = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, CHILD, path];
  await using other = await startProcess('setpriv', drop);
  await other.waitUntil('it said something', () => other.stdout.includes('\n'));
  expect(other.stdout).toBe('LOCKED\n');
});

test.each(['pipe', 'link', 'directory'])('is refused at once where a %s stands in its place', async (kind) => {
  if (kind === 'pipe') await runOk('mkfifo', [path]);
  if (kind === 'link') await symlink('/dev/zero', path);
  if (kind === 'directory') await mkdir(path);
  await expect(acquireFileLock(path, 'the archive')).rejects.toMatchObject({
    code: 'STORE_IO',
    message: expect.stringMatching(new RegExp(`${path}, where a lock belongs, is a .*${kind}`)) as string,
  });
});

describe('without hard links, where a lock appears before its owner', () => {
  const start = (delayMs: number): Promise<RunningProcess> => {
    const slow = ['-e', `inject=write,pwrite64:delay_enter=${delayMs * 1000}`];
    const inject = ['-f', '-qq', '-o', temp.join('trace'), '-P', path, '-e', 'inject=link,linkat:error=EPERM', ...slow];
    return startProcess('strace', [...inject, process.execPath, CHILD, path]);
  };
  const said = async (child: RunningProcess): Promise<string> => {
    await child.waitUntil('it said something', () => child.stdout.includes('\n'));
    return child.stdout;
  };

  test('one who writes slowly is waited for', async () => {
    await using slow = await start(100);
    await expect.poll(() => existsSync(path)).toBe(true);
    await expect(acquireFileLock(path, 'the archive')).rejects.toMatchObject(locked);
    expect(await said(slow)).toBe('held\n');
  });

  test('one who writes after it counts as left behind does not hold it', async () => {
    await using slow = await start(3_000);
    await expect.poll(() => existsSync(path)).toBe(true);
    await using _lock = await acquireFileLock(path, 'the archive');
    expect(await said(slow)).toBe('LOCKED\n');
    expect(await readFile(path, 'utf8')).toMatch(new RegExp(`^${process.pid} `));
  });

  test('one who needs too long for it does not rely on it', async () => {
    await using slow = await start(700);
    await expect.poll(() => existsSync(path)).toBe(true);
    await slow.waitUntil('it gave the lock back', () => !existsSync(path) || slow.stdout !== '');
    expect(slow.stdout).not.toBe('held\n');
  });
});

test('works where the file system has no hard links, as on a stick with FAT', async () => {
  const inject = ['-f', '-qq', '-o', temp.join('trace'), '-e', 'inject=link,linkat:error=EPERM'];
  const start = (): Promise<RunningProcess> => startProcess('strace', [...inject, process.execPath, CHILD, path]);
  await using first = await start();
  await first.waitUntil('it said something', () => first.stdout.includes('\n'));
  expect(first.stdout).toBe('held\n');
  await using second = await start();
  await second.waitUntil('it said something', () => second.stdout.includes('\n'));
  expect(second.stdout).toBe('LOCKED\n');
  expect(await readFile(temp.join('trace'), 'utf8')).toContain('INJECTED');
});

describe('a lock file', () => {
  test('of a process whose number another one has now is taken over', async () => {
    await writeFile(path, `${process.pid} boot/1 ${hostname()} nonce\n`);
    await using _lock = await acquireFileLock(path, 'the archive');
    expect(await readFile(path, 'utf8')).not.toContain('boot/1');
  });

  test('of another machine is respected, since nobody can tell whether it lives', async () => {
    await writeFile(path, `1 boot/1 another-machine nonce\n`);
    await expect(acquireFileLock(path, 'the archive')).rejects.toMatchObject(locked);
    expect(existsSync(path)).toBe(true);
  });

  test.each(['', '\0\0\0\0', 'x\n', '-1 a b c\n', '0 a b c\n'])(
    'that names nobody (%j), as a power failure leaves one, is taken over',
    async (text) => {
      await writeFile(path, text);
      await using _lock = await acquireFileLock(path, 'the archive');
      expect(await readFile(path, 'utf8')).toMatch(new RegExp(`^${process.pid} `));
    },
  );

  test('that somebody else put in its place is not removed on release', async () => {
    const lock = await acquireFileLock(path, 'the archive');
    await rm(path);
    await writeFile(path, 'theirs');
    await lock[Symbol.asyncDispose]();
    expect(await readFile(path, 'utf8')).toBe('theirs');
  });
});

test('a directory where nothing can be created is told as such', async () => {
  await expect(acquireFileLock(temp.join('none/a.lock'), 'the archive')).rejects.toMatchObject({
    name: 'StoreError',
    code: 'STORE_IO',
  });
});

describe('many at once', () => {
  async function race(count: number): Promise<FileLock[]> {
    const results = await Promise.allSettled(Array.from({ length: count }, () => acquireFileLock(path, 'the archive')));
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject(locked);
    return results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  }

  test('give one holder, with a stale lock and without', async () => {
    await leaveStaleLock();
    const stale = await readFile(path, 'utf8');
    for (let round = 0; round < 15; round++) {
      const holders = await race(12);
      expect(holders).toHaveLength(1);
      for (const holder of holders) await holder[Symbol.asyncDispose]();
      expect(await readdir(temp.path)).toEqual([]);
      if (round % 2 === 0) await writeFile(path, stale);
    }
  });

  test('in processes of their own, over a stale lock, give one holder', async () => {
    await leaveStaleLock();
    const children = await Promise.all(Array.from({ length: 5 }, startHolder));
    try {
      expect(children.map((child) => child.stdout.trim()).sort()).toEqual([
        'LOCKED',
        'LOCKED',
        'LOCKED',
        'LOCKED',
        'held',
      ]);
    } finally {
      for (const child of children) await child[Symbol.asyncDispose]();
    }
    // Those that were killed leave one lock, and nothing that the next one could stumble over.
    expect(await readdir(temp.path)).toEqual(['a.lock']);
    await using _lock = await acquireFileLock(path, 'the archive');
  });
});
