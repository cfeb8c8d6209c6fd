/** Registry to registry: the same digests, nothing twice, nothing deleted. */
import { rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { startRegistry, type RequestRecord } from '../../src/server/embedded-registry.ts';
import { startChaosProxy } from '../helpers/chaos-proxy.ts';
import { startDockerRegistry, storedBlobs, storedBytes } from '../helpers/docker-registry.ts';
import { pushSample } from '../helpers/push-sample.ts';
import { contentOf, makeImage } from '../helpers/sample-image.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { airgap, airgapJson, airgapOk, errorOf, startAirgap } from './support/program.ts';
import { allTags, expectAllTagsComplete, expectServes, tagsOf } from './support/registry-content.ts';
import { internalPlace, placeOf, writeRelease } from './support/release.ts';

const fixture = useBuiltRelease({ baseBytes: 200_000, ownBytes: 100_000 });

interface MirrorResult {
  readonly kind: string;
  readonly copied: number;
  readonly copiedBytes: number;
  readonly mounted: number;
  readonly tagged: number;
  readonly bytes: number;
  readonly images: readonly { readonly original: string; readonly result: string }[];
}

const isWrite = ({ method }: RequestRecord): boolean => method !== 'GET' && method !== 'HEAD';

async function expectMirrored(url: string, prefix = ''): Promise<void> {
  for (const [reference, node] of fixture.release.images) {
    await expectServes(url, `${prefix}${internalPlace(reference)}`, node, placeOf(reference).name);
  }
}

test('a lock is mirrored with every digest; shared blobs are mounted; a repeated run copies nothing', async () => {
  const requests: RequestRecord[] = [];
  await using target = await startRegistry({
    directory: fixture.folder(),
    onRequest: (record) => requests.push(record),
  });
  const to = ['--to', `docker://${target.host}`];
  const plan = await airgapJson<MirrorResult>(['mirror', fixture.release.lock, ...to, '--plan']);
  expect(plan.kind).toBe('mirror-plan');
  expect(requests.filter(isWrite)).toEqual([]);
  fixture.requests.length = 0;
  const result = await airgapJson<MirrorResult>(['mirror', fixture.release.lock, ...to]);
  await expectMirrored(target.url);
  const blobs = new Map(
    [...fixture.release.images.values()]
      .flatMap((node) =>
        [...contentOf(node).values()].filter(({ descriptor }) => !/manifest|index/.test(descriptor.mediaType)),
      )
      .map(({ descriptor }) => [descriptor.digest, descriptor]),
  );
  // The base layer is in all five repositories: fetched once, pushed once, mounted four times.
  expect(result.mounted).toBe(4);
  const fetched = fixture.requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'));
  expect(fetched.map(({ path }) => path.split('/').at(-1)).toSorted()).toEqual([...blobs.keys()].toSorted());
  expect(plan.bytes).toBe(result.copiedBytes);
  requests.length = 0;
  const again = await airgapJson<MirrorResult>(['mirror', fixture.release.lock, ...to]);
  expect(again).toMatchObject({ copied: 0, copiedBytes: 0, mounted: 0, tagged: 0 });
  expect(again.images.map(({ result: state }) => state)).toEqual(again.images.map(() => 'present'));
  expect(requests.filter(isWrite)).toEqual([]);
});

test('a release.yaml is resolved on the way, and with --plan leaves no lock', async () => {
  const directory = fixture.folder();
  const release = await writeRelease(directory, fixture.source.host, { baseBytes: 200_000, ownBytes: 100_000 });
  await using target = await startDockerRegistry();
  const to = ['--to', `docker://${target.host}/deep/prefix`];
  await airgapOk(['mirror', release.spec, ...to, '--plan']);
  await expect(rm(release.lock)).rejects.toMatchObject({ code: 'ENOENT' });
  await airgapOk(['mirror', release.spec, ...to]);
  await rm(release.lock);
  await expectMirrored(`http://${target.host}`, 'deep/prefix/');
});

test('a plain list, to another place in the same registry: every blob is mounted, none is uploaded', async () => {
  const list = `${fixture.folder()}.txt`;
  const wanted = [...fixture.release.images.keys()].filter((reference) => /app|tool/.test(reference));
  await writeFile(list, `# a comment\n\n${wanted.join('\n')}\n`);
  fixture.requests.length = 0;
  const result = await airgapJson<MirrorResult>(['mirror', list, '--to', `docker://${fixture.source.host}/copies`]);
  expect(result.images.map(({ original }) => original).toSorted()).toEqual(wanted.toSorted());
  for (const reference of wanted) {
    const node = fixture.release.images.get(reference);
    if (node === undefined) throw new Error(reference);
    await expectServes(fixture.source.url, `copies/${internalPlace(reference)}`, node, placeOf(reference).name);
  }
  const uploads = fixture.requests.filter(({ method, path }) => method === 'PUT' && path.includes('/blobs/'));
  // All blobs of both images, the base layer they share once for each.
  expect([result.mounted, uploads.length]).toEqual([12, 0]);
});

test('evidence is left behind when that is said, and a lock is not talked over', async () => {
  await using target = await startRegistry({ directory: fixture.folder() });
  const to = ['--to', `docker://${target.host}`, '--evidence', 'ignore'];
  const list = `${fixture.folder()}.txt`;
  await writeFile(list, `${[...fixture.release.images.keys()].join('\n')}\n`);
  await airgapOk(['mirror', list, ...to]);
  expect((await allTags(target.url)).filter((tag) => /sha256-|\.sig$/.test(tag))).toEqual([]);
  const refused = await airgap(['mirror', fixture.release.lock, ...to]);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain(`--evidence means nothing for ${fixture.release.lock}`);
});

test('images that do not exist are all named, and with --keep-going the rest is mirrored', async () => {
  await using target = await startRegistry({ directory: fixture.folder() });
  const wanted = [...fixture.release.images.keys()].filter((reference) => /app/.test(reference));
  const gone = ['gone:1', 'lost:2'].map((name) => `${fixture.source.host}/team/${name}`);
  const list = `${fixture.folder()}.txt`;
  await writeFile(list, `${[...wanted, ...gone].join('\n')}\n`);
  const args = ['mirror', list, '--to', `docker://${target.host}`, '--retries', '0'];
  const refused = await airgap(args);
  expect(refused.exitCode).toBe(1);
  for (const reference of gone) expect(refused.stderr).toContain(`${reference} does not exist`);
  expect(await allTags(target.url)).toEqual([]);
  const partial = await airgap([...args, '--keep-going', '--json']);
  expect(partial.exitCode).toBe(5);
  expect(errorOf(partial)).toMatchObject({
    code: 'INCOMPLETE',
    message: expect.stringContaining('2 images') as string,
  });
  expect((JSON.parse(partial.stdout) as { missing: string[] }).missing).toEqual(gone);
  const mirrored = (await allTags(target.url)).filter((tag) => !tag.includes('sha256-'));
  expect(mirrored).toHaveLength(wanted.length);
  await writeFile(list, `${wanted.join('\n')}\n`);
  await airgapOk([...args, '--keep-going']);
});

test('what is at the target stays', async () => {
  await using target = await startRegistry({ directory: fixture.folder() });
  const [reference = ''] = fixture.release.images.keys();
  await pushSample(target.url, internalPlace(reference), makeImage(), ['keep']);
  await pushSample(target.url, 'other/thing', makeImage(), ['1']);
  await airgapOk(['mirror', fixture.release.lock, '--to', `docker://${target.host}`]);
  expect(await tagsOf(target.url, internalPlace(reference))).toContain('keep');
  expect(await allTags(target.url)).toContain('other/thing:1');
});

test('killed half-way, it is completed by the next run without moving again what arrived', async () => {
  await using target = await startDockerRegistry();
  const held = { bytesPerSecond: 300_000, holdUploadAfterBytes: 1_000_000 };
  await using link = await startChaosProxy(target.port, held);
  const args = ['mirror', fixture.release.lock, '--to', `docker://${link.host}`];
  await using child = await startAirgap(args);
  const stored = async (): Promise<number> => {
    const digests = await storedBlobs(target.storage);
    const all = await Promise.all(digests.map((digest) => storedBytes(target.storage, digest).catch(() => '')));
    return all.reduce((sum, { length }) => sum + length, 0);
  };
  expect(await child.killWhen(async () => (await stored()) > 300_000)).toBe(true);
  await expectAllTagsComplete(`http://${target.host}`);
  link.setFaults({});
  const result = await airgapJson<MirrorResult>(args);
  await expectMirrored(`http://${target.host}`);
  const whole = [...new Map([...fixture.release.images.values()].flatMap((node) => [...contentOf(node)])).values()];
  expect(result.copiedBytes).toBeLessThan(whole.reduce((sum, { descriptor }) => sum + descriptor.size, 0) - 200_000);
});

test('a target that takes no images by name is refused', async () => {
  const result = await airgap(['mirror', fixture.release.lock, '--to', 'docker-daemon:', '--json']);
  expect([result.exitCode, errorOf(result).hint]).toEqual([2, expect.stringContaining('docker://')]);
});
