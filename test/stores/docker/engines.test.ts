/** Docker Engine as source and target, with real Engines of both generations and both kinds of image store. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import { arch } from 'node:os';
import tar from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Bytes } from '../../../src/base/bytes.ts';
import { bytesOf, collect, readVerified } from '../../../src/content/verified.ts';
import { IntegrityError, isAbort } from '../../../src/errors.ts';
import { Annotation, type Descriptor } from '../../../src/oci/descriptor.ts';
import { hexOf } from '../../../src/oci/digest.ts';
import { isIndex, parseManifest } from '../../../src/oci/manifest.ts';
import { MediaType } from '../../../src/oci/media-types.ts';
import { dockerPlatform, inspectDockerImages } from '../../../src/stores/docker/engine.ts';
import { openDockerImage, type DockerImageSource } from '../../../src/stores/docker/image.ts';
import { loadIntoDocker } from '../../../src/stores/docker/docker-load.ts';
import { DOCKERD_TOOLS, startDockerd, type Dockerd, type DockerGeneration } from '../../helpers/dockerd.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { runOk } from '../../helpers/run.ts';
import { contentOf, makeImage, makeMultiPlatformImage, type SampleNode } from '../../helpers/sample-image.ts';
import { makeLayer } from '../../helpers/sample-layer.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { borrowed, failureOf } from '../contract.ts';

const ARCHITECTURE = arch() === 'x64' ? 'amd64' : arch();
const NAME = 'registry.example/team/app:1.0';
const [base, own] = [makeLayer({ 'etc/base': 'base\n' }), makeLayer({ 'bin/app': 'app\n' })];
// The same layer twice: a classic archive holds it once and a link.
const image = makeImage({ platform: `linux/${ARCHITECTURE}`, layers: [base, own, base] });

/** An archive as the product writes them: at once an OCI layout and a classic one. */
async function hybridArchive(root: SampleNode, runnable: SampleNode, name = NAME): Promise<Buffer> {
  const annotations = { [Annotation.containerdImageName]: name, [Annotation.refName]: name };
  const [config, ...layers] = runnable.blobs.map((blob) => `blobs/sha256/${hexOf(blob.descriptor.digest)}`);
  const pack = tar.pack();
  const add = (path: string, content: Buffer | string) => pack.entry({ name: path }, Buffer.from(content));
  add('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  const { mediaType, digest, size } = root.descriptor;
  add('index.json', JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, digest, size, annotations }] }));
  add('manifest.json', JSON.stringify([{ Config: config, RepoTags: [name], Layers: layers }]));
  for (const { descriptor, bytes } of contentOf(root).values()) add(`blobs/sha256/${hexOf(descriptor.digest)}`, bytes);
  pack.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of pack as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Reads everything the root reaches and proves it. */
async function proveAll(source: DockerImageSource, root: Descriptor = source.root): Promise<Map<string, Buffer>> {
  const manifest = parseManifest(await readVerified(source, root), root.mediaType, 'root');
  const all = new Map<string, Buffer>();
  for (const child of isIndex(manifest) ? manifest.manifests : [manifest.config, ...manifest.layers]) {
    expect(await source.exists(child)).toBe(true);
    all.set(child.digest, await readVerified(source, child));
  }
  return all;
}

const ENGINES = [
  { name: '20.10, classic store', generation: 20, kept: 'config', args: (args: readonly string[]) => args },
  { name: '28, containerd store', generation: 28, kept: 'manifest', args: (args: readonly string[]) => args },
  {
    name: '28, classic store',
    generation: 28,
    kept: 'config',
    args: (args: readonly string[]) => args.filter((arg) => arg !== '--feature' && !arg.startsWith('containerd-snap')),
  },
] as const satisfies { generation: DockerGeneration; [key: string]: unknown }[];

describe.each(ENGINES)('Docker Engine $name', ({ generation, kept, args }) => {
  let engine: Dockerd | undefined;
  let host: string;

  beforeAll(async () => {
    if (DOCKERD_TOOLS[generation].some((tool) => requireTool(tool) === undefined)) return;
    engine = await startDockerd(generation, { wrap: (command, given) => [command, args(given)] });
    host = engine.host;
  });
  afterAll(async () => {
    await engine?.stop();
  });

  test('loads an archive whose digests it keeps as its store can', async (context) => {
    if (engine === undefined) return context.skip();
    expect(await dockerPlatform({ host })).toEqual({ os: 'linux', architecture: ARCHITECTURE });
    expect([...(await inspectDockerImages([NAME], { host }))]).toEqual([]);
    const archive = await hybridArchive(image, image);
    expect(await loadIntoDocker(borrowed(archive, 1000), { host })).toEqual({ names: [NAME], ids: [] });
    expect(await loadIntoDocker(borrowed(archive), { host })).toEqual({ names: [NAME], ids: [] });

    const id = kept === 'manifest' ? image.descriptor.digest : image.blobs[0]?.descriptor.digest;
    const platform = { os: 'linux', architecture: ARCHITECTURE };
    expect(await inspectDockerImages(['absent:1', NAME], { host })).toEqual(
      new Map([[NAME, { name: NAME, id, platform }]]),
    );
  });

  test('gives back a loaded image, whole and proved', async (context) => {
    if (engine === undefined) return context.skip();
    await loadIntoDocker(bytesOf(await hybridArchive(image, image)), { host });
    await using source = await openDockerImage(`docker-daemon:${NAME}`, { host });
    expect(source.synthesized).toBe(generation === 20);
    expect(await source.resolve(NAME)).toEqual(source.root);
    expect(await source.resolve(source.root.digest)).toEqual(source.root);
    expect(await failureOf(source.resolve('other:1'))).toMatchObject({ code: 'NOT_FOUND' });

    const all = await proveAll(source);
    expect([...all.keys()]).toContain(image.blobs[0]?.descriptor.digest);
    if (kept === 'manifest') expect(source.root.digest).toBe(image.descriptor.digest);
    else expect([...all.keys()]).toEqual(expect.arrayContaining([base.diffId, own.diffId]));

    await using again = await openDockerImage(NAME, { host });
    expect(again.root).toEqual(source.root);
    const last = source.fetch(source.root, { offset: source.root.size - 1 });
    expect((await collect(last)).toString()).toBe('}');
  });

  test('gives an image that was made here, by name and by ID', async (context) => {
    if (engine === undefined) return context.skip();
    const imported = await engine.docker(['import', '-', 'local:dev'], { input: await hybridArchive(image, image) });
    expect(imported.exitCode, imported.stderr).toBe(0);
    const id = (await inspectDockerImages(['local:dev'], { host })).get('local:dev')?.id ?? '';
    for (const reference of ['local:dev', id]) {
      await using source = await openDockerImage(reference, { host });
      expect((await proveAll(source)).size).toBe(2);
    }
  });

  test('loads one image of an index and keeps the index where its store can', async (context) => {
    if (engine === undefined) return context.skip();
    const multi = makeMultiPlatformImage({ name: 'multi', platforms: [`linux/${ARCHITECTURE}`, 'linux/riscv64'] });
    const runnable = multi.children[0] ?? image;
    const name = 'registry.example/team/multi:1.0';
    await loadIntoDocker(bytesOf(await hybridArchive(multi, runnable, name)), { host });
    expect((await inspectDockerImages([name], { host })).size).toBe(1);
    await using source = await openDockerImage(name, { host });
    if (kept !== 'manifest') return;
    expect(source.root).toMatchObject({ mediaType: MediaType.index, digest: multi.descriptor.digest });
    for (const { descriptor } of contentOf(multi).values()) await readVerified(source, descriptor);
  });

  test('reports in its own words why it refuses an archive, and has nothing of it', async (context) => {
    if (engine === undefined) return context.skip();
    const archive = await hybridArchive(image, image, 'registry.example/team/cut:1.0');
    for (const broken of [Buffer.from('not an archive '.repeat(100)), archive.subarray(0, 4000), Buffer.alloc(0)]) {
      expect(await failureOf(loadIntoDocker(bytesOf(broken), { host }))).toMatchObject({
        code: 'STORE_IO',
        message: expect.stringContaining('Docker Engine unix://') as string,
      });
    }
    expect((await inspectDockerImages(['registry.example/team/cut:1.0'], { host })).size).toBe(0);
  });

  test('has nothing of an archive that proves bad, or is given up, on the way', async (context) => {
    if (engine === undefined) return context.skip();
    const name = 'registry.example/team/bad:1.0';
    const archive = await hybridArchive(image, image, name);
    const bad = new IntegrityError('DIGEST_MISMATCH', 'the archive is bad');
    const abort = new AbortController();
    async function* stopping(stop: () => void): Bytes {
      yield archive.subarray(0, -600);
      stop();
      yield archive.subarray(-600);
    }
    const failing = stopping(() => {
      throw bad;
    });
    expect(await failureOf(loadIntoDocker(failing, { host }))).toBe(bad);
    const aborted = loadIntoDocker(
      stopping(() => abort.abort()),
      { host, signal: abort.signal },
    );
    expect(await failureOf(aborted)).toSatisfy(isAbort);
    expect((await inspectDockerImages([name], { host })).size).toBe(0);
  });

  test('says so when it does not have an image, and stops when told to', async (context) => {
    if (engine === undefined) return context.skip();
    expect(await failureOf(openDockerImage('absent:1', { host }))).toMatchObject({ code: 'NOT_FOUND' });
    const signal = AbortSignal.abort();
    for (const call of [
      openDockerImage(NAME, { host, signal }),
      loadIntoDocker(bytesOf(Buffer.alloc(1)), { host, signal }),
      inspectDockerImages([NAME], { host, signal }),
      dockerPlatform({ host, signal }),
    ]) {
      expect(await failureOf(call)).toSatisfy(isAbort);
    }
  });
});

describe('without an Engine', () => {
  const temp = useTempDir();

  test('says where it looked and what to do', async () => {
    const host = `unix://${temp.join('no.sock')}`;
    const expected = { code: 'STORE_IO', hint: expect.stringContaining('DOCKER_HOST') as string };
    for (const call of [
      dockerPlatform({ host }),
      inspectDockerImages(['a:1'], { host }),
      openDockerImage('a:1', { host }),
      loadIntoDocker(borrowed(Buffer.alloc(3_000_000)), { host }),
    ]) {
      expect(await failureOf(call)).toMatchObject({ ...expected, message: expect.stringContaining(host) as string });
    }
  });

  test('says so when somebody else answers', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const host = `tcp://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    expect(await failureOf(dockerPlatform({ host }))).toMatchObject({ code: 'STORE_IO' });
    expect(await failureOf(inspectDockerImages(['a:1'], { host }))).toMatchObject({ code: 'STORE_IO' });
    server.close();
  });

  test.each([
    'tcp://registry.example:2375',
    'ssh://host',
    'npipe:////./pipe/docker',
    'unix://relative',
    'tcp://u@127.0.0.1',
  ])('does not connect to %s', async (host) => {
    expect(await failureOf(dockerPlatform({ host }))).toMatchObject({ code: 'UNSUPPORTED' });
  });

  test.each(['', '../secret', 'a//b', 'a/../b', 'a?b=c', 'a b', 'a#b', '-x', 'a%2f', 'x'.repeat(600)])(
    'asks for no image named %j',
    async (name) => {
      const host = `unix://${temp.join('no.sock')}`;
      expect(await failureOf(inspectDockerImages([name], { host }))).toMatchObject({ code: 'INVALID_REFERENCE' });
      expect(await failureOf(openDockerImage(name, { host }))).toMatchObject({ code: 'INVALID_REFERENCE' });
    },
  );

  test('costs no client library at start-up', async () => {
    const url = new URL('../../../src/stores/docker/engine.ts', import.meta.url).href;
    const script = `await import('${url}');
      const { createRequire } = await import('node:module');
      console.log(Object.keys(createRequire('${url}').cache).length);`;
    const child = await runOk(process.execPath, ['--input-type=module', '--eval', script]);
    expect(child.stdout.trim()).toBe('0');
  });
});
