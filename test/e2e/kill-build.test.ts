/** kill -9 at any moment of a build: the next run goes on where it stopped and ends byte-identical. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readJournal } from '../../src/archive/writer/journal.ts';
import { startRegistry, type EmbeddedRegistry, type RequestRecord } from '../../src/server/embedded-registry.ts';
import { startChaosProxy, type ChaosProxy } from '../helpers/chaos-proxy.ts';
import { makeTempDir, type TempDir } from '../helpers/temp.ts';
import { airgap, airgapJson, errorOf, startAirgap } from './support/program.ts';
import { KILLS, measure, MIN_RESUMED, strike, Strikes } from './support/moments.ts';
import {
  buildArchive,
  makeKeys,
  pushImages,
  readInventory,
  writeRelease,
  type BuildResult,
  type TestRelease,
} from './support/release.ts';

const SLOW = { bytesPerSecond: 600_000 };
const TIMEOUT_MS = 900_000;

let temp: TempDir & AsyncDisposable;
const requests: RequestRecord[] = [];
const stack = new AsyncDisposableStack();
let source: EmbeddedRegistry;
let link: ChaosProxy;
let release: TestRelease;
let keys: { readonly key: string; readonly pub: string };
let undisturbed: string;

beforeAll(async () => {
  temp = stack.use(await makeTempDir());
  source = await startSource();
  stack.defer(() => source.close());
  link = stack.use(await startChaosProxy(portOf(source)));
  // The release names the link, so that everything it needs comes over it.
  release = await writeRelease(temp.join('release'), link.host, { baseBytes: 200_000, ownBytes: 150_000 });
  await pushImages(source.url, release.images);
  // Ed25519 has no randomness: identical then means all bytes.
  keys = await makeKeys(temp.join('key'), 'ed25519');
  undisturbed = temp.join('undisturbed.tar');
  await buildArchive(release.spec, keys.key, undisturbed);
});
afterAll(() => stack.disposeAsync());

const portOf = ({ host }: EmbeddedRegistry): number => Number(host.split(':')[1]);
const downloaded = (): number => link.counts.downloaded;

function startSource(): Promise<EmbeddedRegistry> {
  return startRegistry({ directory: temp.join('source'), onRequest: (record) => requests.push(record) });
}

/** Ends every request that a killed process left, so that all of its records are there, and forgets them. */
async function forgetRequests(): Promise<void> {
  link.cutAll();
  await source.close();
  requests.length = 0;
  source = await startSource();
  link.setTarget(portOf(source));
}

const build = (output: string): string[] => ['build', release.lock, '--key', keys.key, '--output', output];

test(`killed ${KILLS} times, it ends byte-identical and fetches nothing twice`, { timeout: TIMEOUT_MS }, async () => {
  const expected = await readFile(undisturbed);
  const { manifests, blobs } = await readInventory(undisturbed);
  const sizes = new Map([...manifests, ...blobs].map(({ digest, size }) => [digest as string, size]));
  link.setFaults(SLOW);
  const course = await measure(() => buildArchive(release.lock, keys.key, temp.join('slow.tar')), downloaded);
  const strikes = new Strikes(course, 11);
  let resumed = 0;
  for (const moment of strikes) {
    const { round } = moment;
    const output = temp.join(`killed-${round}.tar`);
    link.setFaults(SLOW);
    await using child = await startAirgap(build(output));
    strikes.tell(await strike(child, moment, downloaded));
    const left = await readdir(temp.path);
    const isDone = left.includes(`killed-${round}.tar`);
    if (isDone) {
      expect((await readFile(output)).equals(expected)).toBe(true);
      await rm(output);
      continue;
    }
    const held = (await readJournal(`${output}.journal`))?.held ?? new Map<string, number>();
    link.setFaults({});
    await forgetRequests();
    const result = await airgapJson<BuildResult>(build(output));
    if (result.resumedBytes > 0) resumed += 1;
    const fetched = new Map<string, number>();
    for (const { path, bytesOut } of requests) {
      const digest = path.split('/').at(-1) ?? '';
      expect([digest, fetched.has(digest)]).toEqual([digest, false]);
      fetched.set(digest, bytesOut);
    }
    for (const [digest, size] of sizes) {
      const had = Math.min(held.get(digest as never) ?? 0, size);
      expect([round, digest, fetched.get(digest) ?? 0]).toEqual([round, digest, size - had]);
    }
    expect((await readFile(output)).equals(expected)).toBe(true);
    expect((await readdir(temp.path)).filter((name) => name.startsWith(`killed-${round}.tar`))).toEqual([
      `killed-${round}.tar`,
    ]);
    await rm(output);
  }
  expect(resumed).toBeGreaterThanOrEqual(MIN_RESUMED);
});

test('killed again and again, it still gets there', { timeout: TIMEOUT_MS }, async () => {
  const output = temp.join('again.tar');
  link.setFaults(SLOW);
  const { bytes } = await measure(() => buildArchive(release.lock, keys.key, temp.join('slow-again.tar')), downloaded);
  for (let kill = 0; kill < 4; kill++) {
    link.setFaults({ ...SLOW, holdDownloadAfterBytes: 0.2 * bytes });
    await using child = await startAirgap(build(output));
    expect(await child.killWhen(() => downloaded() >= 0.2 * bytes)).toBe(true);
  }
  link.setFaults({});
  await buildArchive(release.lock, keys.key, output);
  expect((await readFile(output)).equals(await readFile(undisturbed))).toBe(true);
});

test(
  'two builds of one archive: the second is refused, the first is not disturbed',
  { timeout: TIMEOUT_MS },
  async () => {
    const output = temp.join('shared.tar');
    link.setFaults({ ...SLOW, holdDownloadAfterBytes: 100_000 });
    await using first = await startAirgap(build(output));
    await first.waitUntil('it wrote', async () => (await readdir(temp.path)).includes('shared.tar.partial'));
    const second = await airgap([...build(output), '--json']);
    expect([second.exitCode, errorOf(second).code]).toEqual([1, 'LOCKED']);
    expect(errorOf(second).message).toContain(output);
    link.setFaults({});
    expect((await first.ended).exitCode).toBe(0);
    expect((await readFile(output)).equals(await readFile(undisturbed))).toBe(true);
  },
);

test('Ctrl-C is exit 130, says how to go on, and the next run does', { timeout: TIMEOUT_MS }, async () => {
  const output = temp.join('interrupted.tar');
  link.setFaults({ ...SLOW, holdDownloadAfterBytes: 400_000 });
  await using child = await startAirgap([...build(output), '--json']);
  await child.waitUntil('bytes came', () => downloaded() >= 400_000);
  const { exitCode, stderr, stdout } = await child.stop(20_000, 'SIGINT');
  expect([exitCode, stdout]).toEqual([130, '']);
  expect(stderr).toContain('run the same command again');
  link.setFaults({});
  const { resumedBytes } = await airgapJson<BuildResult>(build(output));
  expect(resumedBytes).toBeGreaterThan(0);
  expect((await readFile(output)).equals(await readFile(undisturbed))).toBe(true);
});
