/**
 * An archive in parts is the archive: read where they lie, from any directories, and when one of them is missing or bad it
 * is named with what it holds.
 */
import { chmod, cp, link, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findParts } from '../../src/archive/parts/found-parts.ts';
import { trustArchive } from '../../src/archive/verification/trusted-archive.ts';
import { verifyArchive, verifyPayload } from '../../src/archive/verification/verified-archive.ts';
import type { AirgapError } from '../../src/errors.ts';
import { buildArchive } from '../../src/operations/build/build.ts';
import { openBuildBases } from '../../src/operations/build/bases.ts';
import { diffReleases } from '../../src/operations/diff.ts';
import { inspectArchive } from '../../src/operations/inspect.ts';
import { joinArchive } from '../../src/operations/join.ts';
import { loadRelease, planLoad } from '../../src/operations/load/load.ts';
import { signArchive } from '../../src/operations/sign.ts';
import { splitArchive } from '../../src/operations/split.ts';
import { AIRGAP } from '../../src/cli/airgap.ts';
import type { Program } from '../../src/cli/program.ts';
import { VERIFY_AND_LOAD } from '../../src/cli/verify-and-load-program.ts';
import { sha256 } from '../../src/oci/digest.ts';
import { createRegistryTarget } from '../../src/release/mapping/image-target.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { createKeySigner } from '../../src/trust/signing/signer.ts';
import { rejectionOf } from '../archive/failures.ts';
import { fixedKeyPair } from '../archive/forge.ts';
import { makeReleaseLine } from '../archive/partial/release-line.ts';
import { lockOf } from '../archive/sample-lock.ts';
import type { SampleRelease } from '../archive/sample-release.ts';
import { allOf } from '../helpers/all-of.ts';
import { runInside } from '../helpers/in-process.ts';
import type { ProcessResult } from '../helpers/process.ts';
import { runOk } from '../helpers/run.ts';
import { makeTempDir, useTempDir } from '../helpers/temp.ts';

const PART_BYTES = 20_000;
const temp = useTempDir();
const { privateKey, publicKey } = fixedKeyPair('maker');
const trusted = { keys: [publicKey], threshold: 1 };
/** Two archives and a delta from the one to the other, built once. */
let built: Awaited<ReturnType<typeof makeTempDir>>;
let whole: Buffer;

beforeAll(async () => {
  built = await makeTempDir();
  const [before, after] = await makeReleaseLine('parts', 2);
  await build(before as SampleRelease, 'base.tar');
  await build(after as SampleRelease, 'a.tar');
  await build(after as SampleRelease, 'delta.tar', ['base.tar']);
  whole = await readFile(built.join('a.tar'));
});
afterAll(async () => await built[Symbol.asyncDispose]());

/** Of one test: the archive in parts, and no whole one. */
let parts: readonly string[];
const archive = (): string => temp.join('a.tar');
beforeEach(async () => {
  await link(built.join('a.tar'), archive());
  parts = (await splitArchive({ archive: archive(), partSize: PART_BYTES })).parts.map(({ path }) => path);
  await rm(archive());
});

async function build(release: SampleRelease, name: string, bases: readonly string[] = []): Promise<void> {
  using opened = bases.length === 0 ? undefined : await openBuildBases(bases.map((base) => built.join(base)));
  await buildArchive({
    lock: lockOf(release),
    output: built.join(name),
    signers: [createKeySigner(privateKey)],
    sourceOf: () => release.store,
    files: new Map([...release.contents].map(([digest, { bytes }]) => [digest, { bytes }])),
    install: [],
    bases: opened,
  });
}

async function flip(path: string, at = 9_000): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

async function failure(path = archive(), directories: readonly string[] = []): Promise<AirgapError> {
  return (await rejectionOf(() => verifyArchive(path, trusted, { parts: directories }))) as AirgapError;
}

describe('parts', () => {
  test('are slices of the archive, with a list of them, and joined they are the archive', async () => {
    expect(parts.length).toBeGreaterThan(3);
    expect(parts.map((part) => basename(part)).slice(0, 2)).toEqual(['a.tar.001', 'a.tar.002']);
    const contents = await Promise.all(parts.map((part) => readFile(part)));
    expect(Buffer.concat(contents).equals(whole)).toBe(true);
    expect(JSON.parse(await readFile(`${archive()}.parts.json`, 'utf8'))).toEqual({
      formatVersion: 1,
      archive: 'a.tar',
      size: whole.length,
      parts: contents.map((bytes, at) => ({ name: basename(parts[at] ?? ''), size: bytes.length, digest: sha256(bytes) })), // prettier-ignore
    });
  });

  test('are verified by the name of any of them, of the list and of the archive, and left as they are', async () => {
    const names = (await readdir(temp.path)).sort();
    for (const part of parts) await chmod(part, 0o444);
    const { content } = await verifyArchive(archive(), trusted);
    expect(content.bytes).toBe(whole.length);
    for (const name of [parts[0], parts[2], `${archive()}.parts.json`]) {
      expect(await verifyArchive(name ?? '', trusted)).toMatchObject({ content });
    }
    expect((await readdir(temp.path)).sort()).toEqual(names);
  });

  test('are found once, under however many names their directory is given', async () => {
    const found = await findParts(archive(), [
      `${temp.path}/`,
      join(temp.path, '.'),
      `${temp.path}/../${basename(temp.path)}`,
    ]);
    expect(allOf(found?.parts ?? [], ({ copies }) => copies.length === 1)).toBe(true);
  });

  test('are read from several directories, in any order and without the list', async () => {
    await rm(`${archive()}.parts.json`);
    await mkdir(temp.join('disc 1'));
    await mkdir(temp.join('disc 2'));
    for (const [at, part] of parts.entries())
      await rename(part, temp.join(at % 2 ? 'disc 1' : 'disc 2', basename(part)));
    const directories = [temp.join('disc 1'), temp.join('disc 2')];
    const { content } = await verifyArchive(archive(), trusted, { parts: directories });
    expect(content.bytes).toBe(whole.length);
    expect(await verifyArchive(temp.join('disc 2', 'a.tar.001'), trusted, { parts: [temp.join('disc 1')] })).toMatchObject({ content }); // prettier-ignore
  });

  test('of any sizes are read, such as those of other tools', async () => {
    for (const part of parts) await rm(part);
    await rm(`${archive()}.parts.json`);
    const borders = [0, 100, 40_001, 40_002, whole.length];
    for (const [at, end] of borders.slice(1).entries())
      await writeFile(`${archive()}.00${at + 1}`, whole.subarray(borders[at], end));
    expect((await verifyArchive(archive(), trusted)).content.bytes).toBe(whole.length);
  });

  test('load, inspect, compare and take a signature beside them as the archive does', async () => {
    const stores = new Map<string, MemoryStore>();
    const rule = { host: 'registry.internal', prefix: '', stripRegistry: true };
    const target = createRegistryTarget('docker://registry.internal', rule, ({ repository }) => {
      const store = stores.get(repository) ?? new MemoryStore(repository);
      stores.set(repository, store);
      return store;
    });
    using opened = await trustArchive(archive(), trusted);
    await loadRelease(await planLoad(opened, target));
    for (const { reference, digest } of opened.release.inventory.images) {
      const [, repository = '', tag = ''] = /^[^/]+\/(.*):([^:]+)$/.exec(reference) ?? [];
      expect((await stores.get(repository)?.resolve(tag))?.digest).toBe(digest);
    }
    expect(await inspectArchive(parts[0] ?? '')).toMatchObject({ size: whole.length });
    expect((await diffReleases(built.join('base.tar'), parts[0] ?? '')).new.kind).toBe('archive');
    const second = createKeySigner(fixedKeyPair('second').privateKey);
    expect(await rejectionOf(() => signArchive(archive(), second))).toMatchObject({
      message: expect.stringContaining('is in parts') as string,
      hint: expect.stringContaining('--detached') as string,
    });
    const { place } = await signArchive(parts[0] ?? '', second, { detached: true });
    expect(place).toMatch(/a\.tar\.[0-9a-f]{16}\.sigstore\.json$/);
    const both = { keys: [publicKey, fixedKeyPair('second').publicKey], threshold: 2 };
    expect((await verifyArchive(archive(), both)).signers).toHaveLength(2);
  });

  test('of a delta and of its base are read where they lie', async () => {
    for (const [name, partSize] of [
      ['delta.tar', 6_000],
      ['base.tar', 30_000],
    ] as const) {
      await splitArchive({ archive: built.join(name), partSize, directory: temp.path });
    }
    const output = (): string => temp.join('joined.tar');
    await joinArchive({ delta: temp.join('delta.tar.001'), bases: [temp.join('base.tar')], output });
    expect((await readFile(output())).equals(whole)).toBe(true);
    await mkdir(temp.join('far'));
    await rename(temp.join('base.tar.004'), temp.join('far', 'base.tar.004'));
    const options = { parts: [temp.join('far')], bases: [temp.join('base.tar')] };
    (await trustArchive(temp.join('delta.tar.001'), trusted, options))[Symbol.dispose]();
    expect((await diffReleases(temp.join('base.tar'), temp.join('delta.tar'), options)).old.version).toBe('1.0.0');
  });

  test('of a base that are bad are named, and not those of the delta at the same offset', async () => {
    for (const [name, partSize] of [
      ['delta.tar', 6_000],
      ['base.tar', 30_000],
    ] as const) {
      await splitArchive({ archive: built.join(name), partSize, directory: temp.path });
    }
    const names = (await readdir(temp.path)).filter((name) => /^base\.tar\.[0-9]{3}$/.test(name)).sort();
    // All of the images' tarballs: whatever is taken from there.
    for (const name of names.slice(4))
      await writeFile(temp.join(name), Buffer.alloc((await stat(temp.join(name))).size));
    using opened = await trustArchive(temp.join('delta.tar'), trusted, { bases: [temp.join('base.tar')] });
    const error = (await rejectionOf(() => verifyPayload(opened))) as AirgapError;
    expect(error).toMatchObject({ code: 'DIGEST_MISMATCH', message: expect.stringContaining('base.tar holds content') as string }); // prettier-ignore
    expect(allOf(error.items, (item) => item.includes('base.tar.'))).toBe(true);
  });
});

describe('a part that is missing', () => {
  test('is named with its bytes and the images in it, with the list or without', async () => {
    await rm(parts[6] ?? '');
    for (const isListed of [true, false]) {
      if (!isListed) await rm(`${archive()}.parts.json`);
      const error = await failure();
      expect(error).toMatchObject({ name: 'NotFoundError', code: 'MISSING_CONTENT' });
      expect(error.message).toContain(`${parts[6] ?? ''} is missing (bytes 120000 to 139999: image`);
      expect(error.hint).toContain('--parts');
    }
  });

  test('at the end is named by the list, and without it by what is before', async () => {
    await rm(parts.at(-1) ?? '');
    expect((await failure()).message).toContain(`${parts.at(-1) ?? ''} is missing`);
    await rm(`${archive()}.parts.json`);
    const error = await failure();
    expect(error).toMatchObject({ code: 'MISSING_CONTENT' });
    expect(error.message).toContain(`what follows ${parts.at(-2) ?? ''} is missing (bytes`);
  });

  test('at the start is named too, whatever was given', async () => {
    await rm(parts[0] ?? '');
    for (const path of [archive(), parts[1] ?? '']) {
      expect((await failure(path)).message).toContain(`${parts[0] ?? ''} is missing`);
    }
    await rm(`${archive()}.parts.json`);
    for (const path of [archive(), parts[1] ?? '']) {
      expect((await failure(path)).message).toContain(`${parts[0] ?? ''} is missing`);
    }
  });

  test('is no reason to take another file for the archive', async () => {
    for (const part of parts) await rm(part);
    await rm(`${archive()}.parts.json`);
    expect(await failure()).toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('no such file') as string,
    });
    expect(await failure(archive(), [temp.join('no')])).toMatchObject({ code: 'USAGE', message: expect.stringContaining('--parts') as string }); // prettier-ignore
  });
});

describe('a part that is bad', () => {
  test('is named with its bytes and the images in it, and so is every other', async () => {
    await flip(parts[6] ?? '');
    await flip(parts[8] ?? '');
    const error = await failure();
    expect(error).toMatchObject({ name: 'IntegrityError', code: 'DIGEST_MISMATCH' });
    expect(error.items).toEqual([
      expect.stringMatching(/^in the part .*a\.tar\.007 \(bytes 120000 to 139999: images? /),
      expect.stringMatching(/^in the part .*a\.tar\.009 \(bytes 160000 to 179999: images? /),
    ]);
    // Content that lies in two parts says less without the list.
    await rm(`${archive()}.parts.json`);
    expect((await failure()).items.join()).toMatch(/a\.tar\.007.*a\.tar\.009/);
  });

  test('gives way to a good copy in another directory', async () => {
    await mkdir(temp.join('spare'));
    await cp(parts[6] ?? '', temp.join('spare', 'a.tar.007'));
    await flip(parts[6] ?? '');
    expect((await verifyArchive(archive(), trusted, { parts: [temp.join('spare')] })).content.bytes).toBe(whole.length);
    // The list tells them apart, whichever is looked at first; without it, the one that was named counts.
    await rename(parts[6] ?? '', temp.join('aside'));
    await rename(temp.join('spare', 'a.tar.007'), parts[6] ?? '');
    await rename(temp.join('aside'), temp.join('spare', 'a.tar.007'));
    expect((await verifyArchive(archive(), trusted, { parts: [temp.join('spare')] })).content.bytes).toBe(whole.length);
    await rm(`${archive()}.parts.json`);
    expect((await failure(archive(), [temp.join('spare')])).items.join()).toContain(temp.join('spare', 'a.tar.007'));
    expect((await verifyArchive(archive(), trusted)).content.bytes).toBe(whole.length);
  });

  test('because it was cut short is named with both lengths', async () => {
    await truncate(parts[8] ?? '', 19_000);
    const error = await failure();
    expect(error).toMatchObject({ code: 'SIZE_MISMATCH' });
    expect(error.message).toContain(`${parts[8] ?? ''} has 19000 bytes in the place of 20000 (bytes 160000`);
    await rm(`${archive()}.parts.json`);
    expect((await failure()).message).toContain(`${parts[8] ?? ''} has 19000 bytes`);
  });

  test('in front, where nothing is believed yet, is named by where it is', async () => {
    await flip(parts[1] ?? '', 100);
    const error = await failure();
    expect(error).toMatchObject({ name: 'IntegrityError', code: 'MALFORMED' });
    expect(error.items).toContain(`in the part ${parts[1] ?? ''} (bytes 20000 to 39999)`);
    await mkdir(temp.join('spare'));
    await cp(built.join('a.tar'), temp.join('spare', 'a.tar'));
    await splitArchive({ archive: temp.join('spare', 'a.tar'), partSize: PART_BYTES });
    expect((await verifyArchive(archive(), trusted, { parts: [temp.join('spare')] })).content.bytes).toBe(whole.length);
  });

  test('because it is no file is refused and not waited for', async () => {
    await rm(parts[2] ?? '');
    await runOk('mkfifo', [parts[2] ?? '']);
    for (const isListed of [true, false]) {
      if (!isListed) await rm(`${archive()}.parts.json`);
      expect((await failure()).message).toContain(parts[2]);
    }
  });
});

describe('a list that lies', () => {
  const list = (): string => `${archive()}.parts.json`;

  test('with other digests is no reason to refuse what is signed', async () => {
    await writeFile(list(), (await readFile(list(), 'utf8')).replace(/sha256:[0-9a-f]/g, 'sha256:0'));
    await mkdir(temp.join('spare'));
    await cp(parts[1] ?? '', temp.join('spare', 'a.tar.002'));
    expect((await verifyArchive(archive(), trusted, { parts: [temp.join('spare')] })).content.bytes).toBe(whole.length);
  });

  test.each(['{"size": 1e999', '{}', '['.repeat(1_000_000)])('or is none (%.10s) counts for nothing', async (text) => {
    await writeFile(list(), text);
    expect((await verifyArchive(list(), trusted)).content.bytes).toBe(whole.length);
  });

  test('or is a pipe is not waited for', async () => {
    await rm(list());
    await runOk('mkfifo', [list()]);
    expect((await verifyArchive(archive(), trusted)).content.bytes).toBe(whole.length);
  });

  test('about lengths makes no bytes of an archive out of others', async () => {
    const told = JSON.parse(await readFile(list(), 'utf8')) as { parts: { size: number }[] };
    const [first, second] = told.parts;
    Object.assign(first ?? {}, { size: 19_999 });
    Object.assign(second ?? {}, { size: 20_001 });
    await writeFile(list(), JSON.stringify(told));
    expect(await failure()).toMatchObject({ code: 'SIZE_MISMATCH' });
  });
});

describe('splitting', () => {
  const request = (): { archive: string; partSize: number; directory: string } => {
    return { archive: built.join('a.tar'), partSize: PART_BYTES, directory: temp.path };
  };

  test('goes on where it stopped and ends with the same parts', async () => {
    const list = await readFile(`${archive()}.parts.json`);
    await rm(parts[1] ?? '');
    await rm(`${archive()}.parts.json`);
    const before = await stat(parts[0] ?? '');
    const report = await splitArchive(request());
    expect(report.parts.map(({ isKept }) => isKept)).toEqual(parts.map((_, at) => at !== 1));
    expect((await stat(parts[0] ?? '')).ino).toBe(before.ino);
    expect((await readFile(`${archive()}.parts.json`)).equals(list)).toBe(true);
    expect((await verifyArchive(archive(), trusted)).content.bytes).toBe(whole.length);
  });

  test('leaves no part half-written when it is stopped', async () => {
    for (const part of parts) await rm(part);
    const stop = new AbortController();
    const onProgress = (done: number): void => {
      if (done > 2 * PART_BYTES) stop.abort();
    };
    expect(await rejectionOf(() => splitArchive(request(), { signal: stop.signal, onProgress }))).toMatchObject({ name: 'AbortError' }); // prettier-ignore
    const left = await readdir(temp.path);
    expect(allOf(left, (name) => /^a\.tar\.00[0-9]$/.test(name))).toBe(true);
    expect(left.length).toBeLessThan(parts.length);
    for (const name of left) expect((await stat(join(temp.path, name))).size).toBe(PART_BYTES);
  });

  test('replaces nothing else that has the name of a part unless it is told to', async () => {
    await flip(parts[3] ?? '');
    expect(await rejectionOf(() => splitArchive(request()))).toMatchObject({ code: 'USAGE', message: expect.stringContaining(parts[3] ?? '') as string }); // prettier-ignore
    expect((await splitArchive(request(), { overwrite: true })).parts.filter(({ isKept }) => !isKept)).toHaveLength(1);
    expect((await verifyArchive(archive(), trusted)).content.bytes).toBe(whole.length);
  });

  test('does not leave parts of another split that `cat` would join', async () => {
    const error = await rejectionOf(() =>
      splitArchive({ ...request(), partSize: 3 * PART_BYTES }, { overwrite: true }),
    );
    expect(error).toMatchObject({ code: 'USAGE', hint: expect.stringContaining('another split') as string });
    expect((await verifyArchive(archive(), trusted)).content.bytes).toBe(whole.length);
  });

  test('takes an archive that is in parts itself, and refuses what is none', async () => {
    await mkdir(temp.join('smaller'));
    await splitArchive({ archive: parts[0] ?? '', partSize: 8_000, directory: temp.join('smaller') });
    expect((await verifyArchive(temp.join('smaller', 'a.tar'), trusted)).content.bytes).toBe(whole.length);
    await writeFile(temp.join('notes.txt'), 'no archive'.repeat(1000));
    expect(await rejectionOf(() => splitArchive({ archive: temp.join('notes.txt'), partSize: 5_000 }))).toMatchObject({ code: 'MALFORMED' }); // prettier-ignore
  });
});

describe('on the command line', () => {
  async function run(program: Program, ...args: readonly string[]): Promise<ProcessResult> {
    await writeFile(temp.join('maker.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    return await runInside(program, args);
  }

  test('split says what it wrote, and verify-and-load takes the parts and extracts from them', async () => {
    const output = temp.join('discs');
    await mkdir(output);
    const words = ['split', built.join('a.tar'), '--size', '50KB', '--output', output, '--json'];
    const { stdout, exitCode } = await run(AIRGAP, ...words);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ schemaVersion: 1, kind: 'split', list: join(output, 'a.tar.parts.json'), size: whole.length },
      parts: expect.arrayContaining([expect.objectContaining({ path: join(output, 'a.tar.002'), size: 50_000, isKept: false })]) as unknown, // prettier-ignore
    });
    await mkdir(temp.join('far'));
    await rename(join(output, 'a.tar.002'), temp.join('far', 'a.tar.002'));
    const key = ['--key', temp.join('maker.pub'), '--parts', temp.join('far')];
    const verified = await run(VERIFY_AND_LOAD, join(output, 'a.tar.001'), ...key);
    expect(verified.stdout).toContain(`(${whole.length} bytes), every byte accounted for`);
    await run(VERIFY_AND_LOAD, join(output, 'a.tar'), ...key, '--extract', temp.join('files'));
    expect(await readFile(temp.join('files', 'docs', 'same.txt'), 'utf8')).toBe('the same\n');
  });

  test('no report takes the place of a part', async () => {
    const words = ['verify', parts[0] ?? '', '--key', temp.join('maker.pub'), '--report', parts[3] ?? ''];
    const { stderr, exitCode } = await run(AIRGAP, ...words);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('would replace the archive');
    expect((await stat(parts[3] ?? '')).size).toBe(PART_BYTES);
  });

  test('a part that is missing is a line of its own, and exit code 1', async () => {
    await rm(parts[6] ?? '');
    const { stderr, exitCode } = await run(AIRGAP, 'verify', archive(), '--key', temp.join('maker.pub'));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^ {2}.*a\.tar\.007 is missing \(bytes 120000 to 139999: images? /m);
  });
});
