/** Streams that a shell hands over as paths: standard input and output, and `<(…)`. Reading and writing can be aborted. */
import { constants, write as writeTo } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { wait } from '../wait.ts';
import { systemCode } from './system-errors.ts';

const INHERITED = /^\/dev\/(?:stdin|stdout|stderr|fd\/[0-9]{1,9})$|^\/proc\/self\/fd\/[0-9]{1,9}$/;
const STANDARD: Readonly<Record<string, number>> = { stdin: 0, stdout: 1, stderr: 2 };
/** Bytes of one read. */
const READ_BYTES = 64 * 1024;
/** A thread that waits inside the system cannot be called back, so that a stream with nothing to give is asked again. */
const POLL_MS = 20;

/** Whether the path names a descriptor that this process was started with. */
export function isInherited(path: string): boolean {
  return INHERITED.test(path);
}

/**
 * Reads a pipe that this process was given, to its end or up to `limit` bytes; undefined when the descriptor is no pipe.
 * @throws the signal's reason when it aborts; the system's error.
 */
export async function readInherited(path: string, limit: number, signal: AbortSignal): Promise<Buffer | undefined> {
  if (!(await stat(path)).isFIFO()) return undefined;
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < limit) {
    signal.throwIfAborted();
    const buffer = Buffer.alloc(Math.min(READ_BYTES, limit - length));
    const read = await untilReady(async () => (await file.read(buffer, 0, buffer.length, null)).bytesRead, signal);
    if (read === 0) break;
    chunks.push(buffer.subarray(0, read));
    length += read;
  }
  return Buffer.concat(chunks);
}

/**
 * Writes all of it to a stream: a descriptor this process was given, a named pipe that is read, a terminal.
 * @throws the signal's reason when it aborts; the system's error, such as `ENXIO` for a pipe that no program reads.
 */
export async function writeStream(path: string, content: Uint8Array, signal?: AbortSignal): Promise<void> {
  const found = await stat(path);
  // Opened anew, a file behind a descriptor would be written from its start, and a socket cannot be.
  if (isInherited(path) && (found.isFile() || found.isSocket())) {
    return writeAll(descriptorOf(path), content, signal);
  }
  await using file = await open(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  await writeAll(file.fd, content, signal);
}

async function writeAll(fd: number, content: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
  const write = promisify(writeTo);
  for (let done = 0; done < content.length;) {
    done += await untilReady(async () => (await write(fd, content, done)).bytesWritten, signal);
  }
}

function descriptorOf(path: string): number {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return STANDARD[name] ?? Number(name);
}

async function untilReady<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (systemCode(error) !== 'EAGAIN') throw error;
      await wait(POLL_MS, signal);
    }
  }
}
