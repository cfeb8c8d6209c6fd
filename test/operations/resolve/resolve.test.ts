/** What resolving pins, what it keeps of an earlier lock, and what it refuses to put into one release. */
import { beforeEach, describe, expect, test } from 'vitest';
import { platformsOf } from '../../../src/content/graph-platforms.ts';
import { AuthError } from '../../../src/errors.ts';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { uniteImages } from '../../../src/operations/resolve/requested.ts';
import { describeWarnings } from '../../../src/release/lock/lock-warnings.ts';
import { formatLock, parseLock } from '../../../src/release/lock/lock.ts';
import type { ReleaseLock } from '../../../src/release/lock/lock-schema.ts';
import {
  makeArtifact,
  makeImage,
  makeIndex,
  makeMultiPlatformImage,
  type SampleNode,
} from '../../helpers/sample-image.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { HEAD, Images, resolveFiles, type ResolveSetup } from './resolve-fixture.ts';

const temp = useTempDir();
const app = makeMultiPlatformImage({ name: 'app' });
const moved = makeMultiPlatformImage({ name: 'moved' });
const one = makeImage({ labels: { which: 'one' } });
const other = makeImage({ labels: { which: 'other' } });
const APP = 'registry.example/app:1.0';
let images: Images;

beforeEach(async () => {
  images = new Images();
  await images.put('registry.example/app', '1.0', app);
});

const resolve = (text: string, setup: ResolveSetup = {}, files: Record<string, string> = {}) =>
  resolveFiles(temp.path, images, { 'release.yaml': text, ...files }, setup);
const withImages = (...entries: readonly string[]): string =>
  `${HEAD}components:\n  - name: a\n    images: [${entries.map((entry) => (entry.startsWith('{') ? entry : `'${entry}'`)).join(', ')}]\n`;
/** As it is read from disk in the next run. */
const reread = (lock: ReleaseLock): ReleaseLock => parseLock(formatLock(lock), 'release.lock.json');

describe('the time of a release', () => {
  const at = async (text: string, previous?: ReleaseLock): Promise<string> => {
    const now = previous === undefined ? '2026-01-31T12:00:00.5Z' : '2027-05-05T05:05:05Z';
    return (await resolve(text, { previous, now } as ResolveSetup)).lock.created;
  };

  test('is that of the first resolve for as long as the version is the same', async () => {
    const { lock } = await resolve(withImages(APP));
    expect(lock.created).toBe('2026-01-31T12:00:00Z');
    expect(await at(withImages(APP), reread(lock))).toBe('2026-01-31T12:00:00Z');
  });

  test.each([
    ['version', (text: string) => text.replace('1.0.0', '2.0.0')],
    ['name', (text: string) => text.replace('name: demo', 'name: other')],
    ['channel', (text: string) => text.replace('platforms', 'channel: beta\nplatforms')],
  ])('is new when the %s is', async (_what, change) => {
    const { lock } = await resolve(withImages(APP));
    expect(await at(change(withImages(APP)), reread(lock))).toBe('2027-05-05T05:05:05Z');
  });
});

describe('an earlier lock', () => {
  test('spares fetching an image that has not moved', async () => {
    const { lock } = await resolve(withImages(APP));
    images.fetched = 0;
    const again = await resolve(withImages(APP), { previous: reread(lock) });
    expect({ lock: again.lock, moved: again.moved, fetched: images.fetched }).toEqual({ lock, moved: [], fetched: 0 });
  });

  test('does not hold an image whose tag moved', async () => {
    const { lock } = await resolve(withImages(APP));
    await images.put('registry.example/app', '1.0', moved);
    const again = await resolve(withImages(APP), { previous: reread(lock) });
    expect(again.lock.images).toMatchObject([{ reference: APP, digest: moved.descriptor.digest }]);
    expect(again.moved).toEqual([{ reference: APP, was: app.descriptor.digest, now: moved.descriptor.digest }]);
  });

  test('says nothing about an image once the platforms of the release are others', async () => {
    const { lock } = await resolve(withImages(APP));
    const again = await resolve(withImages(APP).replace('all', '[linux/arm64]'), { previous: reread(lock) });
    expect(again.lock.images[0]?.indexMode).toBe('sparse');
    expect(platformsOf(again.lock)).toEqual(['linux/arm64']);
  });

  test('says nothing about an image once its own platforms are others', async () => {
    const only = (platform: string): string =>
      withImages(`{reference: '${APP}', platforms: [${platform}]}`).replace('all', '[linux/amd64, linux/arm64]');
    const { lock } = await resolve(only('linux/amd64'));
    const again = await resolve(only('linux/arm64'), { previous: reread(lock) });
    expect(platformsOf(again.lock)).toEqual(['linux/arm64']);
  });

  test('says nothing about an image that now comes from elsewhere', async () => {
    await images.put('registry.example/app', '1.0', one, 'docker-daemon');
    const { lock } = await resolve(withImages(`docker-daemon:${APP}`));
    const again = await resolve(withImages(APP), { previous: reread(lock) });
    expect(again.lock.images).toMatchObject([{ digest: app.descriptor.digest }]);
    const back = await resolve(withImages(`docker-daemon:${APP}`), { previous: reread(again.lock) });
    expect(back.lock.images).toMatchObject([{ digest: one.descriptor.digest }]);
  });

  test('spares no fetch where the image now comes from elsewhere, even if it is the same', async () => {
    await images.put('registry.example/app', '1.0', app, 'docker-daemon');
    const { lock } = await resolve(withImages(`docker-daemon:${APP}`));
    images.fetched = 0;
    await resolve(withImages(APP), { previous: reread(lock) });
    expect(images.fetched).toBeGreaterThan(0);
  });

  test('is asked for evidence only where nobody looked before', async () => {
    const ignoring = withImages(APP).replace('components', 'evidence: ignore\ncomponents');
    const { lock } = await resolve(ignoring);
    expect(lock.images[0]?.evidence).toBeUndefined();
    expect((await resolve(withImages(APP), { previous: reread(lock) })).lock.images[0]?.evidence).toEqual([]);
  });

  test('is held to under `locked`, which names each moved tag', async () => {
    await expect(resolve(withImages(APP), { locked: true })).rejects.toThrow('there is no release.lock.json');
    const { lock } = await resolve(withImages(APP));
    await resolve(withImages(APP), { previous: reread(lock), locked: true });
    await images.put('registry.example/app', '1.0', moved);
    await expect(resolve(withImages(APP), { previous: reread(lock), locked: true })).rejects.toThrow(
      `1 tag(s) moved since the lock was written:\n  ${APP}: ${app.descriptor.digest}`,
    );
  });
});

describe('evidence that is not established', () => {
  const attested = makeMultiPlatformImage({ name: 'attested', attestations: true });
  const attestations = attested.children.filter(({ descriptor }) => descriptor.annotations !== undefined);
  const ATTESTED = 'registry.example/attested:1.0';
  const requiring = (text: string): string => text.replace('components', 'evidence: require\ncomponents');
  const denied = new AuthError('DENIED', 'GET https://registry.example/v2/app/referrers answered 403');

  test('is written down by image, and asked for again in the next run', async () => {
    const store = images.repository('registry.example/app');
    store.referrers = () => Promise.reject(denied);
    const { lock } = await resolve(withImages(APP));
    expect(lock.images[0]).not.toHaveProperty('evidence');
    expect(lock.notEstablished).toEqual([
      { reference: APP, doubts: expect.arrayContaining([`${app.descriptor.digest}: ${denied.message}`]) as string[] },
    ]);
    expect(reread(lock)).toEqual(lock);
    const again = (await resolve(withImages(APP), { previous: reread(lock) })).lock;
    expect(again.notEstablished).toEqual(lock.notEstablished);
    Reflect.deleteProperty(store, 'referrers');
    const healed = (await resolve(withImages(APP), { previous: reread(lock) })).lock;
    expect(healed).not.toHaveProperty('notEstablished');
    expect(healed.images[0]?.evidence).toEqual([]);
  });

  test('keeps what was found beside it', async () => {
    const store = images.repository('registry.example/app');
    await images.put('registry.example/app', `${app.descriptor.digest.replace(':', '-')}.sig`, one);
    store.referrers = () => Promise.reject(denied);
    const { lock } = await resolve(withImages(APP));
    expect(lock.images[0]?.evidence).toHaveLength(1);
    expect(lock.notEstablished).toHaveLength(1);
  });

  test('is an error under `evidence: require`', async () => {
    images.repository('registry.example/app').referrers = () => Promise.reject(denied);
    await expect(resolve(requiring(withImages(APP)))).rejects.toMatchObject({ code: 'DENIED' });
  });

  test.each(['all', '[linux/amd64]'])(
    'is an attestation in the index that is gone, for platforms: %s',
    async (platforms) => {
      const gone = attestations[0]?.descriptor.digest as Digest;
      await images.put('registry.example/attested', '1.0', attested, 'registry', gone);
      const text = withImages(ATTESTED).replace('platforms: all', `platforms: ${platforms}`);
      const { lock } = await resolve(text);
      expect(lock.notEstablished).toEqual([{ reference: ATTESTED, doubts: [`attestation ${gone} does not exist`] }]);
      expect(lock.images[0]).toMatchObject({ digest: attested.descriptor.digest, indexMode: 'sparse' });
      expect(lock.manifests.map(({ digest }) => digest)).not.toContain(gone);
      const root = lock.manifests.find(({ digest }) => digest === attested.descriptor.digest);
      expect(root?.manifests).not.toContain(gone);
      await expect(resolve(requiring(text))).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await images.put('registry.example/attested', '1.0', attested);
      expect((await resolve(text, { previous: reread(lock) })).lock).not.toHaveProperty('notEstablished');
    },
  );

  test('is no excuse for a platform that is gone', async () => {
    const gone = attested.children[0]?.descriptor.digest as Digest;
    await images.put('registry.example/attested', '1.0', attested, 'registry', gone);
    await expect(resolve(withImages(ATTESTED))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('images that do not exist', () => {
  const GONE = ['registry.example/app:gone', 'registry.example/other:1.0', 'registry.example/third:1'];

  test('are all named at once', async () => {
    const resolving = resolve(withImages(APP, ...GONE));
    await expect(resolving).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/^3 images are not to be had:(\n {2}.*){3}$/) as string,
      items: GONE.map((reference) => expect.stringContaining(reference.split(':')[0] ?? '') as string),
    });
    await expect(resolve(withImages(APP, GONE[0] ?? ''))).rejects.toMatchObject({ message: expect.not.stringContaining('images') as string }); // prettier-ignore
  });

  test('are left out where that is asked for, and named', async () => {
    const { lock, missing } = await resolve(withImages(APP, ...GONE), { keepGoing: true });
    expect(lock.images.map(({ reference }) => reference)).toEqual([APP]);
    expect(lock.components.flatMap((component) => component.images).map(({ reference }) => reference)).toEqual([APP]);
    expect(missing.map(({ reference }) => reference)).toEqual(GONE);
  });

  test('are an error all the same where no image is left', async () => {
    await expect(resolve(withImages(...GONE), { keepGoing: true })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('an index', () => {
  const arm = makeImage({ platform: 'linux/arm64', labels: { which: 'arm' } });
  const amd = makeImage({ platform: 'linux/amd64', labels: { which: 'amd' } });
  const as = (node: SampleNode, platform: object | undefined): SampleNode => ({
    ...node,
    descriptor: { ...node.descriptor, platform: platform as SampleNode['descriptor']['platform'] },
  });
  const ODD = 'registry.example/odd:1.0';
  const choosing = (text: string): string => text.replace('platforms: all', 'platforms: [linux/arm64]');

  test('that does not say what its children are for leaves that to their configs', async () => {
    const silent = makeIndex([as(amd, undefined), as(arm, undefined)]);
    await images.put('registry.example/odd', '1.0', silent);
    const { lock } = await resolve(choosing(withImages(ODD)));
    expect(platformsOf(lock)).toEqual(['linux/arm64']);
    const root = lock.manifests.find(({ digest }) => digest === silent.descriptor.digest);
    expect(root?.manifests).toEqual([{ digest: arm.descriptor.digest, platform: 'linux/arm64' }]);
    const none = choosing(withImages(ODD)).replace('linux/arm64', 'linux/s390x');
    await expect(resolve(none)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('it offers linux/amd64, linux/arm64') as string,
    });
  });
});

describe('one name', () => {
  const digest = one.descriptor.digest;

  test('cannot mean two images, whether by a digest beside the tag or by two digests', async () => {
    await images.put('registry.example/app', 'one', one);
    await images.put('registry.example/app', 'other', other);
    const both = `${APP}@${digest}`;
    await expect(resolve(withImages(APP, both))).rejects.toMatchObject({
      code: 'INVALID_SPEC',
      message: expect.stringMatching(/app:1\.0.* are two images under one tag/) as string,
      hint: 'pin both to the same digest, or give one of them another tag',
    });
    await expect(resolve(withImages(both, `${APP}@${other.descriptor.digest}`))).rejects.toThrow('under one tag');
    const same = await resolve(withImages(APP, `${APP}@${app.descriptor.digest}`));
    expect(same.lock.images).toHaveLength(2);
  });

  test('cannot be taken from two origins', async () => {
    await images.put('registry.example/app', '1.0', one, 'docker-daemon');
    await expect(resolve(withImages(APP, `docker-daemon:${APP}`))).rejects.toMatchObject({
      message: `${APP} is taken once from its registry and once from the Docker Engine`,
      hint: expect.stringMatching(/release\.yaml:8:\d+, release\.yaml:8:\d+/) as string,
    });
  });

  test('of a digest must be the digest of what comes', async () => {
    class Liar extends Images {
      override readonly open = () => this.lying;
      readonly lying = {
        name: 'docker image app',
        resolve: async () => one.descriptor,
        exists: async () => true,
        async *fetch() {
          yield one.bytes;
        },
      };
    }
    const lies = resolveFiles(temp.path, new Liar(), {
      'release.yaml': withImages(`registry.example/app@${app.descriptor.digest}`),
    });
    await expect(lies).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining(`docker image app has ${digest} under this name`) as string,
    });
  });

  test('is wanted for the union of the platforms that components say', async () => {
    const listed = { 'list.txt': `${APP}\n` };
    const text = `${HEAD.replace('all', '[linux/amd64, linux/arm64]')}components:
  - {name: a, images: [{reference: '${APP}', platforms: [linux/amd64]}]}
  - {name: b, imageLists: [list.txt]}
`;
    const { lock } = await resolve(text, {}, listed);
    expect(lock.images[0]?.indexMode).toBe('complete');
    expect(lock.components.flatMap((component) => component.images)).toMatchObject([
      { reference: APP, foundIn: [expect.stringMatching(/^release\.yaml:7:/) as string] },
      { reference: APP, foundIn: ['list.txt:1:1'] },
    ]);
    expect(lock.components[0]?.images[0]?.platforms).toBeUndefined();
  });
});

test('the platforms that components say one by one are united', () => {
  const named = (...platforms: readonly string[]) => ({
    files: [],
    warnings: [],
    charts: [],
    images: [
      {
        reference: parseReference(APP),
        origin: 'registry' as const,
        platforms: platforms.map(parsePlatform),
        foundIn: 'release.yaml',
      },
    ],
  });
  const wanted = uniteImages([named('linux/s390x'), named('linux/arm64', 'linux/amd64')], 'all').get(APP);
  expect(wanted?.platforms).toEqual(['linux/amd64', 'linux/arm64', 'linux/s390x']);
  expect(wanted?.lock.platforms).toEqual(wanted?.platforms);
});

test('a manifest that many registries refuse for its size is warned of, again from the lock, and refused when strict', async () => {
  const image = makeImage({ labels: { size: 'large' } });
  const padded = (bytes: number): SampleNode => {
    const large = Buffer.concat([image.bytes, Buffer.alloc(bytes - image.bytes.length, ' ')]);
    return { ...image, bytes: large, descriptor: { ...image.descriptor, digest: sha256(large), size: large.length } };
  };
  const [largest, larger] = [padded(4 * 1024 * 1024), padded(4 * 1024 * 1024 + 1)];
  await images.put('registry.example/large', '1', makeIndex([largest]));
  await images.put('registry.example/larger', '1', makeIndex([larger]));
  const said = `registry.example/larger:1: the manifest ${larger.descriptor.digest} has 4194305 bytes`;
  const text = withImages('registry.example/large:1', 'registry.example/larger:1');
  const { lock, warnings } = await resolve(text);
  expect(warnings).toEqual([expect.stringContaining(said)]);
  expect(describeWarnings(reread(lock))).toEqual(warnings);
  await expect(resolve(text, { strict: true })).rejects.toMatchObject({ items: warnings });
});

describe('an index that says another platform than the config', () => {
  const named = (is: string, says: string): SampleNode => {
    const node = makeImage({ platform: is, labels: { is, says } });
    return { ...node, descriptor: { ...node.descriptor, platform: parsePlatform(says) } };
  };
  const wrong = named('linux/arm64', 'linux/amd64');
  const put = (...children: readonly SampleNode[]) => images.put('registry.example/odd', '1', makeIndex(children));
  const ODD = 'registry.example/odd:1';
  const said = [
    `${ODD}: its index says linux/amd64, but ${wrong.descriptor.digest} is for linux/arm64 and may not run there`,
  ];

  test('is warned of, again from the lock without reading a config, and refused when strict', async () => {
    await put(wrong, named('linux/s390x', 'linux/s390x'));
    const first = await resolve(withImages(ODD));
    expect(first.warnings).toEqual(said);
    images.fetched = 0;
    const again = await resolve(withImages(ODD), { previous: reread(first.lock), locked: true });
    expect({ warnings: again.warnings, fetched: images.fetched }).toEqual({ warnings: said, fetched: 0 });
    await expect(resolve(withImages(ODD), { strict: true })).rejects.toMatchObject({ items: said });
    await put(named('linux/amd64', 'linux/amd64'));
    const fixed = await resolve(withImages(ODD), { previous: reread(first.lock) });
    expect({ warnings: fixed.warnings, other: fixed.lock.otherPlatforms }).toEqual({ warnings: [], other: undefined });
  });

  test('is none where only the variant or the name of the architecture differs', async () => {
    const old = makeImage({ platform: 'linux/arm64', labels: { old: 'name' } });
    await put(named('linux/arm', 'linux/arm/v6'), named('linux/arm64', 'linux/arm64/v8'), {
      ...old,
      descriptor: { ...old.descriptor, platform: { os: 'linux', architecture: 'aarch64' } },
    });
    expect((await resolve(withImages(ODD))).warnings).toEqual([]);
  });

  test('is none of an attestation, or of what is no config', async () => {
    const app = makeMultiPlatformImage({ name: 'app', attestations: true });
    const artifact = makeArtifact('application/x', 'payload');
    await put(...app.children, {
      ...artifact,
      descriptor: { ...artifact.descriptor, platform: parsePlatform('linux/arm') },
    });
    expect((await resolve(withImages(ODD))).warnings).toEqual([]);
  });
});

describe('manifests', () => {
  const text = (more: string): string =>
    `${HEAD}components:\n  - {name: a, images: ['${APP}'], manifests: [deploy]${more}}\n`;
  const files = {
    'deploy/kustomization.yaml':
      'resources: [pod.yaml]\nimages: [{name: app, newName: registry.example/app, newTag: "1.0"}]\n',
    'deploy/pod.yaml': 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: app}]}\n',
    'deploy/boards/load.json': '{"title": "Load"}',
    'deploy/chart-values.yaml': 'image: {{ unrendered }}\n',
  };
  const carried = ['boards/load.json', 'chart-values.yaml', 'kustomization.yaml', 'pod.yaml'];

  test('that are ignored are carried but not read', async () => {
    const { lock, warnings } = await resolve(text(', ignore: [boards/, "*-values.yaml"]'), {}, files);
    expect(warnings).toEqual([]);
    expect(lock.files.map(({ path }) => path)).toEqual(carried.map((name) => `manifests/deploy/${name}`));
    expect(lock.components[0]?.images.map(({ reference, foundIn }) => [reference, foundIn])).toEqual([
      [
        APP,
        [
          'deploy/pod.yaml:4 Pod/p spec.containers[0].image, replaced by deploy/kustomization.yaml',
          expect.stringMatching(/^release\.yaml:7:/),
        ],
      ],
    ]);
  });

  test('that hold no resources are named, and so is a pattern that ignores nothing', async () => {
    const { warnings } = await resolve(text(', ignore: ["*-values.yaml", bords/]'), {}, files);
    expect(warnings).toEqual([
      expect.stringMatching(/^deploy\/boards\/load\.json holds no Kubernetes resources; /),
      'component a ignores bords/, which no file of its manifests matches',
    ]);
    const strict = resolve(text(', ignore: ["*-values.yaml"]'), { strict: true }, files);
    await expect(strict).rejects.toMatchObject({ code: 'INVALID_SPEC', items: [expect.stringContaining('load.json')] });
  });

  test('that are no YAML are refused with the place and both ways out', async () => {
    await expect(resolve(text(''), {}, files)).rejects.toMatchObject({
      message: expect.stringMatching(/^deploy\/chart-values\.yaml:1:9: /) as string,
      hint: expect.stringMatching(/templates are not YAML.*; or name the file under `ignore`/) as string,
    });
  });
});

describe('one file of the archive', () => {
  const docs = (...paths: readonly string[]): string =>
    `${HEAD}components:\n  - {name: a, images: ['${APP}'], docs: [${paths.join(', ')}]}\n`;

  test('has a name that differs from all others by more than the case of letters', async () => {
    const files = { 'docs/Read.md': 'a', 'docs/read.md': 'b' };
    await expect(resolve(docs('docs'), {}, files)).rejects.toThrow(
      'docs/read.md and docs/Read.md would both become docs/read.md in the archive',
    );
  });

  test('cannot be two files', async () => {
    const files = { 'docs/a.md': 'a', 'a.md': 'b' };
    await expect(resolve(docs('docs/a.md', 'a.md'), {}, files)).rejects.toThrow('would both become docs/a.md');
    await resolve(docs('docs/a.md', 'a.md'), {}, { ...files, 'a.md': 'a' });
  });

  test('is no device of Windows, whatever makes its name', async () => {
    const files = { 'charts/a/Chart.yaml': 'apiVersion: v2\nname: aux.proxy\nversion: 1.0.0\n' };
    const text = `${HEAD}components:\n  - {name: a, images: ['${APP}'], charts: [charts/a]}\n`;
    await expect(resolve(text, {}, files)).rejects.toMatchObject({
      code: 'INVALID_SPEC',
      message:
        'charts/a cannot be carried as charts/aux.proxy-1.0.0.tgz: it has aux.proxy-1.0.0.tgz in it, which Windows takes for a device',
    });
  });

  test('cannot be two charts of one name and version', async () => {
    const chart = 'apiVersion: v2\nname: web\nversion: 1.0.0\n';
    const files = { 'charts/a/Chart.yaml': chart, 'charts/b/Chart.yaml': `${chart}description: another\n` };
    const text = `${HEAD}components:\n  - {name: a, images: ['${APP}'], charts: [charts/a, charts/b]}\n`;
    await expect(resolve(text, {}, files)).rejects.toMatchObject({
      code: 'INVALID_SPEC',
      message: 'charts/a and charts/b are two charts of one name and version (charts/web-1.0.0.tgz)',
    });
  });
});
