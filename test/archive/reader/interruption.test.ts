/** Whoever stops a program is heard while the front of an archive is read, whatever its size and however slow it comes. */
import { setTimeout } from 'node:timers/promises';
import { open, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { openSealedArchive } from '../../../src/archive/reader/reader.ts';
import { verifyStream } from '../../../src/archive/verification/verified-archive.ts';
import { encodeHeader } from '../../../src/base/tar/ustar.ts';
import { takeTurns } from '../../../src/base/turns.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const MIB = 1024 * 1024;
const STOPPED = new DOMException('stopped', 'AbortError');

/** A signal that is aborted when it is looked at for the `last` time. */
function abortedAtLook(last: number): { readonly signal: AbortSignal; readonly looks: () => number } {
  const controller = new AbortController();
  let looks = 0;
  const { signal } = controller;
  signal.throwIfAborted = () => {
    looks += 1;
    if (looks === last) controller.abort(STOPPED);
    AbortSignal.prototype.throwIfAborted.call(signal);
  };
  return { signal, looks: () => looks };
}

test('a file is stopped within its first member', async () => {
  const path = temp.join('a.tar');
  await writeFile(path, encodeHeader({ path: 'checksums.txt', size: 30 * MIB, mtime: 7 }));
  // Sparse: all zeros, and nothing on the disk.
  await using file = await open(path, 'r+');
  await file.truncate(64 * MIB);
  const { signal, looks } = abortedAtLook(60);
  await expect(openSealedArchive(path, { signal })).rejects.toBe(STOPPED);
  expect(looks()).toBe(60);
});

test('a stream that says nothing is not waited for, neither for its next bytes nor for its end', async () => {
  const controller = new AbortController();
  let isAsked: (value: unknown) => void = () => undefined;
  const asked = new Promise((resolve) => (isAsked = resolve));
  async function* silent(): AsyncGenerator<Uint8Array> {
    yield encodeHeader({ path: 'checksums.txt', size: 100, mtime: 7 });
    isAsked(undefined);
    await new Promise(() => undefined);
  }
  const verifying = verifyStream(silent(), 'x', { keys: [], threshold: 1 }, { signal: controller.signal });
  const refused = expect(verifying).rejects.toBe(STOPPED);
  await asked;
  controller.abort(STOPPED);
  await refused;
});

test('work that holds the thread lets others in, and ends when it is stopped', async () => {
  const controller = new AbortController();
  const turn = takeTurns(controller.signal);
  void setTimeout(1).then(() => controller.abort(STOPPED));
  const work = async (): Promise<never> => {
    for (;;) await turn();
  };
  await expect(work()).rejects.toBe(STOPPED);
});
