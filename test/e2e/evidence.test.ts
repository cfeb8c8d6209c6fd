/** What cosign accepts at the source it accepts behind the gap: signatures, attestations and SBOMs, with and without referrers API. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRegistry, type RequestRecord } from '../../src/server/embedded-registry.ts';
import { allOf } from '../helpers/all-of.ts';
import { makeCosign, type Cosign } from '../helpers/cosign.ts';
import { startDockerRegistry } from '../helpers/docker-registry.ts';
import { pushSample } from '../helpers/push-sample.ts';
import { makeMultiPlatformImage, type SampleNode } from '../helpers/sample-image.ts';
import { startScriptedServer } from '../helpers/scripted-server.ts';
import { makeTempDir, type TempDir } from '../helpers/temp.ts';
import { airgap, airgapJson, airgapOk, errorOf } from './support/program.ts';
import { get, tagsOf } from './support/registry-content.ts';
import { buildArchive, makeKeys, readInventory, readLockFile } from './support/release.ts';

type Evidence = readonly { readonly kind: string; readonly subject: string; readonly tag?: string }[];
interface Reported {
  readonly images: readonly { readonly evidence?: Evidence; readonly lostEvidence?: Evidence }[];
}

const image = makeMultiPlatformImage({ name: 'app', attestations: true });
const bare = makeMultiPlatformImage({ name: 'bare' });
const [amd64, arm64] = image.children as [SampleNode, SampleNode];
const root = image.descriptor.digest;
const child = amd64.descriptor.digest;
const other = arm64.descriptor.digest;
const fallbackTag = (digest: string): string => digest.replace(':', '-');

let stack: AsyncDisposableStack;
let temp: TempDir;
let cosign: Cosign | undefined;
let keys: { readonly key: string; readonly pub: string };

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  temp = stack.use(await makeTempDir());
  cosign = await makeCosign(temp);
  keys = await makeKeys(temp.join('release-key'));
});
afterAll(() => stack.disposeAsync());

interface Registry {
  readonly url: string;
  readonly host: string;
  readonly hasReferrers: boolean;
  readonly requests: RequestRecord[];
}

let count = 0;

/** With the referrers API: the embedded registry. Without: Debian's docker-registry. */
async function start(kind: 'embedded' | 'docker'): Promise<Registry> {
  const requests: RequestRecord[] = [];
  if (kind === 'docker') {
    const { host } = stack.use(await startDockerRegistry());
    return { url: `http://${host}`, host, hasReferrers: false, requests };
  }
  const directory = temp.join(`registry-${(count += 1)}`);
  const { url } = stack.use(await startRegistry({ directory, onRequest: (record) => requests.push(record) }));
  return { url, host: new URL(url).host, hasReferrers: true, requests };
}

/** The index and one child signed in both ways, an attestation and an SBOM; evidence that is signed itself; a bare image. */
async function publish(by: Cosign, { url, host }: Registry): Promise<void> {
  await pushSample(url, 'team/app', image, ['1.0']);
  await pushSample(url, 'team/bare', bare, ['1.0']);
  for (const digest of [root, child]) {
    await by.sign('cosign2', `${host}/team/app@${digest}`);
    await by.sign('cosign3', `${host}/team/app@${digest}`);
  }
  await by.sign('cosign2', `${host}/team/app@${other}`);
  await by.attest('cosign2', `${host}/team/app@${root}`);
  await by.attest('cosign3', `${host}/team/app@${root}`);
  await by.attachSbom(`${host}/team/app@${child}`);
  await by.sign('cosign2', `${host}/team/app:sha256-${child.slice(7)}.sbom`);
}

async function writeSpec(name: string, host: string, extra = '', images = ['app', 'bare']): Promise<string> {
  const path = temp.join(name, 'release.yaml');
  await mkdir(temp.join(name), { recursive: true });
  await writeFile(
    path,
    `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: signed
version: 1.0.0
created: 2026-01-31T12:00:00Z
platforms: all
${extra}
components:
  - name: core
    images: [${images.map((each) => `${host}/team/${each}:1.0`).join(', ')}]
`,
  );
  return path;
}

/** Insists that both cosigns accept everything at a place. */
async function expectAccepted(by: Cosign, repository: string, digests = [root, child]): Promise<void> {
  for (const digest of digests) {
    for (const name of ['cosign2', 'cosign3'] as const) {
      const { exitCode, stderr } = await by.verify(name, `${repository}@${digest}`);
      expect([name, digest, exitCode, exitCode === 0 ? '' : stderr]).toEqual([name, digest, 0, '']);
    }
  }
  for (const name of ['cosign2', 'cosign3'] as const) {
    const { exitCode, stderr } = await by.verifyAttestation(name, `${repository}@${root}`);
    expect([name, 'attestation', exitCode, exitCode === 0 ? '' : stderr]).toEqual([name, 'attestation', 0, '']);
  }
}

/** Referrers as the API, or the tag in its place, lists them. */
async function referrersOf({ url, hasReferrers }: Registry, repository: string, digest: string): Promise<string[]> {
  const answer = hasReferrers
    ? await fetch(`${url}/v2/${repository}/referrers/${digest}`)
    : await get(url, repository, 'manifests', fallbackTag(digest));
  const text =
    'bytes' in answer && Buffer.isBuffer(answer.bytes) ? answer.bytes.toString() : await (answer as Response).text();
  return ((JSON.parse(text) as { manifests?: { digest: string }[] }).manifests ?? []).map((each) => each.digest).sort();
}

describe.each([
  ['with the referrers API', 'embedded', 'without', 'docker'],
  ['without the referrers API', 'docker', 'with', 'embedded'],
] as const)('from a registry %s', (_, sourceKind, __, targetKind) => {
  let source: Registry;
  let spec: string;
  let archive: string;

  beforeAll(async () => {
    if (cosign === undefined) return;
    source = await start(sourceKind);
    await publish(cosign, source);
    spec = await writeSpec(sourceKind, source.host);
    archive = temp.join(`${sourceKind}.tar`);
    await buildArchive(spec, keys.key, archive);
  });

  test('the lock and the archive name all evidence, of the index, the children and other evidence', async (t) => {
    if (cosign === undefined) return t.skip();
    const { images, manifests } = await readInventory(archive);
    const [app, none] = images;
    expect(none?.evidence).toEqual([]);
    const said = app?.evidence?.map(({ subject, kind, tag }) => {
      const whose = subject === root ? 'index' : subject === child ? 'child' : subject === other ? 'other' : 'evidence';
      return `${whose} ${kind} ${tag === undefined ? 'referrer' : tag.slice(tag.lastIndexOf('.'))}`;
    });
    expect(said?.toSorted()).toEqual([
      ...['child sbom .sbom', 'child signature .sig', 'child signature referrer', 'evidence signature .sig'],
      ...['index attestation .att', 'index attestation referrer', 'index signature .sig', 'index signature referrer'],
      'other signature .sig',
    ]);
    for (const { digest } of app?.evidence ?? []) {
      expect(
        manifests.flatMap(({ manifests: children = [] }) => children).find((child) => child.digest === digest),
      ).toBeUndefined();
    }
    expect((await readLockFile(spec.replace('.yaml', '.lock.json'))).images).toEqual(images);
    const shown = await airgapOk(['inspect', archive]);
    expect(shown.stdout).toMatch(/team\/app:1\.0 .* 6 signatures, 2 attestations, 1 sbom/);
    expect(shown.stdout).toMatch(/team\/bare:1\.0 .* no evidence/);
  });

  test(`both cosigns accept it in a registry ${__}, and a second load moves nothing`, async (t) => {
    if (cosign === undefined) return t.skip();
    const target = await start(targetKind);
    const load = ['load', archive, '--key', keys.pub, '--to', `docker://${target.host}/in`, '--report', temp.join('r')];
    const loaded = await airgapJson<Reported & { tagged: number }>(load);
    expect(loaded.images.map(({ evidence }) => evidence?.length)).toEqual([9, 0]);
    const repository = `in/${source.host.replace(':', '_')}/team/app`;
    await expectAccepted(cosign, `${target.host}/${repository}`);
    await expectAccepted(cosign, `${source.host}/team/app`);
    const wrong = temp.join('release-key.pub');
    expect((await cosign.verify('cosign2', `${target.host}/${repository}@${root}`, wrong)).exitCode).not.toBe(0);
    for (const digest of [root, child]) {
      const there = await referrersOf(target, repository, digest);
      expect(there).toEqual(await referrersOf(source, 'team/app', digest));
      expect(there.length).toBeGreaterThan(0);
    }
    const tags = await tagsOf(source.url, 'team/app');
    const isListOfReferrers = (tag: string): boolean => /^sha256-[0-9a-f]{64}$/.test(tag);
    expect((await tagsOf(target.url, repository)).filter((tag) => !isListOfReferrers(tag)).toSorted()).toEqual(
      tags.filter((tag) => !isListOfReferrers(tag)).toSorted(),
    );
    for (const tag of tags.filter((each) => !isListOfReferrers(each))) {
      const [here, there] = await Promise.all([
        get(source.url, 'team/app', 'manifests', tag),
        get(target.url, repository, 'manifests', tag),
      ]);
      expect(there.bytes.equals(here.bytes)).toBe(true);
    }
    expect((await airgapOk(load)).stdout).toContain('nothing had to move');
  });

  test('mirroring carries it too', async (t) => {
    if (cosign === undefined) return t.skip();
    const target = await start(targetKind);
    await airgapOk(['mirror', spec, '--to', `docker://${target.host}`]);
    await expectAccepted(cosign, `${target.host}/${source.host.replace(':', '_')}/team/app`);
    expect((await airgapOk(['mirror', spec, '--to', `docker://${target.host}`])).stdout).toContain(
      'nothing had to move',
    );
  });

  test('one platform keeps the evidence of what is kept', async (t) => {
    if (cosign === undefined) return t.skip();
    const target = await start('embedded');
    const to = ['--to', `docker://${target.host}`, '--platform', 'linux/amd64', '--report', temp.join('narrow')];
    const load = ['load', archive, '--key', keys.pub, ...to, '--json'];
    const refused = await airgap([...load, '--require-evidence']);
    expect([refused.exitCode, errorOf(refused).code]).toEqual([1, 'REGISTRY']);
    expect(await tagsOf(target.url, `${source.host.replace(':', '_')}/team/app`)).toEqual([]);
    const log = temp.join(`narrow-${sourceKind}-${targetKind}.jsonl`);
    const loaded = await airgap([...load, '--audit-log', log]);
    expect([loaded.exitCode, errorOf(loaded).code]).toEqual([5, 'EVIDENCE_LOST']);
    const entries = (await readFile(log, 'utf8')).trim().split('\n');
    expect(JSON.parse(entries.at(-1) ?? '')).toMatchObject({ event: 'completed', exitCode: 5, code: 'EVIDENCE_LOST' });
    const { images } = JSON.parse(loaded.stdout) as Reported;
    expect(allOf(images[0]?.lostEvidence ?? [], ({ subject }) => subject === root)).toBe(true);
    const subjects = new Set(images.flatMap(({ evidence = [] }) => evidence.map(({ subject }) => subject)));
    expect([subjects.has(root), subjects.has(child), subjects.has(other)]).toEqual([true, true, false]);
    const repository = `${source.host.replace(':', '_')}/team/app`;
    await expectAccepted(cosign, `${target.host}/${repository}`, [child]);
    expect(await tagsOf(target.url, repository)).not.toContain(`sha256-${other.slice(7)}.sig`);
  });

  test('an OCI layout gets every piece under a name', async (t) => {
    if (cosign === undefined) return t.skip();
    const directory = temp.join(`layout-${sourceKind}`);
    await airgapOk(['load', archive, '--key', keys.pub, '--to', `oci:${directory}`, '--report', temp.join('r')]);
    const index = JSON.parse(await readFile(`${directory}/index.json`, 'utf8')) as {
      manifests: { digest: string; annotations: Record<string, string> }[];
    };
    const names = index.manifests.map(({ annotations }) => annotations['org.opencontainers.image.ref.name']);
    const { images } = await readInventory(archive);
    const evidence = images[0]?.evidence ?? [];
    expect(evidence).toHaveLength(9);
    for (const { tag, digest } of evidence) {
      expect(names).toContain(
        tag === undefined ? `${source.host}/team/app@${digest}` : `${source.host}/team/app:${tag}`,
      );
    }
  });

  test('is looked for again only when asked, and what is new is found then', async (t) => {
    if (cosign === undefined) return t.skip();
    const fresh = await start(sourceKind);
    await pushSample(fresh.url, 'team/app', image, ['1.0']);
    const path = await writeSpec(`fresh-${sourceKind}`, fresh.host, '', ['app']);
    const found = async (...args: string[]): Promise<number | undefined> =>
      (await airgapJson<Reported>(['resolve', path, ...args])).images[0]?.evidence?.length;
    expect(await found()).toBe(0);
    await cosign.sign('cosign3', `${fresh.host}/team/app@${root}`);
    fresh.requests.length = 0;
    expect(await found()).toBe(0);
    if (fresh.hasReferrers) expect(fresh.requests.map(({ method }) => method)).toEqual(['HEAD']);
    const locked = await airgap(['resolve', path, '--locked', '--refresh-evidence']);
    expect(locked.exitCode).toBe(2);
    expect(await found('--refresh-evidence')).toBe(1);
    expect(await found()).toBe(1);
  });

  test('can be required, and ignored', async (t) => {
    if (cosign === undefined) return t.skip();
    const result = await airgap([
      'resolve',
      await writeSpec(`require-${sourceKind}`, source.host, 'evidence: require'),
      '--json',
    ]);
    expect([result.exitCode, errorOf(result).code]).toEqual([3, 'UNSIGNED']);
    expect(errorOf(result).message).toContain(`${source.host}/team/bare:1.0`);
    expect(errorOf(result).message).not.toContain('team/app');
    await airgapOk(['resolve', await writeSpec(`require-${sourceKind}`, source.host, 'evidence: require', ['app'])]);
    const path = await writeSpec(`require-${sourceKind}`, source.host, 'evidence: ignore', ['app']);
    expect((await airgapJson<Reported>(['resolve', path])).images[0]?.evidence).toBeUndefined();
    expect((await airgapOk(['resolve', path])).stdout).toContain('evidence not collected');
  });
});

describe('a request for evidence that fails', () => {
  test.each([
    ['the referrers', 500, /\/referrers\//],
    ['the referrers', 403, /\/referrers\//],
    ['the tag of the signature', 500, /\.sig$/],
    ['the signature itself', 404, 'blobs of the signature'],
  ] as const)('warns and is written down, or fails where evidence is required: %s, %i', async (_, status, what) => {
    const source = await start('embedded');
    await pushSample(source.url, 'team/app', image, ['1.0']);
    await pushSample(source.url, 'team/app', bare, [`sha256-${child.slice(7)}.sig`]);
    const lost = bare.children[0]?.descriptor.digest ?? '';
    await using proxy = await startScriptedServer(async ({ method = '', url = '', headers }, response) => {
      const fails = typeof what === 'string' ? url.endsWith(lost) : what.test(url);
      if (fails) {
        response.writeHead(status, { 'retry-after': '0' }).end();
        return;
      }
      const answer = await fetch(`${source.url}${url}`, { method, headers: { accept: headers.accept ?? '*/*' } });
      const kept = ['content-type', 'docker-content-digest', 'content-length'].flatMap((name) => {
        const value = answer.headers.get(name);
        return value === null ? [] : [[name, value] as const];
      });
      response.writeHead(answer.status, Object.fromEntries(kept)).end(Buffer.from(await answer.arrayBuffer()));
    });
    const lenient = await writeSpec(`doubtful-${(count += 1)}`, proxy.host, '', ['app']);
    const warned = await airgap(['resolve', lenient]);
    expect(warned.exitCode).toBe(0);
    expect(warned.stderr).toMatch(/warning: not all evidence for .*team\/app:1\.0 could be established: sha256:/);
    const { notEstablished } = JSON.parse(await readFile(lenient.replace('.yaml', '.lock.json'), 'utf8')) as {
      notEstablished: { reference: string }[];
    };
    expect(notEstablished.map(({ reference }) => reference)).toEqual([`${proxy.host}/team/app:1.0`]);
    const path = await writeSpec(`failing-${(count += 1)}`, proxy.host, 'evidence: require', ['app']);
    const result = await airgap(['resolve', path, '--json']);
    expect(result.exitCode).toBe(status === 403 ? 4 : 1);
    expect(errorOf(result).message).toMatch(/^evidence for sha256:[0-9a-f]{64} of .*team\/app:1\.0/);
    await expect(readFile(path.replace('.yaml', '.lock.json'))).rejects.toThrow('ENOENT');
  });
});
