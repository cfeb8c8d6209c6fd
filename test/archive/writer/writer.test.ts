/** The writer: whatever happens on the way, the same bytes in the end, or no archive at all. */
import { existsSync, readFileSync } from 'node:fs';
import { open, readdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { CHECKPOINT_BYTES as USUAL_CHECKPOINT_BYTES, readJournal } from '../../../src/archive/writer/journal.ts';
import { layoutArchive } from '../../../src/archive/layout/archive-layout.ts';
import { openArchive } from '../../../src/archive/reader/reader.ts';
import { openArchiveWriter, type ArchiveWriter, type WriterOptions } from '../../../src/archive/writer/writer.ts';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import type { Bytes } from '../../../src/base/bytes.ts';
import { bytesOf, collect } from '../../../src/content/verified.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { childScript } from '../../helpers/child-script.ts';
import { startProcess } from '../../helpers/process.ts';
import { run } from '../../helpers/run.ts';
import { noise } from '../../helpers/sample-layer.ts';
import { makeTempDir, useTempDir } from '../../helpers/temp.ts';
import { mountTmpfs } from '../../helpers/tmpfs.ts';
import { toolPath } from '../../helpers/tools.ts';
import { rejectionOf } from '../failures.ts';
import { makeLargeRelease, type LargeRelease } from '../large-release.ts';
import {
  descriptorsOf,
  EMPTY_SLOT,
  fillAndFinish,
  fillEmpty,
  makeRelease,
  writeArchive,
  type SampleRelease,
} from '../sample-release.ts';

const CHILD = await childScript(new URL('../build-child.ts', import.meta.url));
/** Of most tests, which are as true of little content as of much. */
const CHECKPOINT_BYTES = 2_000_000;
const temp = useTempDir();
let small: SampleRelease;
let large: LargeRelease;
/** Digests of what undisturbed builds give. */
let smallDigest: Digest;
let largeDigest: Digest;
let path: string;

function openWriter(inventory: Inventory, options: WriterOptions = {}): Promise<ArchiveWriter> {
  return openArchiveWriter(path, inventory, { checkpointBytes: CHECKPOINT_BYTES, ...options });
}

async function build(release: SampleRelease): Promise<Digest> {
  await using folder = await makeTempDir();
  return sha256(await writeArchive(folder.join('straight.tar'), release));
}

/** Content in chunks of one reused buffer, as a store may give it, counted. */
async function* borrowed(bytes: Buffer, chunkBytes: number, count?: (bytes: number) => void): Bytes {
  const buffer = Buffer.alloc(chunkBytes);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const length = bytes.copy(buffer, 0, at, at + chunkBytes);
    yield buffer.subarray(0, length);
    count?.(length);
    buffer.fill(0xee);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Brings what the writer lacks, as the copy engine does, and counts the bytes it asks for. */
async function complete(writer: ArchiveWriter, release: SampleRelease): Promise<number> {
  let fetched = 0;
  for (const descriptor of descriptorsOf(release.inventory)) {
    if (await writer.exists(descriptor)) continue;
    const offset = await writer.heldBytes(descriptor);
    const bytes = release.contents.get(descriptor.digest)?.bytes.subarray(offset) ?? Buffer.alloc(0);
    await writer.push(
      descriptor,
      borrowed(bytes, 1_000_000, (count) => (fetched += count)),
    );
  }
  await writer.finish(fillEmpty);
  return fetched;
}

async function resume(release: SampleRelease): Promise<number> {
  await using writer = await openWriter(release.inventory);
  return await complete(writer, release);
}

function totalOf(release: SampleRelease): number {
  return descriptorsOf(release.inventory).reduce((sum, { size }) => sum + size, 0);
}

function digestOfArchive(): Digest {
  return sha256(readFileSync(path));
}

function contentOf(release: SampleRelease, descriptor: Descriptor): Buffer {
  return release.contents.get(descriptor.digest)?.bytes ?? Buffer.alloc(0);
}

function offsetsOf(release: SampleRelease, digest: Digest): readonly number[] {
  const { segments } = layoutArchive(release.inventory);
  return segments.flatMap((segment) => (segment.kind === 'content' && segment.digest === digest ? segment.offset : []));
}

async function overwrite(offset: number, bytes: string): Promise<void> {
  await using file = await open(`${path}.partial`, 'r+');
  await file.write(bytes, offset);
}

/** A build that ends in the middle: everything small, and so much of the large layer. */
async function interrupted(bytes: number): Promise<void> {
  await using writer = await openWriter(large.inventory);
  for (const descriptor of descriptorsOf(large.inventory)) {
    if (descriptor.digest !== large.layer.descriptor.digest)
      await writer.push(descriptor, large.store.fetch(descriptor));
  }
  const broken = async function* (): Bytes {
    yield* borrowed(large.layer.bytes.subarray(0, bytes), 1_000_000);
    throw new Error('the link broke');
  };
  await expect(writer.push(large.layer.descriptor, broken())).rejects.toThrow('the link broke');
}

beforeAll(async () => {
  small = await makeRelease();
  large = await makeLargeRelease(CHECKPOINT_BYTES);
  smallDigest = await build(small);
  largeDigest = await build(large);
});

describe('any order', () => {
  test('of pushes, all at once and in any chunks, gives the same bytes', async () => {
    for (const seed of ['one', 'two', 'three', 'four']) {
      path = temp.join(`${seed}.tar`);
      const key = ({ digest }: Descriptor): string => sha256(seed + digest);
      const shuffled = [...descriptorsOf(small.inventory)].sort((a, b) => (key(a) < key(b) ? -1 : 1));
      await using writer = await openArchiveWriter(path, small.inventory);
      await Promise.all(
        shuffled.map((descriptor, index) =>
          writer.push(descriptor, borrowed(contentOf(small, descriptor), 1 + (index % 7) * 613)),
        ),
      );
      await writer.finish(fillEmpty);
      expect(digestOfArchive()).toBe(smallDigest);
    }
  });

  test('the digest that finish gives is that of checksums.txt', async () => {
    path = temp.join('a.tar');
    await using writer = await openArchiveWriter(path, small.inventory);
    const digest = await fillAndFinish(writer, small);
    using archive = await openArchive(path);
    expect(sha256(archive.head.checksums)).toBe(digest);
  });

  test('several pushes of one piece at once store it once', async () => {
    path = temp.join('a.tar');
    await using writer = await openArchiveWriter(path, small.inventory);
    const [descriptor] = descriptorsOf(small.inventory).filter(({ size }) => size > 1_000) as [Descriptor];
    const bytes = contentOf(small, descriptor);
    const failing = async function* (): Bytes {
      yield* borrowed(bytes.subarray(0, 500), 100);
      throw new Error('the link broke');
    };
    const pushes = [failing(), borrowed(bytes, 97), borrowed(bytes, 31), borrowed(bytes, 211)];
    const results = await Promise.allSettled(pushes.map((content) => writer.push(descriptor, content)));
    expect(results.map((result) => result.status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    expect((await collect(writer.fetch(descriptor))).equals(bytes)).toBe(true);
    await fillAndFinish(writer, small);
    expect(digestOfArchive()).toBe(smallDigest);
  });
});

describe('content that is wrong', () => {
  test('is refused, and right content is taken afterwards', async () => {
    path = temp.join('a.tar');
    await using writer = await openArchiveWriter(path, small.inventory);
    for (const descriptor of descriptorsOf(small.inventory)) {
      const bytes = contentOf(small, descriptor);
      const flipped = Buffer.from(bytes);
      flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
      const wrong = [
        { content: bytesOf(bytes, Buffer.from('x')), code: 'SIZE_MISMATCH' },
        ...(bytes.length === 0 ? [] : [
          { content: bytesOf(bytes.subarray(0, -1)), code: 'SIZE_MISMATCH' },
          { content: bytesOf(), code: 'SIZE_MISMATCH' },
          { content: bytesOf(flipped), code: 'DIGEST_MISMATCH' },
        ]),
      ]; // prettier-ignore
      for (const { content, code } of wrong) {
        expect(await rejectionOf(() => writer.push(descriptor, content))).toMatchObject({
          name: 'IntegrityError',
          code,
        });
        expect(await writer.heldBytes(descriptor)).toBe(0);
        if (bytes.length > 0) expect(await writer.exists(descriptor)).toBe(false);
      }
      expect(await rejectionOf(() => writer.finish(fillEmpty))).toMatchObject({ code: 'MISSING_CONTENT' });
      await writer.push(descriptor, bytesOf(bytes));
      expect(await writer.exists(descriptor)).toBe(true);
    }
    await writer.finish(fillEmpty);
    expect(digestOfArchive()).toBe(smallDigest);
  });

  test('is in no digest of a tarball, though the hashing of tarballs follows closely', async () => {
    path = temp.join('a.tar');
    await using writer = await openWriter(large.inventory);
    const { descriptor, bytes } = large.layer;
    for (const other of descriptorsOf(large.inventory)) {
      if (other.digest !== descriptor.digest) await writer.push(other, large.store.fetch(other));
    }
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(1_000_000) ^ 1, 1_000_000);
    expect(await rejectionOf(() => writer.push(descriptor, bytesOf(flipped)))).toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    // Time to fall into the trap: the thread for tarballs is on its own.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await writer.push(descriptor, bytesOf(bytes));
    await writer.finish(fillEmpty);
    expect(digestOfArchive()).toBe(largeDigest);
  });

  test('and has no place in the archive is refused', async () => {
    path = temp.join('a.tar');
    await using writer = await openArchiveWriter(path, small.inventory);
    const bytes = Buffer.from('stray');
    const stray = { mediaType: 'x/y', digest: sha256(bytes), size: bytes.length };
    expect(await rejectionOf(() => writer.push(stray, bytesOf(bytes)))).toMatchObject({ code: 'UNSUPPORTED' });
    expect(await writer.exists(stray)).toBe(false);
    expect(await rejectionOf(() => collect(writer.fetch(stray)))).toMatchObject({ code: 'NOT_FOUND' });
  });
});

test('names are those of the inventory', async () => {
  path = temp.join('a.tar');
  await using writer = await openArchiveWriter(path, small.inventory);
  const { reference, digest } = small.inventory.images[1] as { reference: string; digest: Digest };
  expect(await rejectionOf(() => writer.resolve(reference))).toMatchObject({ code: 'NOT_FOUND' });
  const { mediaType, size } = small.inventory.manifests.find((entry) => entry.digest === digest) ?? {
    mediaType: '',
    size: 0,
  };
  await writer.push({ mediaType, digest, size }, small.store.fetch({ mediaType, digest, size }));
  expect(await writer.resolve(reference)).toEqual({ mediaType, digest, size });
  expect(await writer.resolve(digest)).toEqual({ mediaType, digest, size });
  await writer.tag({ mediaType, digest, size }, reference);
  expect(await rejectionOf(() => writer.tag({ mediaType, digest, size }, 'other.example/a:1'))).toMatchObject({
    code: 'UNSUPPORTED',
  });
});

describe('the final name', () => {
  test('appears only with finish, and nothing else is left', async () => {
    path = temp.join('a.tar');
    {
      await using writer = await openArchiveWriter(path, small.inventory);
      for (const descriptor of descriptorsOf(small.inventory))
        await writer.push(descriptor, small.store.fetch(descriptor));
      expect(existsSync(path)).toBe(false);
      expect(await rejectionOf(() => writer.finish(() => Promise.reject(new Error('no key'))))).toMatchObject({
        message: 'no key',
      });
      expect(existsSync(path)).toBe(false);
      expect(await rejectionOf(() => writer.finish(async () => [EMPTY_SLOT]))).toBeInstanceOf(RangeError);
      expect(await rejectionOf(() => writer.finish(async () => [EMPTY_SLOT, EMPTY_SLOT.subarray(1)]))).toBeInstanceOf(
        RangeError,
      );
      expect(existsSync(path)).toBe(false);
      await writer.finish(fillEmpty);
    }
    expect(await readdir(temp.path)).toEqual(['a.tar']);
    expect(digestOfArchive()).toBe(smallDigest);
  });

  test('that is taken is refused, or replaced at the end when that was asked for', async () => {
    path = temp.join('a.tar');
    await writeFile(path, 'precious');
    expect(await rejectionOf(() => openArchiveWriter(path, small.inventory))).toMatchObject({
      name: 'UsageError',
      code: 'USAGE',
    });
    expect(await readdir(temp.path)).toEqual(['a.tar']);
    {
      await using writer = await openArchiveWriter(path, small.inventory, { overwrite: true });
      expect(readFileSync(path, 'utf8')).toBe('precious');
      await fillAndFinish(writer, small);
    }
    expect(digestOfArchive()).toBe(smallDigest);
    expect(await readdir(temp.path)).toEqual(['a.tar']);
  });

  test('in a directory that does not exist is refused as such', async () => {
    const failure = await rejectionOf(() => openArchiveWriter(temp.join('no/such/a.tar'), small.inventory));
    expect(failure).toMatchObject({ name: 'UsageError', code: 'USAGE', hint: 'create the directory first' });
  });

  test('where no file can be created fails as a store does', async () => {
    const failure = await rejectionOf(() => openArchiveWriter('/proc/a.tar', small.inventory));
    expect(failure).toMatchObject({ name: 'StoreError' });
  });
});

test('a release that readers would refuse is refused before anything is written', async () => {
  const broken = { ...small.inventory, files: [...small.inventory.files].reverse() };
  const failure = await rejectionOf(() => openArchiveWriter(temp.join('a.tar'), broken));
  expect(failure).toMatchObject({ name: 'UsageError', code: 'INVALID_SPEC' });
  expect(await readdir(temp.path)).toEqual([]);
});

describe('an interrupted build', () => {
  test('goes on where it stopped: nothing proved is asked for again, a blob goes on at its checkpoint', async () => {
    path = temp.join('a.tar');
    await interrupted(CHECKPOINT_BYTES + 2_500_000);
    expect(await readdir(temp.path)).toEqual(['a.tar.journal', 'a.tar.partial']);
    await using writer = await openWriter(large.inventory);
    const held = await writer.heldBytes(large.layer.descriptor);
    expect(held).toBeGreaterThanOrEqual(CHECKPOINT_BYTES);
    expect(writer.progress).toEqual({ held: totalOf(large) - large.layer.bytes.length + held, total: totalOf(large) });
    expect(await complete(writer, large)).toBe(large.layer.bytes.length - held);
    expect(digestOfArchive()).toBe(largeDigest);
  });

  test('killed in the middle of a blob goes on at the checkpoint', async () => {
    path = temp.join('a.tar');
    const usual = await makeLargeRelease(USUAL_CHECKPOINT_BYTES);
    const digest = await build(usual);
    {
      const held = String(USUAL_CHECKPOINT_BYTES + 1_500_000);
      await using child = await startProcess(process.execPath, [CHILD, path, held, String(USUAL_CHECKPOINT_BYTES)]);
      await child.waitUntil('the large layer is half written', () => child.stdout.includes('held'));
      expect(await rejectionOf(() => openWriter(usual.inventory))).toMatchObject({ code: 'LOCKED' });
      child.kill('SIGKILL');
      expect(await child.ended).toMatchObject({ signal: 'SIGKILL' });
    }
    expect(existsSync(`${path}.lock`)).toBe(true);
    const rest = usual.layer.bytes.length - USUAL_CHECKPOINT_BYTES;
    expect(await resume(usual)).toBeLessThanOrEqual(rest);
    expect(digestOfArchive()).toBe(digest);
    expect(await readdir(temp.path)).toEqual(['a.tar']);
  });

  test('whose journal lies is found out: complete content is hashed again in all of its places', async () => {
    path = temp.join('a.tar');
    await interrupted(1_000_000);
    const shared = large.inventory.blobs.filter(({ digest }) => digest !== large.layer.descriptor.digest)[0] as {
      digest: Digest;
      size: number;
    };
    await overwrite(offsetsOf(large, shared.digest).at(-1) ?? 0, 'garbage');
    {
      await using writer = await openWriter(large.inventory);
      expect(await writer.exists({ mediaType: 'x/y', ...shared })).toBe(false);
      expect(await writer.heldBytes({ mediaType: 'x/y', ...shared })).toBe(0);
    }
    expect(await resume(large)).toBe(large.layer.bytes.length + shared.size);
    expect(digestOfArchive()).toBe(largeDigest);
  });

  test.each([0, 1])('whose half-written blob was damaged in place %i ends byte-identical', async (place) => {
    path = temp.join('a.tar');
    await interrupted(CHECKPOINT_BYTES + 2_500_000);
    await overwrite((offsetsOf(large, large.layer.descriptor.digest)[place] ?? 0) + 1_500_000, 'garbage');
    await using writer = await openWriter(large.inventory);
    if (place === 0) {
      // What is held cannot be told right from wrong before the end; then it is thrown away and asked for again.
      const held = await writer.heldBytes(large.layer.descriptor);
      expect(held).toBeGreaterThan(0);
      const rest = large.layer.bytes.subarray(held);
      expect(await rejectionOf(() => writer.push(large.layer.descriptor, bytesOf(rest)))).toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
      expect(await writer.heldBytes(large.layer.descriptor)).toBe(0);
      expect((await readJournal(`${path}.journal`))?.held.get(large.layer.descriptor.digest)).toBe(0);
    }
    await complete(writer, large);
    expect(digestOfArchive()).toBe(largeDigest);
  });

  test('whose file was cut short or lost is resumed as far as it goes', async () => {
    path = temp.join('a.tar');
    await interrupted(CHECKPOINT_BYTES + 2_500_000);
    await truncate(`${path}.partial`, 100_000);
    await using writer = await openWriter(large.inventory);
    expect(await rejectionOf(() => complete(writer, large))).toMatchObject({ code: 'DIGEST_MISMATCH' });
    await complete(writer, large);
    expect(digestOfArchive()).toBe(largeDigest);
  });

  test('without its file starts anew', async () => {
    path = temp.join('a.tar');
    await interrupted(CHECKPOINT_BYTES + 2_500_000);
    await rm(`${path}.partial`);
    expect(await resume(large)).toBe(totalOf(large));
    expect(digestOfArchive()).toBe(largeDigest);
  });

  test('of another inventory starts anew', async () => {
    path = temp.join('a.tar');
    const other = await makeRelease({ version: '2.0.0' });
    {
      await using writer = await openArchiveWriter(path, other.inventory);
      for (const descriptor of descriptorsOf(other.inventory))
        await writer.push(descriptor, other.store.fetch(descriptor));
    }
    await using writer = await openArchiveWriter(path, small.inventory);
    expect(writer.progress.held).toBe(0);
    await complete(writer, small);
    expect(digestOfArchive()).toBe(smallDigest);
  });

  test('and resumed can be aborted, and leaves nothing running', async () => {
    path = temp.join('a.tar');
    await interrupted(CHECKPOINT_BYTES + 2_500_000);
    // Timers are the test runner's own.
    const resources = (): number => process.getActiveResourcesInfo().filter((name) => name !== 'Timeout').length;
    const before = resources();
    const signal = AbortSignal.abort();
    expect(await rejectionOf(() => openWriter(large.inventory, { signal }))).toMatchObject({
      name: 'AbortError',
    });
    expect(existsSync(`${path}.lock`)).toBe(false);
    await expect.poll(resources).toBeLessThanOrEqual(before);
    await resume(large);
    expect(digestOfArchive()).toBe(largeDigest);
  });

  test('can be carried to another place with its journal', async () => {
    path = temp.join('a.tar');
    await interrupted(CHECKPOINT_BYTES + 2_500_000);
    for (const suffix of ['journal', 'partial']) await rename(`${path}.${suffix}`, temp.join(`b.tar.${suffix}`));
    path = temp.join('b.tar');
    expect(await resume(large)).toBeLessThanOrEqual(large.layer.bytes.length - CHECKPOINT_BYTES);
    expect(digestOfArchive()).toBe(largeDigest);
  });
});

test('an abort during a push keeps what is held', async () => {
  path = temp.join('a.tar');
  await using writer = await openWriter(large.inventory);
  const controller = new AbortController();
  const content = borrowed(large.layer.bytes, 1_000_000, () => controller.abort());
  const failure = await rejectionOf(() => writer.push(large.layer.descriptor, content, { signal: controller.signal }));
  expect(failure).toMatchObject({ name: 'AbortError' });
  expect(await writer.heldBytes(large.layer.descriptor)).toBe(1_000_000);
});

test('nothing is written once the writer is closed', async () => {
  path = temp.join('a.tar');
  const writer = await openArchiveWriter(path, small.inventory);
  const [descriptor] = descriptorsOf(small.inventory) as [Descriptor];
  await writer[Symbol.asyncDispose]();
  await writer[Symbol.asyncDispose]();
  expect(await rejectionOf(() => writer.push(descriptor, small.store.fetch(descriptor)))).toMatchObject({
    code: 'STORE_IO',
  });
});

describe('two builds of one archive', () => {
  test('the second is locked out, and may start when the first is gone', async () => {
    path = temp.join('a.tar');
    {
      await using _first = await openArchiveWriter(path, small.inventory);
      const failure = await rejectionOf(() => openArchiveWriter(path, small.inventory));
      expect(failure).toMatchObject({ name: 'StoreError', code: 'LOCKED', details: { lock: `${path}.lock` } });
    }
    await resume(small);
    expect(digestOfArchive()).toBe(smallDigest);
  });

  test('of many that start at once, one writes', async () => {
    path = temp.join('a.tar');
    const opened = await Promise.allSettled(Array.from({ length: 8 }, () => openArchiveWriter(path, small.inventory)));
    const writers = opened.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    expect(writers).toHaveLength(1);
    for (const writer of writers) await writer[Symbol.asyncDispose]();
    expect(await readdir(temp.path)).toEqual(['a.tar.journal', 'a.tar.partial']);
  });
});

describe('a full disk', () => {
  test('is refused up front with the numbers, and nothing is written', async () => {
    await using disk = await mountTmpfs({ maxBytes: 2 * 1024 * 1024 });
    const failure = await rejectionOf(() => openArchiveWriter(`${disk.path}/a.tar`, large.inventory));
    expect(failure).toMatchObject({ name: 'StoreError', code: 'NO_SPACE' });
    const { details } = failure as { details: { available: number; needed: number } };
    expect(details.available).toBeLessThanOrEqual(2 * 1024 * 1024);
    expect(details.needed).toBeGreaterThan(2 * large.layer.bytes.length);
    expect(await readdir(disk.path)).toEqual([]);
  });

  test('that fills up on the way leaves what can be resumed', async () => {
    await using disk = await mountTmpfs({ maxBytes: 20 * 1024 * 1024 });
    path = `${disk.path}/a.tar`;
    {
      await using writer = await openWriter(large.inventory);
      await writeFile(`${disk.path}/other`, noise('other', 12 * 1024 * 1024));
      expect(await rejectionOf(() => complete(writer, large))).toMatchObject({ name: 'StoreError', code: 'NO_SPACE' });
      expect(existsSync(path)).toBe(false);
    }
    await rm(`${disk.path}/other`);
    expect(await resume(large)).toBeLessThan(totalOf(large) - 1_500_000);
    expect(digestOfArchive()).toBe(largeDigest);
  });

  test('and what is there of the archive counts as room for it', async () => {
    await using disk = await mountTmpfs({ maxBytes: 20 * 1024 * 1024 });
    path = `${disk.path}/a.tar`;
    await interrupted(CHECKPOINT_BYTES + 2_500_000);
    expect((await stat(`${path}.partial`)).blocks * 512).toBeGreaterThan(2 * CHECKPOINT_BYTES);
    await disk.resize(12 * 1024 * 1024);
    await resume(large);
    expect(digestOfArchive()).toBe(largeDigest);
  });

  test('a limit on the size of files is told as such', async () => {
    path = temp.join('a.tar');
    const prlimit = toolPath('prlimit');
    const { stdout } = await run(prlimit, [
      '--fsize=1000000',
      '--',
      process.execPath,
      CHILD,
      path,
      '1',
      String(CHECKPOINT_BYTES),
    ]);
    expect(stdout).toBe('NO_SPACE\n');
    await resume(large);
    expect(digestOfArchive()).toBe(largeDigest);
  });
});
