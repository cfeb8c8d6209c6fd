/** Whatever happens to one byte of an archive: it is refused as untrusted, and no target shows anything of it. */
import { copyFile, open, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import type { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { layoutArchive, type ArchiveLayout } from '../../src/archive/layout/archive-layout.ts';
import { exitCodeOf } from '../../src/errors.ts';
import { sha256 } from '../../src/oci/digest.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { buildArchive } from '../../src/operations/build/build.ts';
import { Registries } from '../../src/stores/registry/registries.ts';
import { resolveRelease } from '../../src/operations/resolve/resolve.ts';
import { verifyArchive, verifyStream } from '../../src/archive/verification/verified-archive.ts';
import { loadSpec } from '../../src/release/spec/spec.ts';
import { startRegistry, type EmbeddedRegistry } from '../../src/server/embedded-registry.ts';
import { generateKeyPair, toPublicKeyPem } from '../../src/trust/keys/public-key.ts';
import { createKeySigner } from '../../src/trust/signing/signer.ts';
import { stride, tries } from '../helpers/effort.ts';
import { makeTempDir, type TempDir } from '../helpers/temp.ts';
import { airgap, airgapOk, errorOf, runProgram } from './support/program.ts';
import { seededRandom } from './support/random.ts';
import { allTags, catalog } from './support/registry-content.ts';
import { pushImages, readInventory, writeRelease } from './support/release.ts';

const MAX_ARCHIVE_BYTES = 300 * 1024;
const FLIPS = tries(400);
const CUTS = tries(60);
const INSERTIONS = tries(60);
const SAMPLE = 40;
const MANY_TIMEOUT_MS = 600_000;

let temp: TempDir & AsyncDisposable;
let archive: string;
let pub: string;
let key: KeyObject;
let bytes: Buffer;
let layout: ArchiveLayout;
let target: EmbeddedRegistry;

/** Built in this process, so that the bundled tool in `install/`, which is larger than all the rest, can stay out. */
beforeAll(async () => {
  temp = await makeTempDir();
  await using source = await startRegistry({ directory: temp.join('source') });
  const release = await writeRelease(temp.join('release'), source.host, { baseBytes: 2_000, ownBytes: 500 });
  await pushImages(source.url, release.images);
  const pair = generateKeyPair('ecdsa-p256');
  key = pair.publicKey;
  pub = temp.join('key.pub');
  await writeFile(pub, toPublicKeyPem(key));
  await using registries = new Registries('push');
  const { lock, files } = await resolveRelease({
    spec: await loadSpec(release.spec),
    directory: release.directory,
    specDigest: sha256(await readFile(release.spec)),
    now: new Date(),
    openImage: (reference) => registries.repository(reference),
    readAddress: () => expect.fail('no address is read'),
  });
  archive = temp.join('small.tar');
  await buildArchive({
    lock,
    output: archive,
    signers: [createKeySigner(pair.privateKey)],
    sourceOf: (reference) => registries.repository(parseReference(reference)),
    files,
    install: [{ path: 'install/run.sh', bytes: Buffer.from('#!/bin/sh\n') }],
  });
  bytes = await readFile(archive);
  layout = layoutArchive(await readInventory(archive));
  target = await startRegistry({ directory: temp.join('target') });
});
afterAll(async () => {
  await target.close();
  await temp[Symbol.asyncDispose]();
});

/** Half of the positions evenly over the file, half anywhere; always the first and the last byte. */
function positions(count: number, size: number, seed: number): readonly number[] {
  const random = seededRandom(seed);
  const even = Array.from({ length: count / 2 }, (_, index) => Math.floor((index * size) / (count / 2)));
  const anywhere = Array.from({ length: count / 2 }, () => Math.floor(random() * size));
  return [0, size - 1, ...even.slice(1), ...anywhere.slice(1)];
}

/** The exit code that verifying ends with; 0 when it accepts. */
async function verdict(path: string): Promise<number> {
  try {
    await verifyArchive(path, { keys: [key], threshold: 1 });
    return 0;
  } catch (error) {
    return exitCodeOf(error);
  }
}

/** Where a position is, for a failure that says which byte slipped through. */
function describePosition(position: number): string {
  const member = layout.members.findLast((entry) => entry.offset - 512 <= position)?.path ?? 'the end';
  const segment = layout.segments.findLast((entry) => entry.offset <= position);
  return `${member} at ${position} (${segment?.kind ?? ''})`;
}

test('the archive is small and good, so that what follows means something', async () => {
  expect(bytes.length).toBeLessThan(MAX_ARCHIVE_BYTES);
  expect(bytes.length).toBe(layout.size);
  expect(await verdict(archive)).toBe(0);
  await airgapOk(['verify', archive, '--key', pub]);
});

describe('in this process', () => {
  test(`${FLIPS} single-byte changes are refused`, { timeout: MANY_TIMEOUT_MS }, async () => {
    const copy = temp.join('flipped.tar');
    await copyFile(archive, copy);
    await using file = await open(copy, 'r+');
    const random = seededRandom(1);
    const slipped: string[] = [];
    for (const position of positions(FLIPS, bytes.length, 2)) {
      const was = bytes[position] ?? 0;
      const mask = 1 + Math.floor(random() * 255);
      await file.write(Buffer.of(was ^ mask), 0, 1, position);
      const code = await verdict(copy);
      if (code !== 3) slipped.push(`${describePosition(position)} ${was}→${was ^ mask}: ${code}`);
      await file.write(Buffer.of(was), 0, 1, position);
    }
    expect(slipped).toEqual([]);
    expect(await verdict(copy)).toBe(0);
  });

  test('white space in the slots cannot be changed into other white space', { timeout: MANY_TIMEOUT_MS }, async () => {
    const copy = temp.join('slots.tar');
    await copyFile(archive, copy);
    await using file = await open(copy, 'r+');
    const slipped: string[] = [];
    for (const { kind, offset, ...rest } of layout.segments) {
      if (kind !== 'slot' || !('length' in rest)) continue;
      for (let position = offset; position < offset + rest.length; position += stride(331)) {
        const was = bytes[position] ?? 0;
        for (const other of [0x09, 0x0a, 0x0d, 0x20].filter((space) => space !== was).slice(0, 2)) {
          await file.write(Buffer.of(other), 0, 1, position);
          const code = await verdict(copy);
          if (code !== 3) slipped.push(`${describePosition(position)} ${was}→${other}: ${code}`);
        }
        await file.write(Buffer.of(was), 0, 1, position);
      }
    }
    expect(slipped).toEqual([]);
    expect(await verdict(copy)).toBe(0);
  });

  test(`${CUTS} truncations are refused`, { timeout: MANY_TIMEOUT_MS }, async () => {
    const copy = temp.join('cut.tar');
    await copyFile(archive, copy);
    const slipped: string[] = [];
    // From the end to the start, so that one file serves for all.
    for (const size of positions(CUTS, bytes.length, 3).toSorted((a, b) => b - a)) {
      await truncate(copy, size);
      const code = await verdict(copy);
      if (code !== 3) slipped.push(`${describePosition(size)}: ${code}`);
    }
    expect(slipped).toEqual([]);
  });

  test(`${INSERTIONS} insertions are refused`, { timeout: MANY_TIMEOUT_MS }, async () => {
    const copy = temp.join('inserted.tar');
    const random = seededRandom(4);
    const slipped: string[] = [];
    for (const position of [...positions(INSERTIONS, bytes.length, 5), bytes.length]) {
      const extra = Buffer.alloc(random() < 0.5 ? 1 : 512, random() < 0.5 ? 0 : Math.floor(random() * 256));
      await writeFile(copy, Buffer.concat([bytes.subarray(0, position), extra, bytes.subarray(position)]));
      const code = await verdict(copy);
      if (code !== 3) slipped.push(`${describePosition(position)}: ${code}`);
    }
    expect(slipped).toEqual([]);
  });

  test('one pass over a stream refuses the same', { timeout: MANY_TIMEOUT_MS }, async () => {
    const slipped: string[] = [];
    const judge = async (what: string, content: Buffer): Promise<void> => {
      const code = await verifyStream(chunked(content), 'stream', { keys: [key], threshold: 1 }).then(
        () => 0,
        exitCodeOf,
      );
      if (code !== 3) slipped.push(`${what}: ${code}`);
    };
    for (const position of positions(tries(60), bytes.length, 6)) {
      const changed = Buffer.from(bytes);
      changed[position] = (changed[position] ?? 0) ^ 0x01;
      await judge(`change in ${describePosition(position)}`, changed);
    }
    for (const size of positions(tries(20), bytes.length, 7)) await judge(`cut at ${size}`, bytes.subarray(0, size));
    await judge('one byte too many', Buffer.concat([bytes, Buffer.of(0)]));
    expect(slipped).toEqual([]);
  });
});

/** Changed copies: what was done, and the bytes. */
function* samples(): Generator<readonly [string, Buffer]> {
  const last = layout.segments.findLast((segment) => segment.kind === 'content');
  const lastPayload = last === undefined ? 0 : last.offset + last.length - 1;
  for (const position of [lastPayload, lastPayload - 1, ...positions(SAMPLE - 18, bytes.length, 8)]) {
    const changed = Buffer.from(bytes);
    changed[position] = (changed[position] ?? 0) ^ 0x80;
    yield [`change in ${describePosition(position)}`, changed];
  }
  for (const size of positions(8, bytes.length, 9)) yield [`cut at ${size}`, bytes.subarray(0, size)];
  for (const position of positions(8, bytes.length, 10)) {
    yield [
      `insertion in ${describePosition(position)}`,
      Buffer.concat([bytes.subarray(0, position), Buffer.of(0x41), bytes.subarray(position)]),
    ];
  }
}

describe('on the command line', () => {
  test(`${SAMPLE} changed archives leave a registry without a tag`, { timeout: MANY_TIMEOUT_MS }, async () => {
    const copy = temp.join('sample.tar');
    const failed: string[] = [];
    const changed = [...samples()];
    expect(changed).toHaveLength(SAMPLE);
    for (const [what, content] of changed) {
      await writeFile(copy, content);
      const report = temp.join('refused');
      const to = ['--to', `docker://${target.host}`, '--report', report];
      const { exitCode, stdout } = await airgap(['load', copy, '--key', pub, ...to, '--json']);
      if (exitCode !== 3 || stdout !== '') failed.push(`${what}: exit ${String(exitCode)} ${stdout}`);
      const tags = await allTags(target.url);
      if (tags.length > 0) failed.push(`${what}: ${tags.join(', ')}`);
      expect(await stat(report).catch(() => undefined)).toBeUndefined();
    }
    expect(failed).toEqual([]);
    for (const repository of await catalog(target.url)) {
      const referrers = await fetch(`${target.url}/v2/${repository}/tags/list`);
      expect(((await referrers.json()) as { tags?: unknown[] }).tags ?? []).toEqual([]);
    }
  });

  test('a wrong last byte leaves what was loaded before as it was', async () => {
    await using other = await startRegistry({ directory: temp.join('other') });
    const to = ['--to', `docker://${other.host}`, '--report', temp.join('report')];
    await airgapOk(['load', archive, '--key', pub, ...to, '--platform', 'linux/amd64']);
    const before = await allTags(other.url);
    expect(before.length).toBeGreaterThan(0);
    const last = layout.segments.findLast((segment) => segment.kind === 'content');
    const changed = Buffer.from(bytes);
    changed[(last?.offset ?? 0) + (last !== undefined && 'length' in last ? last.length : 1) - 1]! ^= 1;
    await writeFile(temp.join('last.tar'), changed);
    const result = await airgap(['load', temp.join('last.tar'), '--key', pub, ...to, '--json']);
    expect([result.exitCode, errorOf(result).code]).toEqual([3, 'DIGEST_MISMATCH']);
    expect(errorOf(result).details).toMatchObject({ member: 'images/multi-platform.tar', offset: last?.offset });
    expect(await allTags(other.url)).toEqual(before);
  });

  test('standard input is judged like a file', async () => {
    const good = await airgap(['verify', '-', '--key', pub], { input: bytes });
    expect([good.exitCode, good.stdout]).toEqual([0, expect.stringContaining('verified: sample 1.2.3')]);
    for (const [what, content] of [...samples()].filter((_, index) => index % 8 === 0)) {
      const { exitCode } = await runProgram('verify-and-load', ['-', '--key', pub], { input: content });
      expect([what, exitCode]).toEqual([what, 3]);
    }
    const empty = await airgap(['verify', '-', '--key', pub]);
    expect(empty.exitCode).toBe(3);
  });

  test('the first wrong member and its offset are in the report, and the reader is told what to do', async () => {
    const member = layout.members.find(({ path }) => path === 'docs/install.md');
    const changed = Buffer.from(bytes);
    changed[member?.offset ?? 0]! ^= 1;
    await writeFile(temp.join('doc.tar'), changed);
    const report = temp.join('verify-report.json');
    const result = await airgap(['verify', temp.join('doc.tar'), '--key', pub, '--json', '--report', report]);
    expect(result.exitCode).toBe(3);
    const document = JSON.parse(result.stdout) as object;
    expect(document).toMatchObject({
      verdict: 'refused',
      error: { code: 'DIGEST_MISMATCH', member: 'docs/install.md', offset: member?.offset },
    });
    expect(JSON.parse(await readFile(report, 'utf8'))).toEqual(document);
    const said = await airgap(['verify', temp.join('doc.tar'), '--key', pub]);
    expect(said.stdout).toBe('');
    expect(said.stderr).toMatch(/^error: docs\/install\.md .*\n(.*\n)*? {2}hint: /m);
  });

  test('nobody can be trusted by default, and another key is not enough', async () => {
    const other = temp.join('other.pub');
    await writeFile(other, toPublicKeyPem(generateKeyPair('ecdsa-p256').publicKey));
    const none = await airgap(['verify', archive, '--json']);
    expect([none.exitCode, errorOf(none).code]).toEqual([2, 'USAGE']);
    const wrong = await airgap(['verify', archive, '--key', other, '--json']);
    expect([wrong.exitCode, errorOf(wrong).code]).toEqual([3, 'UNTRUSTED_SIGNER']);
    const few = await airgap(['verify', archive, '--key', other, '--key', pub, '--threshold', '2', '--json']);
    expect(few.exitCode).toBe(3);
    await airgapOk(['verify', archive, '--key', other, '--key', pub]);
  });
});

async function* chunked(content: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += 10_007) yield content.subarray(at, at + 10_007);
}
