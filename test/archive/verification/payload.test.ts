/** The proof: whatever byte of an archive is changed, left out or put in, it is refused. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assertChecksums, verifyContent, verifyContentStream } from '../../../src/archive/verification/payload.ts';
import type { ArchiveHead } from '../../../src/archive/reader/archive-head.ts';
import { openArchive } from '../../../src/archive/reader/reader.ts';
import type { Bytes } from '../../../src/base/bytes.ts';
import { IntegrityError } from '../../../src/errors.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { stride, tries } from '../../helpers/effort.ts';
import { makeMultiPlatformImage } from '../../helpers/sample-image.ts';
import { makeLayer, noise } from '../../helpers/sample-layer.ts';
import { makeTempDir, useTempDir, type TempDir } from '../../helpers/temp.ts';
import { believing } from '../believing.ts';
import { rejectionOf } from '../failures.ts';
import { makeRelease, memberOf, writeArchive, type SampleRelease } from '../sample-release.ts';

/** Of the metadata one byte in three is flipped, and with an effort of 2 or more each. */
const METADATA_STRIDE = stride(3);
/** Positions past the metadata that are flipped, about. */
const PAYLOAD_FLIPS = tries(300);
/** Changes of the length, the first of them near the end. */
const CHANGES = tries(60);
const NEAR_END = CHANGES / 5;
const folder = useTempDir();
let shared: TempDir & AsyncDisposable;
let release: SampleRelease;
let archive: Buffer;
let path: string;
/** Everything before the first image tarball or file. */
let metadataEnd: number;
let open: readonly { readonly path: string; readonly offset: number; readonly size: number }[];

beforeAll(async () => {
  shared = await makeTempDir();
  path = shared.join('a.tar');
  const base = makeLayer({ 'etc/noise': noise('proof', 20_000) });
  const app = makeMultiPlatformImage({ name: 'app', base, attestations: true });
  release = await makeRelease({
    images: { 'registry.example/app:1.0': app },
    files: { 'docs/readme.txt': 'read me\n' },
  });
  archive = await writeArchive(path, release);
  metadataEnd = memberOf(release.inventory, 'docs/readme.txt').offset;
  open = ['checksums.txt', ...release.inventory.slots.map((slot) => slot.path)].map((name) =>
    memberOf(release.inventory, name),
  );
});
afterAll(async () => {
  await shared[Symbol.asyncDispose]();
});

function range(start: number, end: number, step: number): readonly number[] {
  return Array.from({ length: Math.ceil((end - start) / step) }, (_, index) => start + index * step);
}

function isOpen(position: number): boolean {
  return open.some(({ offset, size }) => position >= offset && position < offset + size);
}

/** All that this layer promises together; with `open` regions left to the signature. */
async function proveFile(file: string, check = assertChecksums): Promise<ArchiveHead> {
  using reader = await openArchive(file);
  check(reader.head);
  await verifyContent(reader);
  return reader.head;
}

/** The bytes in chunks of sizes that depend on the seed, in one reused buffer. */
async function* chunked(bytes: Buffer, seed: number): Bytes {
  const buffer = Buffer.alloc(70_000);
  let state = seed + 1;
  for (let at = 0; at < bytes.length;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const length = bytes.copy(
      buffer,
      0,
      at,
      Math.min(bytes.length, at + 1 + ((state >>> 8) % (state % 5 === 0 ? 90 : 69_000))),
    );
    yield buffer.subarray(0, length);
    buffer.fill(0xee);
    at += length;
  }
}

async function proveChunks(bytes: Buffer, seed: number): Promise<ArchiveHead> {
  return (await verifyContentStream(chunked(bytes, seed), 'stream', believing(assertChecksums))).decided;
}

/** Runs `check` with one bit of the file at `position` flipped. */
async function withFlip<T>(position: number, check: () => Promise<T>): Promise<T> {
  const fd = openSync(path, 'r+');
  try {
    writeSync(fd, Buffer.from([(archive[position] ?? 0) ^ (1 << (position % 8))]), 0, 1, position);
    return await check();
  } finally {
    writeSync(fd, archive, position, 1, position);
    closeSync(fd);
  }
}

function flipped(position: number): Buffer {
  const bytes = Buffer.from(archive);
  bytes[position] = (bytes[position] ?? 0) ^ (1 << (position % 8));
  return bytes;
}

describe('an untouched archive', () => {
  test('never claims to be through with an archive that it refuses', async () => {
    const damaged = Buffer.from(archive);
    const { offset } = memberOf(release.inventory, 'docs/readme.txt');
    damaged.writeUInt8(damaged.readUInt8(offset) ^ 1, offset);
    await writeFile(folder.join('a.tar'), damaged);
    using reader = await openArchive(folder.join('a.tar'));
    const total = reader.head.layout.segments.reduce(
      (sum, segment) => sum + (segment.kind === 'content' ? segment.length : 0),
      0,
    );
    const seen: number[] = [];
    const proof = verifyContent(reader, { onProgress: (bytes) => seen.push(bytes) });
    await expect(proof).rejects.toMatchObject({ details: { member: 'docs/readme.txt' } });
    expect(seen).not.toContain(total);
  });

  test('is proved from a file and from a stream in any chunks', async () => {
    using reader = await openArchive(path);
    assertChecksums(reader.head);
    const seen: number[] = [];
    const proof = await verifyContent(reader, { onProgress: (bytes) => seen.push(bytes) });
    const contents = reader.head.layout.segments.filter((segment) => segment.kind === 'content');
    expect(proof).toEqual({ bytes: archive.length, contents: contents.length });
    expect(seen.at(-1)).toBe(contents.reduce((sum, { length }) => sum + length, 0));
    for (let seed = 0; seed < 20; seed++) {
      const streamed = await verifyContentStream(chunked(archive, seed), 'stream', believing(assertChecksums));
      expect(streamed.content).toEqual(proof);
      expect(streamed.decided).toEqual(reader.head);
    }
  });

  test('is one of the size these tests are made for', () => {
    expect(archive.length).toBeGreaterThan(60_000);
    expect(archive.length).toBeLessThan(300_000);
  });
});

describe('one flipped bit is refused', () => {
  const refused = async (position: number): Promise<void> => {
    const failure = await rejectionOf(() => withFlip(position, () => proveFile(path)));
    if (!(failure instanceof IntegrityError)) throw new Error(`flip at ${position}`, { cause: failure });
  };

  test('anywhere in the metadata', async () => {
    let flips = 0;
    for (let position = 0; position < metadataEnd; position += METADATA_STRIDE) {
      if (isOpen(position)) continue;
      await refused(position);
      flips++;
    }
    expect(flips).toBeGreaterThan(1_500 / METADATA_STRIDE);
  }, 600_000);

  test('throughout the payload and at its very end', async () => {
    const throughout = range(metadataEnd, archive.length, ((archive.length - metadataEnd) / PAYLOAD_FLIPS) | 1);
    const end = range(archive.length - 1_100, archive.length, stride(21));
    for (const position of [...throughout, ...end, archive.length - 1]) await refused(position);
    expect(throughout.length).toBeGreaterThanOrEqual(PAYLOAD_FLIPS / 2);
    expect(end.length).toBeGreaterThan(50);
  }, 600_000);

  test('in a stream as well', async () => {
    const positions = range(0, archive.length, stride(1_003)).filter((position) => !isOpen(position));
    expect(positions.length).toBeGreaterThan(50);
    for (const position of positions) {
      const failure = await rejectionOf(() => proveChunks(flipped(position), position));
      if (!(failure instanceof IntegrityError)) throw new Error(`flip at ${position}`, { cause: failure });
    }
  });

  test('and named with member and offset', async () => {
    const { offset, size } = memberOf(release.inventory, 'docs/readme.txt');
    const content = await rejectionOf(() => withFlip(offset + 3, () => proveFile(path)));
    expect(content).toMatchObject({ code: 'DIGEST_MISMATCH', details: { member: 'docs/readme.txt', offset } });
    const padding = offset + size + 1;
    const framing = await rejectionOf(() => withFlip(padding, () => proveFile(path)));
    expect(framing).toMatchObject({ code: 'DIGEST_MISMATCH', details: { member: 'docs/readme.txt', offset: padding } });
    const inner = memberOf(release.inventory, 'images/linux-amd64.tar').offset + 20;
    expect(await rejectionOf(() => withFlip(inner, () => proveFile(path)))).toMatchObject({
      details: { member: 'images/linux-amd64.tar', offset: inner },
    });
    expect(await rejectionOf(() => proveChunks(flipped(inner), 1))).toMatchObject({
      details: { member: 'images/linux-amd64.tar', offset: inner },
    });
  });
});

describe('what the proof leaves to the signature', () => {
  test('a flip in checksums.txt is refused or changes the digest that must be signed, and only tarballs may differ', async () => {
    const { offset, size } = memberOf(release.inventory, 'checksums.txt');
    const signed = sha256(archive.subarray(offset, offset + size));
    let accepted = 0;
    for (let position = offset; position < offset + size; position += METADATA_STRIDE) {
      const head = await withFlip(position, () => proveFile(path, () => undefined));
      expect(sha256(head.checksums)).not.toBe(signed);
      const line = head.checksums
        .toString('latin1')
        .slice(head.checksums.lastIndexOf(10, position - offset - 1) + 1)
        .split('\n')[0];
      const outcome = await rejectionOf(() => {
        assertChecksums(head);
        throw new Error('accepted');
      });
      if (outcome instanceof IntegrityError) continue;
      expect(outcome).toMatchObject({ message: 'accepted' });
      expect(line).toMatch(/^[a-f0-9]{64} {2}images\//);
      accepted++;
    }
    expect(accepted).toBeLessThan(3 * 64);
  });

  test('a flip in a slot changes the bytes of that slot and nothing else', async () => {
    for (const [index, { path: name }] of release.inventory.slots.entries()) {
      const { offset, size } = memberOf(release.inventory, name);
      for (let position = offset; position < offset + size; position += stride(291)) {
        const head = await withFlip(position, () => proveFile(path));
        const streamed = await proveChunks(flipped(position), position);
        expect(streamed).toEqual(head);
        expect(head.slots[index]?.bytes.equals(archive.subarray(offset, offset + size))).toBe(false);
        assertChecksums(head);
      }
    }
  });

  test.each([
    ['a member is left out', (lines: string[]) => lines.slice(0, -1)],
    ['two lines are swapped', ([first = '', second = '', ...rest]: string[]) => [second, first, ...rest]],
    ['a member is listed twice', (lines: string[]) => [...lines.slice(0, -1), lines[0] ?? '']],
    [
      'a file has another digest',
      (lines: string[]) => lines.map((line) => line.replace(/^.{64}( {2}docs)/, `${'0'.repeat(64)}$1`)),
    ],
    [
      'release.json has another digest',
      (lines: string[]) => lines.map((line) => line.replace(/^.{64}( {2}release)/, `${'0'.repeat(64)}$1`)),
    ],
    [
      'a slot stands in for a tarball',
      (lines: string[]) => lines.map((line) => line.replace('images/multi-platform.tar', 'signatures/1.sigstore.json')),
    ],
    [
      'a slot is listed as well',
      ([first = '', ...rest]: string[]) => [first, `${'0'.repeat(64)}  signatures/1.sigstore.json`, ...rest],
    ],
    ['nothing is listed', () => []],
  ])('checksums.txt does not fit when %s', async (_, change) => {
    using reader = await openArchive(path);
    const { head } = reader;
    const lines = change(head.checksums.toString('latin1').trimEnd().split('\n'));
    const checksums = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    expect(checksums.equals(head.checksums)).toBe(false);
    expect(await rejectionOf(() => assertChecksums({ ...head, checksums }))).toMatchObject({
      name: 'IntegrityError',
      code: 'MALFORMED',
    });
  });
});

describe('a file of another length is refused', () => {
  test(`cut off at any of ${CHANGES} places`, async () => {
    for (let round = 0; round < CHANGES; round++) {
      const inside = Math.floor((archive.length * (round - NEAR_END)) / (CHANGES - NEAR_END));
      const length = round < NEAR_END ? archive.length - 1 - round * 13 : inside;
      await writeFile(folder.join('b.tar'), archive.subarray(0, length));
      expect(await rejectionOf(() => proveFile(folder.join('b.tar')))).toBeInstanceOf(IntegrityError);
      expect(await rejectionOf(() => proveChunks(archive.subarray(0, length), round))).toBeInstanceOf(IntegrityError);
    }
  });

  test(`with bytes put in at any of ${CHANGES} places`, async () => {
    for (let round = 0; round < CHANGES; round++) {
      const inside = Math.floor((archive.length * (round - NEAR_END)) / (CHANGES - NEAR_END));
      const at = round < NEAR_END ? archive.length - round * 13 : inside;
      const extra = Buffer.alloc(round % 3 === 0 ? 512 : 1 + (round % 5), round % 2);
      const bytes = Buffer.concat([archive.subarray(0, at), extra, archive.subarray(at)]);
      await writeFile(folder.join('b.tar'), bytes);
      expect(await rejectionOf(() => proveFile(folder.join('b.tar')))).toBeInstanceOf(IntegrityError);
      expect(await rejectionOf(() => proveChunks(bytes, round))).toBeInstanceOf(IntegrityError);
    }
  });

  test('one byte too many, another archive behind, zeros up to a whole record', async () => {
    for (const extra of [Buffer.alloc(1), archive, Buffer.alloc(10_240 - (archive.length % 10_240))]) {
      const bytes = Buffer.concat([archive, extra]);
      await writeFile(folder.join('b.tar'), bytes);
      expect(await rejectionOf(() => proveFile(folder.join('b.tar')))).toMatchObject({ code: 'SIZE_MISMATCH' });
      expect(await rejectionOf(() => proveChunks(bytes, 7))).toMatchObject({ code: 'SIZE_MISMATCH' });
    }
  });
});

describe('a stream', () => {
  test('is judged by its head before its payload is read, and let go of when refused', async () => {
    let read = 0;
    let closed = false;
    const content = async function* (): Bytes {
      try {
        for await (const chunk of chunked(archive, 3)) {
          read += chunk.length;
          yield chunk;
        }
      } finally {
        closed = true;
      }
    };
    const refuse = believing(() => {
      throw new Error('nobody signed this');
    });
    expect(await rejectionOf(() => verifyContentStream(content(), 'stream', refuse))).toMatchObject({
      message: 'nobody signed this',
    });
    expect(read).toBeLessThan(metadataEnd + 70_000);
    expect(closed).toBe(true);
  });

  test('without end is refused at the end of the archive', async () => {
    const endless = async function* (): Bytes {
      yield archive;
      for (;;) yield Buffer.alloc(1_000);
    };
    expect(await rejectionOf(() => verifyContentStream(endless(), 'stream', believing()))).toMatchObject({
      code: 'SIZE_MISMATCH',
    });
  });

  test('that breaks gives the reason it broke for', async () => {
    const broken = async function* (): Bytes {
      yield archive.subarray(0, archive.length / 2);
      throw new Error('the link broke');
    };
    expect(await rejectionOf(() => verifyContentStream(broken(), 'stream', believing()))).toMatchObject({
      message: 'the link broke',
    });
  });

  test('and a file stop when told to', async () => {
    const options = { signal: AbortSignal.abort() };
    using reader = await openArchive(path);
    expect(await rejectionOf(() => verifyContent(reader, options))).toMatchObject({ name: 'AbortError' });
    expect(
      await rejectionOf(() => verifyContentStream(chunked(archive, 1), 'stream', believing(), options)),
    ).toMatchObject({ name: 'AbortError' });
  });
});
