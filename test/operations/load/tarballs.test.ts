/** Which tarballs have to move: what an Engine or a directory holds is told by what it is, never by its name alone. */
import { open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { trustArchive, type TrustedArchive } from '../../../src/archive/verification/trusted-archive.ts';
import { loadTars, planDirectory, planDocker } from '../../../src/operations/load/tarballs.ts';
import { createKeySigner } from '../../../src/trust/signing/signer.ts';
import { contentsOf, fixedKeyPair, forgeArchive } from '../../archive/forge.ts';
import { makeRelease, type SampleRelease } from '../../archive/sample-release.ts';
import { allOf } from '../../helpers/all-of.ts';
import {
  makeImage,
  makeIndex,
  makeMultiPlatformImage,
  unknownDigest,
  type SampleNode,
} from '../../helpers/sample-image.ts';
import { drain, startScriptedServer, type ScriptedServer } from '../../helpers/scripted-server.ts';
import { makeLayer } from '../../helpers/sample-layer.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const { privateKey, publicKey } = fixedKeyPair('maker');
const app = makeMultiPlatformImage({ name: 'app', base: makeLayer({ a: 'base' }) });
const pinned = makeIndex([makeImage({ platform: 'linux/amd64', layers: [makeLayer({ a: 'pinned' })] })]);
const APP = 'registry.example/app:1.0';
const PINNED = `registry.example/pinned@${pinned.descriptor.digest}`;
let release: SampleRelease | undefined;

beforeEach(async () => {
  release ??= await makeRelease({ images: { [APP]: app, [PINNED]: pinned }, files: {} });
  const bytes = await forgeArchive(release.inventory, contentsOf(release), createKeySigner(privateKey));
  await writeFile(temp.join('a.tar'), bytes);
});
const opened = (): Promise<TrustedArchive> => trustArchive(temp.join('a.tar'), { keys: [publicKey], threshold: 1 });

/** What Engines call an image: its config in the classic store, its manifest where containerd keeps images. */
const idsOf = ({ descriptor, bytes }: SampleNode): { readonly config: string; readonly manifest: string } => ({
  config: (JSON.parse(bytes.toString()) as { config: { digest: string } }).config.digest,
  manifest: descriptor.digest,
});
const amd64 = idsOf(app.children[0] as SampleNode);
const arm64 = idsOf(app.children[1] as SampleNode);
const byDigest = idsOf(pinned.children[0] as SampleNode);

/** An Engine for linux/amd64 that has these images: what it calls them, by the name it is asked for. */
async function startEngine(images: Readonly<Record<string, string>>): Promise<ScriptedServer> {
  return startScriptedServer(async (request, response) => {
    const path = decodeURIComponent((request.url ?? '').replace(/^\/v[\d.]+(?=\/)/, '').replace(/\?.*$/, ''));
    const [, name] = /^\/images\/(.+)\/json$/.exec(path) ?? [];
    const id = name === undefined ? undefined : images[name];
    await drain(request);
    response.setHeader('content-type', 'application/json');
    if (path === '/version') response.end(JSON.stringify({ Os: 'linux', Arch: 'amd64', ApiVersion: '1.47' }));
    else if (id === undefined) response.writeHead(404).end(JSON.stringify({ message: `No such image: ${name ?? ''}` }));
    else
      response.end(JSON.stringify({ Id: id, Os: 'linux', Architecture: 'amd64', RepoTags: [name], RepoDigests: [] }));
  });
}

async function planWith(images: Readonly<Record<string, string>>): ReturnType<typeof planDocker> {
  await using engine = await startEngine(images);
  using archive = await opened();
  return await planDocker(archive, { host: `tcp://${engine.host}` });
}

describe('a Docker Engine', () => {
  test.each([
    ['in the classic store', { [APP]: amd64.config, [byDigest.config]: byDigest.config }],
    ['where containerd keeps images', { [APP]: amd64.manifest, [byDigest.manifest]: byDigest.manifest }],
  ])('that has every image %s gets nothing, and the payload is not read', async (_, images) => {
    const plan = await planWith(images);
    expect(plan.tarballs).toMatchObject([{ platform: 'linux/amd64', present: true, replaces: [] }]);
    await rm(temp.join('a.tar'));
    expect(await loadTars(plan)).toEqual({ copiedBytes: 0, payload: 'not read' });
  });

  test.each<[string, Record<string, string>]>([
    ['has none of them', {}],
    ['has one of two', { [APP]: amd64.config }],
    ['has the other of two', { [byDigest.config]: byDigest.config }],
    ['has one of another platform under the name', { [APP]: arm64.config, [byDigest.config]: byDigest.config }],
  ])('that %s gets the tarball', async (_, images) => {
    expect((await planWith(images)).tarballs).toMatchObject([{ platform: 'linux/amd64', present: false }]);
  });

  test('that has something else under the name gets the tarball, and is told what that replaces', async () => {
    const previous = unknownDigest();
    const { tarballs } = await planWith({ [APP]: previous, [byDigest.config]: byDigest.config });
    expect(tarballs).toMatchObject([{ present: false, replaces: [{ name: APP, previous }] }]);
  });

  test('is asked for no platform but its own', async () => {
    await using engine = await startEngine({});
    using archive = await opened();
    const plan = planDocker(archive, { host: `tcp://${engine.host}`, platforms: ['linux/arm64'] });
    await expect(plan).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('linux/amd64') as string,
    });
  });
});

describe('a directory', () => {
  test('is refused a platform that the archive has not, however it is spelled', async () => {
    using archive = await opened();
    for (const platform of ['linux/s390x', 'windows/amd64', 'linux/arm64/v7']) {
      await expect(planDirectory(archive, temp.join('images'), { platforms: [platform] })).rejects.toMatchObject({
        code: 'USAGE',
        message: `nothing for ${platform} is carried`,
        hint: 'choose from linux/amd64, linux/arm64',
      });
    }
  });

  test('gets a tarball of each platform, and skips what exists for none of those that were chosen', async () => {
    using archive = await opened();
    const all = await planDirectory(archive, temp.join('images'));
    expect(all.tarballs.map(({ platform }) => platform)).toEqual(['linux/amd64', 'linux/arm64']);
    expect(all.skipped).toEqual([]);
    const one = await planDirectory(archive, temp.join('images'), { platforms: ['linux/arm64'] });
    expect(one.tarballs.map(({ references }) => references)).toEqual([[APP]]);
    expect(one.skipped).toEqual([PINNED]);
  });

  test('holds what it was given until that is cut, changed or taken away', async () => {
    using archive = await opened();
    const plan = (): ReturnType<typeof planDirectory> => planDirectory(archive, temp.join('images'), { platforms: ['linux/arm64'] }); // prettier-ignore
    const first = await plan();
    const [{ destination = '', descriptor } = {}] = first.tarballs;
    expect(first.tarballs).toMatchObject([{ present: false, replaces: [] }]);
    expect(await loadTars(first)).toEqual({ copiedBytes: descriptor?.size, payload: 'verified' });
    expect((await plan()).tarballs).toMatchObject([{ present: true, replaces: [] }]);
    await writeFile(destination, Buffer.alloc(descriptor?.size ?? 0));
    expect((await plan()).tarballs).toMatchObject([{ present: false }]);
    await writeFile(destination, 'cut');
    expect((await plan()).tarballs).toMatchObject([{ present: false }]);
    await rm(destination);
    expect((await plan()).tarballs).toMatchObject([{ present: false, replaces: [] }]);
  });

  test('that cannot be read is told, and not taken for one that lacks everything', async () => {
    using archive = await opened();
    const plan = (): ReturnType<typeof planDirectory> => planDirectory(archive, temp.join('images'));
    const { tarballs } = await plan();
    await loadTars(await plan());
    await using probe = await open(tarballs[0]?.destination ?? '');
    const failing = vi
      .spyOn(Object.getPrototypeOf(probe) as FileHandle, 'read')
      .mockRejectedValue(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' }));
    await expect(plan()).rejects.toMatchObject({ code: 'STORE_IO' });
    failing.mockRestore();
    expect(allOf((await plan()).tarballs, ({ present }) => present)).toBe(true);
  });
});
