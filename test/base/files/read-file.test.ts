/** Small files are read whole and bounded; what would make a reader wait is refused, or can be interrupted. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, symlink, truncate, writeFile } from 'node:fs/promises';
import { constants } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { isInherited, readInherited, writeStream } from '../../../src/base/files/inherited-stream.ts';
import { openOwnSync, readChunks } from '../../../src/base/files/open-file.ts';
import { readBounded, readBoundedSync, readIfThere, readTextFile } from '../../../src/base/files/read-file.ts';
import { collect } from '../../../src/content/verified.ts';
import { IntegrityError } from '../../../src/errors.ts';
import { runOk } from '../../helpers/run.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const what = 'a test';
const path = (): string => temp.join('file');

describe('a file', () => {
  test.each([0, 1, 1000, 64 * 1024, 64 * 1024 + 1, 300_000])('of %i bytes is read whole', async (size) => {
    const bytes = Buffer.alloc(size, 'x');
    await writeFile(path(), bytes);
    expect(await readBounded(path(), { what, limit: 300_000 })).toEqual(bytes);
    expect(readBoundedSync(path(), { what, limit: 300_000 })).toEqual(bytes);
    expect(await collect(readChunks(path(), { what }))).toEqual(bytes);
  });

  test('of just the limit is read, and one byte more is refused without being read', async () => {
    await writeFile(path(), 'x'.repeat(100));
    expect(await readBounded(path(), { what, limit: 100 })).toHaveLength(100);
    await truncate(path(), 1024 ** 4);
    const tooLong = { code: 'USAGE', message: expect.stringContaining('longer than the 100 bytes') as string };
    await expect(readBounded(path(), { what, limit: 100 })).rejects.toMatchObject(tooLong);
    expect(() => readBoundedSync(path(), { what, limit: 100 })).toThrow(expect.objectContaining(tooLong) as Error);
  });

  test('whose size the system does not know is read to its end', async () => {
    expect((await readBounded('/proc/self/status', { what, limit: 100_000 })).toString()).toContain('Name:');
  });

  test('that is not there is told, or is nothing', async () => {
    const missing = { name: 'NotFoundError', code: 'NOT_FOUND', hint: 'make one' };
    await expect(readBounded(path(), { what, limit: 1, hintWhenMissing: 'make one' })).rejects.toMatchObject(missing);
    await expect(readBounded(temp.join('a', 'b'), { what, limit: 1 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await readIfThere(path(), { what, limit: 1 })).toBeUndefined();
  });

  test('that is not UTF-8 is no text', async () => {
    await writeFile(path(), Buffer.from([0x61, 0xff]));
    await expect(readTextFile(path(), { what, limit: 10 })).rejects.toMatchObject({ code: 'INVALID_SPEC' });
  });

  test('behind a link is read, unless links are refused', async () => {
    await writeFile(temp.join('real'), 'text');
    await symlink('real', path());
    expect((await readBounded(path(), { what, limit: 10 })).toString()).toBe('text');
    await expect(readBounded(path(), { what, limit: 10, links: 'refuse' })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('is a link') as string,
    });
  });
});

describe('no file', () => {
  const make: Readonly<Record<string, () => Promise<unknown>>> = {
    'a named pipe': () => runOk('mkfifo', [path()]),
    'a device': () => runOk('mknod', [path(), 'c', '1', '5']),
    'a directory': () => mkdir(path()),
    'a socket': () => once(createServer().unref().listen(path()), 'listening'),
  };

  test.each(Object.keys(make))('%s is refused at once, however it is asked for', async (kind) => {
    await make[kind]?.();
    const refused = {
      code: 'USAGE',
      message: `${path()}: is ${kind}`,
      hint: 'a test is a regular file; name that',
    };
    await expect(readBounded(path(), { what, limit: 10 })).rejects.toMatchObject(refused);
    await expect(readBounded(path(), { what, limit: 10, links: 'refuse' })).rejects.toMatchObject(refused);
    await expect(collect(readChunks(path(), { what }))).rejects.toMatchObject(refused);
    expect(() => readBoundedSync(path(), { what, limit: 10 })).toThrow(expect.objectContaining(refused) as Error);
    const own = { code: 'STORE_IO', message: expect.stringContaining(path()) as string };
    expect(() => openOwnSync(path(), constants.O_WRONLY)).toThrow(expect.objectContaining(own) as Error);
  });

  test('is an error of the medium where the file is none that a person named', async () => {
    await mkdir(path());
    const refuse = (fault: string): IntegrityError => new IntegrityError('MALFORMED', `the medium ${fault}`);
    await expect(readBounded(path(), { what, limit: 10, refuse })).rejects.toMatchObject({
      code: 'MALFORMED',
      message: 'the medium is a directory',
    });
  });
});

describe('a stream that a shell hands over', () => {
  test('is known by its path', () => {
    for (const each of ['/dev/stdin', '/dev/fd/63', '/proc/self/fd/3']) expect(isInherited(each)).toBe(true);
    for (const each of ['/dev/fd/', '/dev/zero', '/tmp/dev/fd/3', '/proc/1/fd/3'])
      expect(isInherited(each)).toBe(false);
  });

  test('is read to its end, but not beyond the limit', async () => {
    const sent = 'x'.repeat(200_000);
    await using pipe = await openPipe(sent);
    const { signal } = new AbortController();
    expect((await readBounded(pipe.path, { what, limit: 200_000, signal })).toString()).toBe(sent);
    await using again = await openPipe(sent);
    await expect(readBounded(again.path, { what, limit: 100, signal })).rejects.toMatchObject({ code: 'USAGE' });
  });

  test('is waited for only as long as nothing interrupts it', async () => {
    await using pipe = await openPipe(undefined);
    const controller = new AbortController();
    const reading = readInherited(pipe.path, 100, controller.signal);
    controller.abort(new DOMException('interrupted', 'AbortError'));
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('is no file for those who cannot wait', async () => {
    await using pipe = await openPipe('text');
    await expect(readBounded(pipe.path, { what, limit: 100 })).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('a stream that is written to', () => {
  test('gets all of it, though it takes a little at a time', async () => {
    await runOk('mkfifo', [path()]);
    const reader = spawn('sh', ['-c', `sleep 0.1; cat '${path()}'`], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = reader.stdout.toArray();
    await using holder = await open(path(), constants.O_RDWR | constants.O_NONBLOCK);
    await writeStream(path(), Buffer.alloc(300_000, 'x'));
    await holder.close();
    expect(Buffer.concat((await said) as Buffer[])).toHaveLength(300_000);
  });

  test('that no program reads is refused at once', async () => {
    await runOk('mkfifo', [path()]);
    await expect(writeStream(path(), Buffer.from('x'))).rejects.toMatchObject({ code: 'ENXIO' });
  });

  test('that is full and not read is waited for only as long as nothing interrupts it', async () => {
    await runOk('mkfifo', [path()]);
    await using _holder = await open(path(), constants.O_RDWR | constants.O_NONBLOCK);
    const controller = new AbortController();
    const writing = writeStream(path(), Buffer.alloc(300_000), controller.signal);
    controller.abort(new DOMException('interrupted', 'AbortError'));
    await expect(writing).rejects.toMatchObject({ name: 'AbortError' });
  });
});

/** A pipe of this process, by its path, that holds what was said, or stays open and silent. */
async function openPipe(said: string | undefined): Promise<{ readonly path: string } & AsyncDisposable> {
  const fifo = temp.join(`fifo-${randomUUID()}`);
  await runOk('mkfifo', [fifo]);
  const reader = await open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const holder = await open(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  // Behind a reader that has seen enough, the write fails; that is not what is tested.
  const writing = said === undefined ? undefined : writeStream(fifo, Buffer.from(said)).catch(() => undefined);
  const ended = writing?.then(() => holder.close());
  return {
    path: `/proc/self/fd/${reader.fd}`,
    [Symbol.asyncDispose]: async () => {
      await reader.close();
      await (ended ?? holder.close());
    },
  };
}
