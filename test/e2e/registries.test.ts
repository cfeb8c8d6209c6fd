/** Registries as they are: guarded, slow, overloaded, lying, and gone for a while. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates, type Certificates } from '../helpers/certificates.ts';
import { startChaosProxy } from '../helpers/chaos-proxy.ts';
import {
  ACCOUNT,
  startDockerRegistry,
  type DockerRegistry,
  type DockerRegistryOptions,
} from '../helpers/docker-registry.ts';
import { makeTempDir, type TempDir } from '../helpers/temp.ts';
import { startTokenServer } from '../helpers/token-server.ts';
import { startFaultyProxy, type FaultyProxy } from './support/faulty-proxy.ts';
import { airgap, airgapJson, airgapOk, errorOf, startAirgap } from './support/program.ts';
import { allTags, expectAllTagsComplete, expectServes } from './support/registry-content.ts';
import {
  buildArchive,
  internalPlace,
  makeKeys,
  placeOf,
  pushImages,
  replaceIn,
  writeRelease,
  type BuildResult,
  type TestRelease,
} from './support/release.ts';

const TIMEOUT_MS = 300_000;
const SIZES = { baseBytes: 200_000, ownBytes: 60_000 };

const stack = new AsyncDisposableStack();
let temp: TempDir;
let keys: { readonly key: string; readonly pub: string };
/** Built from a plain registry; what the others must give again is compared with it. */
let archive: string;
let plain: TestRelease;
let folders = 0;

beforeAll(async () => {
  temp = stack.use(await makeTempDir());
  keys = await makeKeys(temp.join('key'), 'ed25519');
  const source = stack.use(await startDockerRegistry());
  plain = await writeRelease(temp.join('plain'), source.host, SIZES);
  await pushImages(`http://${source.host}`, plain.images);
  archive = temp.join('plain.tar');
  await buildArchive(plain.spec, keys.key, archive);
});
afterAll(() => stack.disposeAsync());

const folder = (): string => temp.join(`folder-${(folders += 1)}`);

/** A directory for DOCKER_CONFIG that knows this account at this host. */
async function dockerConfig(
  host: string,
  account: { readonly username: string; readonly password: string },
): Promise<string> {
  const directory = folder();
  await mkdir(directory);
  const auth = Buffer.from(`${account.username}:${account.password}`).toString('base64');
  await writeFile(`${directory}/config.json`, JSON.stringify({ auths: { [host]: { auth } } }));
  return directory;
}

/** A guarded registry with a release in it, which came past the guard: through a plain registry over the same files. */
async function guard(
  options: DockerRegistryOptions,
): Promise<{ readonly registry: DockerRegistry; readonly release: TestRelease }> {
  const storage = folder();
  const registry = await startDockerRegistry({ ...options, storage });
  const release = await writeRelease(folder(), registry.host, SIZES);
  await using open = await startDockerRegistry({ storage });
  await pushImages(`http://${open.host}`, release.images);
  return { registry, release };
}

/** Opens what a guarded registry stored and insists on all of the plain release. */
async function expectLoaded(storage: string): Promise<void> {
  await using open = await startDockerRegistry({ storage });
  for (const [reference, node] of plain.images) {
    await expectServes(`http://${open.host}`, internalPlace(reference), node, placeOf(reference).name);
  }
}

const load = (host: string): string[] => [
  ...['load', archive, '--key', keys.pub, '--to', `docker://${host}`, '--report', folder()],
];

describe('TLS with a private authority, and htpasswd', () => {
  let certificates: Certificates;
  let registry: DockerRegistry;
  let release: TestRelease;
  beforeAll(async () => {
    const directory = folder();
    await mkdir(directory);
    certificates = await makeCertificates(directory);
    ({ registry, release } = await guard({ tls: certificates, htpasswd: true }));
    stack.defer(() => registry.stop());
  });

  const build = (...extra: string[]): string[] => [
    ...['build', release.spec, '--key', keys.key, '--output', `${folder()}.tar`, ...extra],
  ];
  const trusting = (): string[] => ['--ca-file', certificates.caFile];

  test('an account and the authority are enough to build and to load', async () => {
    const env = { DOCKER_CONFIG: await dockerConfig(registry.host, ACCOUNT) };
    await airgapOk(build(...trusting()), { env });
    await airgapOk([...load(registry.host), ...trusting()], { env });
    await expectLoaded(registry.storage);
  });

  test('a wrong password is exit 4, for a build and for a load, and is never shown', async () => {
    const password = 'not-the-password';
    const env = { DOCKER_CONFIG: await dockerConfig(registry.host, { username: ACCOUNT.username, password }) };
    for (const args of [build(...trusting()), [...load(registry.host), ...trusting()]]) {
      const result = await airgap([...args, '--json'], { env });
      expect([result.exitCode, errorOf(result).code]).toEqual([4, 'UNAUTHENTICATED']);
      expect(errorOf(result).message).toContain(registry.host);
      expect(result.stderr + result.stdout).not.toContain(password);
      expect(result.stderr).not.toContain(Buffer.from(`${ACCOUNT.username}:${password}`).toString('base64'));
    }
  });

  test('no account at all is exit 4 with a hint', async () => {
    const result = await airgap([...build(...trusting()), '--json']);
    expect(result.exitCode).toBe(4);
    expect(errorOf(result).hint).toBeTruthy();
  });

  test('an authority nobody knows is an error that names the host and the way out', async () => {
    const env = { DOCKER_CONFIG: await dockerConfig(registry.host, ACCOUNT) };
    const result = await airgap([...build(), '--json'], { env });
    expect(result.exitCode).toBe(1);
    expect(errorOf(result).message).toContain(registry.host);
    // The way out is an option of the command that failed.
    expect(errorOf(result).hint).toContain(' --ca-file');
    const loading = await airgap([...load(registry.host), '--json'], { env });
    expect(errorOf(loading).hint).toContain(' --ca-file');
    for (const command of ['build', 'resolve', 'load', 'mirror']) {
      expect((await airgapOk([command, '--help'])).stdout).toContain('--ca-file <file>');
    }
  });

  test('--insecure takes any certificate of the target', async () => {
    const env = { DOCKER_CONFIG: await dockerConfig(registry.host, ACCOUNT) };
    expect((await airgapOk([...load(registry.host), '--insecure'], { env })).stdout).toContain('loaded sample 1.2.3');
  });
});

/** On a port that no program is given by chance, at an address of loopback that none listens on. */
const NOBODY = '127.77.77.77:1';

// docker-registry lets tokens live on for 60 seconds after their end.
const REALLY_SIX_SECONDS = -54;
const LONGER_MS = 6500;
/** So slow that the shared layer takes longer than a token lives. */
const DRIP = { bytesPerSecond: 30_000 };

describe.concurrent.each([
  ['announced', 6],
  ['unannounced', 60],
])('bearer tokens that end after six seconds, %s', (_how, lifeS) => {
  test('a slow build gets new ones on the way', { timeout: TIMEOUT_MS }, async () => {
    await using tokens = await startTokenServer({ lifeS, realLifeS: REALLY_SIX_SECONDS });
    const { registry, release } = await guard({ token: tokens.auth });
    await using _stop = registry;
    await using link = await startChaosProxy(registry.port);
    // The same images by the name of the slow link.
    await replaceIn(release.spec, registry.host, link.host);
    await replaceIn(release.path('manifests/agent.yaml'), registry.host, link.host);
    const env = { DOCKER_CONFIG: await dockerConfig(link.host, ACCOUNT) };
    await airgapOk(['resolve', release.spec], { env });
    tokens.asked.length = 0;
    link.setFaults(DRIP);
    const started = performance.now();
    // All at once, nothing would be asked for after a token's end.
    await buildWith(release.lock, env, '--concurrency', '4');
    expect(performance.now() - started).toBeGreaterThan(LONGER_MS);
    const scopes = tokens.asked.map((asked) => asked.scopes.join(' '));
    expect(scopes.length).toBeGreaterThan(new Set(scopes).size);
  });

  test('a slow load gets new ones on the way', { timeout: TIMEOUT_MS }, async () => {
    await using tokens = await startTokenServer({ lifeS, realLifeS: REALLY_SIX_SECONDS });
    await using registry = await startDockerRegistry({ token: tokens.auth, storage: folder() });
    await using link = await startChaosProxy(registry.port, DRIP);
    const env = { DOCKER_CONFIG: await dockerConfig(link.host, ACCOUNT) };
    const started = performance.now();
    await airgapOk(load(link.host), { env });
    expect(performance.now() - started).toBeGreaterThan(LONGER_MS);
    const scopes = tokens.asked.map((asked) => asked.scopes.join(' '));
    expect(scopes.length).toBeGreaterThan(new Set(scopes).size);
    await registry.stop();
    await expectLoaded(registry.storage);
  });
});

/** Digest of the largest blob of the image for one platform. */
function largestOf(release: TestRelease): string {
  const [, node] = [...release.images].find(([reference]) => reference.includes('/tool:')) ?? [];
  const blobs = node?.blobs.toSorted((a, b) => b.bytes.length - a.bytes.length);
  return blobs?.[0]?.descriptor.digest ?? '';
}

async function buildWith(
  input: string,
  env: Readonly<Record<string, string>> = {},
  ...options: readonly string[]
): Promise<BuildResult> {
  const args = ['build', input, '--key', keys.key, '--output', `${folder()}.tar`, ...options];
  return airgapJson<BuildResult>(args, { env });
}

describe('answers that are not what was hoped for', () => {
  let proxy: FaultyProxy;
  let source: DockerRegistry;
  let release: TestRelease;
  let good: Buffer;
  beforeAll(async () => {
    source = stack.use(await startDockerRegistry());
    proxy = stack.use(await startFaultyProxy(source.port));
    release = await writeRelease(folder(), proxy.host, SIZES);
    await pushImages(`http://${source.host}`, release.images);
    good = await readFile((await buildArchive(release.spec, keys.key, `${folder()}.tar`)).path);
  });

  async function expectGoodBuild(): Promise<void> {
    const { path } = await buildWith(release.lock);
    expect((await readFile(path)).equals(good)).toBe(true);
  }
  const isBlob = (method: string, path: string): boolean => method === 'GET' && path.includes('/blobs/');

  test('429 with Retry-After is waited for', async () => {
    proxy.setRule(() => (proxy.asked.length <= 3 ? { status: 429, headers: { 'retry-after': '1' } } : undefined));
    const started = performance.now();
    await expectGoodBuild();
    expect(performance.now() - started).toBeGreaterThan(1000);
  });

  test.each([500, 502, 503, 504])('bursts of %i are outlasted', async (status) => {
    proxy.setRule((_method, _path, nth) => (proxy.asked.length < 20 && nth < 2 ? { status } : undefined));
    await expectGoodBuild();
  });

  test('bursts of 503 during a load are outlasted', async () => {
    await using target = await startDockerRegistry();
    await using before = await startFaultyProxy(target.port);
    let burst = 8;
    before.setRule((method) =>
      (method === 'PUT' || method === 'HEAD') && (burst -= 1) >= 0 ? { status: 503 } : undefined,
    );
    await airgapOk(load(before.host));
    await expectAllTagsComplete(`http://${target.host}`);
    for (const [reference, node] of plain.images)
      await expectServes(`http://${target.host}`, internalPlace(reference), node);
  });

  test('a byte that is wrong once is fetched again', async () => {
    proxy.setRule((method, path, nth) => (isBlob(method, path) && nth === 0 ? { flipByteAt: 50 } : undefined));
    await expectGoodBuild();
    const all = proxy.asked.filter((line) => line.includes('/blobs/'));
    expect(all.length).toBe(2 * new Set(all).size);
  });

  test('a byte that is always wrong is exit 3 and names the digest; nothing gets the final name', async () => {
    const digest = largestOf(release);
    proxy.setRule((_method, path) => (path.endsWith(digest) ? { flipByteAt: 50 } : undefined));
    const output = `${folder()}.tar`;
    const result = await airgap(['build', release.lock, '--key', keys.key, '--output', output, '--json']);
    expect([result.exitCode, errorOf(result).code]).toEqual([3, 'DIGEST_MISMATCH']);
    expect(errorOf(result).message).toContain(digest);
    await expect(stat(output)).rejects.toMatchObject({ code: 'ENOENT' });
    proxy.setRule(() => undefined);
    const { resumedBytes } = await airgapJson<BuildResult>([
      'build',
      release.lock,
      '--key',
      keys.key,
      '--output',
      output,
    ]);
    expect(resumedBytes).toBeGreaterThan(0);
    expect((await readFile(output)).equals(good)).toBe(true);
  });

  test('a manifest that is always wrong is exit 3 and names the digest', async () => {
    const digest = [...release.images.values()][0]?.children[0]?.descriptor.digest ?? '';
    proxy.setRule((_method, path) => (path.endsWith(digest) ? { flipByteAt: 5 } : undefined));
    const result = await airgap(['build', release.lock, '--key', keys.key, '--output', `${folder()}.tar`, '--json']);
    expect(result.exitCode).toBe(3);
    expect(errorOf(result).message).toContain(digest);
  });

  test('bodies that end early are gone on with', async () => {
    proxy.setRule((method, path, nth) =>
      isBlob(method, path) && nth < 2 ? { endAfterBytes: 60 + nth * 40 } : undefined,
    );
    await expectGoodBuild();
  });
});

describe('a link that breaks', () => {
  test('cut and slow downloads and uploads get there', { timeout: TIMEOUT_MS }, async () => {
    await using source = await startDockerRegistry();
    await using link = await startChaosProxy(source.port);
    const release = await writeRelease(folder(), link.host, SIZES);
    await pushImages(`http://${source.host}`, release.images);
    link.setFaults({ cutDownloadAfterBytes: 150_000, cuts: 6, bytesPerSecond: 800_000 });
    await airgapOk(['build', release.spec, '--key', keys.key, '--output', `${folder()}.tar`]);
    expect(link.counts.cuts).toBeGreaterThan(0);
    await using target = await startDockerRegistry();
    await using way = await startChaosProxy(target.port, { cutUploadAfterBytes: 150_000, cuts: 3, latencyMs: 2 });
    await airgapOk(load(way.host));
    expect(way.counts.cuts).toBeGreaterThan(0);
    for (const [reference, node] of plain.images)
      await expectServes(`http://${target.host}`, internalPlace(reference), node);
  });

  test('a registry that is killed and comes back is waited for by a build', { timeout: TIMEOUT_MS }, async () => {
    const storage = folder();
    let source = await startDockerRegistry({ storage });
    await using link = await startChaosProxy(source.port);
    const release = await writeRelease(folder(), link.host, SIZES);
    await pushImages(`http://${source.host}`, release.images);
    await airgapOk(['resolve', release.spec]);
    link.setFaults({ bytesPerSecond: 150_000, holdDownloadAfterBytes: 100_000 });
    const output = `${folder()}.tar`;
    await using child = await startAirgap(['build', release.lock, '--key', keys.key, '--output', output]);
    await child.waitUntil('bytes came', () => link.counts.downloaded >= 100_000);
    await source.stop(); // with SIGKILL; the content is in a folder of the test
    link.setTarget(undefined);
    link.setFaults({});
    link.cutAll();
    await setTimeout(500);
    source = await startDockerRegistry({ storage });
    link.setTarget(source.port);
    const { exitCode, stderr } = await child.ended;
    expect([exitCode, exitCode === 0 ? '' : stderr]).toEqual([0, '']);
    await airgapOk(['verify', output, '--key', keys.pub]);
    await source.stop();
  });
});

// Most of what these take is waiting between tries.
describe.concurrent('what does not get better', () => {
  let source: DockerRegistry;
  beforeAll(async () => {
    source = stack.use(await startDockerRegistry());
    await pushImages(`http://${source.host}`, (await writeRelease(folder(), source.host, SIZES)).images);
  });

  test('503 for ever is an error with the address and the status', { timeout: TIMEOUT_MS }, async () => {
    await using proxy = await startFaultyProxy(source.port);
    const release = await writeRelease(folder(), proxy.host, SIZES);
    proxy.setRule((method, path) => (method === 'GET' && path.includes('/blobs/') ? { status: 503 } : undefined));
    const result = await airgap(['build', release.spec, '--key', keys.key, '--output', `${folder()}.tar`, '--json']);
    expect([result.exitCode, errorOf(result).code]).toEqual([1, 'REGISTRY']);
    expect(errorOf(result).message).toMatch(/503/);
    expect(errorOf(result).message).toContain(proxy.host);
  });

  test('bodies that always end early are an error that names the digest', { timeout: TIMEOUT_MS }, async () => {
    await using proxy = await startFaultyProxy(source.port);
    const release = await writeRelease(folder(), proxy.host, SIZES);
    const digest = largestOf(release);
    proxy.setRule((_method, path) => (path.endsWith(digest) ? { endAfterBytes: 0 } : undefined));
    const result = await airgap(['build', release.spec, '--key', keys.key, '--output', `${folder()}.tar`, '--json']);
    expect(result.exitCode).toBe(1);
    expect(errorOf(result).message).toContain(digest);
  });

  test('one that was never there is told within seconds, whatever asks for it', { timeout: TIMEOUT_MS }, async () => {
    const release = await writeRelease(folder(), source.host, SIZES);
    await airgapOk(['resolve', release.spec]);
    await replaceIn(release.lock, source.host, NOBODY);
    const fails = async (...args: string[]): Promise<ReturnType<typeof errorOf>> => {
      const result = await airgap([...args, '--json']);
      expect([result.exitCode, errorOf(result).code]).toEqual([1, 'REGISTRY']);
      expect(errorOf(result).message).toContain(`ECONNREFUSED ${NOBODY}`);
      expect(errorOf(result).hint).toContain('nothing has ever answered there');
      return errorOf(result);
    };
    await Promise.all([
      fails('resolve', (await writeRelease(folder(), NOBODY)).spec),
      fails(...load(NOBODY)),
      fails('build', release.lock, '--key', keys.key, '--output', `${folder()}.tar`),
    ]);
  });

  test('one that stays away fails the load, and the next load completes it', { timeout: TIMEOUT_MS }, async () => {
    const storage = folder();
    let target = await startDockerRegistry({ storage });
    const held = { bytesPerSecond: 150_000, holdUploadAfterBytes: 200_000 };
    await using link = await startChaosProxy(target.port, held);
    await using child = await startAirgap([...load(link.host), '--json']);
    await child.waitUntil('bytes went', () => link.counts.uploaded >= held.holdUploadAfterBytes);
    await target.stop();
    link.setTarget(undefined);
    link.cutAll();
    const failed = await child.ended;
    expect([failed.exitCode, errorOf(failed).code]).toEqual([1, 'REGISTRY']);
    target = await startDockerRegistry({ storage });
    link.setTarget(target.port);
    expect(await allTags(`http://${target.host}`)).toEqual([]);
    link.setFaults({});
    await airgapOk(load(link.host));
    await target.stop();
    await expectLoaded(storage);
  });
});
