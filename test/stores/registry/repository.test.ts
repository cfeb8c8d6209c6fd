/** The repository against Debian's docker-registry: everything that is pushed comes back byte for byte. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, collect, readVerified } from '../../../src/content/verified.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/media-types.ts';
import type { RegistryRepository } from '../../../src/stores/registry/repository.ts';
import { createRegistryHost, openRepository } from '../../../src/stores/registry/registry-hosts.ts';
import type { RegistryHost } from '../../../src/stores/registry/host.ts';
import type { RequestEvent } from '../../../src/base/http/answer.ts';
import { startDockerRegistry, storedBlobs, type DockerRegistry } from '../../helpers/docker-registry.ts';
import { madeBlob, madeImage, pushAll } from '../../helpers/image.ts';
import { drain, startScriptedServer, type Answerer, type ScriptedServer } from '../../helpers/scripted-server.ts';

describe('a repository of docker-registry', () => {
  let registry: DockerRegistry;
  let host: RegistryHost;
  const events: RequestEvent[] = [];
  beforeAll(async () => {
    registry = await startDockerRegistry();
    host = createRegistryHost(registry.host, { environment: {}, onRequest: (event) => events.push(event) });
  });
  afterAll(async () => {
    await host.close();
    await registry.stop();
  });

  it('pushes an image and gives back the same bytes by tag and by digest', async () => {
    const repository = openRepository({ registry: registry.host, repository: 'team/app' }, { host });
    const layer = madeBlob(randomBytes(3_000_000));
    const { manifest, blobs } = madeImage([layer, madeBlob('small')]);
    await pushAll(repository, [...blobs, manifest]);
    await repository.tag(manifest.descriptor, 'v1');

    expect(await repository.resolve('v1')).toEqual(manifest.descriptor);
    expect(await repository.resolve(manifest.descriptor.digest)).toEqual(manifest.descriptor);
    expect((await repository.fetchManifest('v1')).bytes).toEqual(manifest.bytes);
    for (const { descriptor, bytes } of [...blobs, manifest]) {
      expect(await repository.exists(descriptor)).toBe(true);
      expect(await readVerified(repository, descriptor)).toEqual(bytes);
    }
    expect(await collect(repository.fetch(layer.descriptor, { offset: 2_999_990 }))).toEqual(layer.bytes.subarray(-10));
    expect(await repository.listTags()).toEqual(['v1']);
  });

  it('knows what is not there', async () => {
    const repository = openRepository({ registry: registry.host, repository: 'team/absent' }, { host });
    const nothing = madeBlob('nothing');
    const manifest: Descriptor = { ...nothing.descriptor, mediaType: MediaType.manifest };
    expect(await repository.exists(nothing.descriptor)).toBe(false);
    expect(await repository.exists(manifest)).toBe(false);
    await expect(repository.resolve('v1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(repository.fetchManifest('v1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(readVerified(repository, nothing.descriptor)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(readVerified(repository, manifest)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(repository.listTags()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('mounts from a sibling and pushes nothing twice', async () => {
    const from = openRepository({ registry: registry.host, repository: 'team/base' }, { host });
    const to = openRepository({ registry: registry.host, repository: 'team/derived' }, { host });
    const blob = madeBlob(randomBytes(2000));
    await from.push(blob.descriptor, bytesOf(blob.bytes));
    expect(await to.exists(blob.descriptor)).toBe(false);
    expect(await to.mount(blob.descriptor, from)).toBe(true);
    expect(await to.exists(blob.descriptor)).toBe(true);
    events.length = 0;
    await to.push(blob.descriptor, bytesOf(blob.bytes));
    expect(events).toMatchObject([{ method: 'HEAD', kind: 'blob', status: 200 }]);
  });

  it('uses the session of a mount that was declined', async () => {
    const from = openRepository({ registry: registry.host, repository: 'team/empty' }, { host });
    const to = openRepository({ registry: registry.host, repository: 'team/other' }, { host });
    const blob = madeBlob(randomBytes(2000));
    expect(await to.mount(blob.descriptor, from)).toBe(false);
    events.length = 0;
    await to.push(blob.descriptor, bytesOf(blob.bytes));
    expect(events).toMatchObject([{ method: 'PUT', kind: 'upload', status: 201, bytesOut: 2000 }]);
    expect(await storedBlobs(registry.storage)).toContain(blob.descriptor.digest);
  });

  it('keeps the referrers of a manifest under its fallback tag', async () => {
    const repository = openRepository({ registry: registry.host, repository: 'team/signed' }, { host });
    const subject = madeImage([madeBlob('signed')]);
    await pushAll(repository, [...subject.blobs, subject.manifest]);
    expect(await repository.referrers(subject.manifest.descriptor.digest)).toEqual([]);
    const made = ['one', 'two'].map((text) =>
      madeImage([madeBlob(text, 'text/plain')], {
        artifactType: `application/vnd.example.${text}`,
        subject: subject.manifest.descriptor,
        annotations: { text },
      }),
    );
    await Promise.all(made.map(({ manifest, blobs }) => pushAll(repository, [...blobs, manifest])));
    const found = await repository.referrers(subject.manifest.descriptor.digest);
    expect(found.map(({ digest }) => digest).sort()).toEqual(
      made.map(({ manifest }) => manifest.descriptor.digest).sort(),
    );
    expect(found.find(({ artifactType }) => artifactType === 'application/vnd.example.two')?.annotations).toEqual({
      text: 'two',
    });
    await pushAll(repository, [(made[0] as (typeof made)[0]).manifest]);
    expect(await repository.referrers(subject.manifest.descriptor.digest)).toHaveLength(2);
  });

  it('names the missing blob when a manifest comes too early', async () => {
    const repository = openRepository({ registry: registry.host, repository: 'team/early' }, { host });
    const { manifest } = madeImage([madeBlob('never pushed')]);
    await expect(pushAll(repository, [manifest])).rejects.toMatchObject({
      code: 'REGISTRY',
      failure: {
        errors: expect.arrayContaining([expect.objectContaining({ code: 'MANIFEST_BLOB_UNKNOWN' })]) as unknown,
      },
    });
  });

  it('refuses content of another size or digest than declared, before and at the registry', async () => {
    const repository = openRepository({ registry: registry.host, repository: 'team/wrong' }, { host });
    const big = randomBytes(1_500_000);
    const descriptor: Descriptor = { mediaType: MediaType.layerGzip, digest: sha256(big), size: big.length };
    const flipped = Buffer.from(big);
    flipped[700_000] = (flipped[700_000] ?? 0) ^ 1;
    await expect(repository.push(descriptor, bytesOf(big.subarray(1)))).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
    });
    await expect(repository.push(descriptor, bytesOf(big.subarray(1), big))).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
    });
    await expect(repository.push(descriptor, bytesOf(flipped))).rejects.toMatchObject({
      code: 'REGISTRY',
      failure: { retryable: false, errors: [{ code: 'DIGEST_INVALID' }] },
    });
    expect(await repository.exists(descriptor)).toBe(false);
    await repository.push(descriptor, bytesOf(big));
    expect(await repository.exists(descriptor)).toBe(true);
  });

  it('pushes the empty blob', async () => {
    const repository = openRepository({ registry: registry.host, repository: 'team/empty-blob' }, { host });
    const empty = madeBlob('');
    await repository.push(empty.descriptor, bytesOf());
    expect(await repository.exists(empty.descriptor)).toBe(true);
    expect(await readVerified(repository, empty.descriptor)).toHaveLength(0);
  });

  it('stops when its signal says so', async () => {
    const repository = openRepository({ registry: registry.host, repository: 'team/app' }, { host });
    const signal = AbortSignal.abort();
    await expect(repository.resolve('v1', { signal })).rejects.toMatchObject({ name: 'AbortError' });
    const blob = madeBlob('x');
    await expect(repository.push(blob.descriptor, bytesOf(blob.bytes), { signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});

describe('a repository of any registry', () => {
  const blob = madeBlob('content');
  const image = madeImage([blob]);

  function open(registry: string, name = 'a/b'): RegistryRepository & AsyncDisposable {
    const retry = { tries: 3, baseMs: 1, maxMs: 2 };
    const client = createRegistryHost(registry, { environment: {}, plainHttp: true, retry });
    const repository = openRepository({ registry, repository: name }, { host: client });
    return Object.assign(repository, { [Symbol.asyncDispose]: () => client.close() });
  }
  /** Takes every upload; a blob is there or not, as `head` says. */
  const taking =
    (head: number): Answerer =>
    async (request, response) => {
      await drain(request);
      const { method, url = '' } = request;
      if (method === 'HEAD') response.writeHead(head).end();
      else if (method === 'PUT') response.writeHead(201).end();
      else response.writeHead(202, { location: url.includes('mount') ? '/session' : '/up' }).end();
    };
  const methods = ({ asked }: ScriptedServer): readonly string[] =>
    asked.splice(0).map(({ method, url }) => `${method} ${url.split('?')[0]?.split('/').at(-1) || 'uploads'}`);

  it('asks before it pushes a blob, unless it knows, or is told to push all the same', async () => {
    await using server = await startScriptedServer(taking(200));
    await using repository = open(server.host);
    let isOver = false;
    async function* content(): AsyncGenerator<Buffer> {
      try {
        yield blob.bytes;
      } finally {
        isOver = true;
      }
    }
    const started = content();
    await started.next();
    await repository.push(blob.descriptor, started);
    expect(isOver).toBe(true);
    expect(methods(server)).toEqual([`HEAD ${blob.descriptor.digest}`]);
    await repository.push(blob.descriptor, bytesOf(blob.bytes), { evenIfHeld: true });
    expect(methods(server)).toEqual(['POST uploads', 'PUT up']);
    await using absent = await startScriptedServer(taking(404));
    await using other = open(absent.host);
    expect(await other.exists(blob.descriptor)).toBe(false);
    for (const expected of [[], [`HEAD ${blob.descriptor.digest}`]]) {
      absent.asked.length = 0;
      await other.push(blob.descriptor, bytesOf(blob.bytes));
      expect(methods(absent)).toEqual([...expected, 'POST uploads', 'PUT up']);
    }
  });

  it('pushes into the session of a declined mount once', async () => {
    await using server = await startScriptedServer(taking(404));
    await using repository = open(server.host);
    const from = openRepository({ registry: server.host, repository: 'c/d' }, { host: repository.host });
    expect(await repository.mount(blob.descriptor, from)).toBe(false);
    server.asked.length = 0;
    await repository.push(blob.descriptor, bytesOf(blob.bytes));
    expect(methods(server)).toEqual(['PUT session']);
    await repository.push(blob.descriptor, bytesOf(blob.bytes));
    expect(methods(server)).toEqual([`HEAD ${blob.descriptor.digest}`, 'POST uploads', 'PUT up']);
    expect(await repository.mount(blob.descriptor, repository)).toBe(false);
    expect(server.asked).toEqual([]);
  });

  it('sends again to a new session what a declined mount’s session did not take', async () => {
    await using server = await startScriptedServer(async (request, response, nth) => {
      if (request.url?.startsWith('/session') === true) {
        await drain(request);
        response.writeHead(503).end();
      } else await taking(404)(request, response, nth);
    });
    await using repository = open(server.host);
    const from = openRepository({ registry: server.host, repository: 'c/d' }, { host: repository.host });
    await repository.mount(blob.descriptor, from);
    server.asked.length = 0;
    await repository.push(blob.descriptor, bytesOf(blob.bytes));
    expect(methods(server)).toEqual(['PUT session', 'POST uploads', 'PUT up']);
  });

  it('lacks what the registry hides, and not what it cannot tell', async () => {
    for (const status of [401, 403, 404]) {
      await using server = await startScriptedServer((_, response) => void response.writeHead(status).end());
      await using repository = open(server.host);
      expect(await repository.exists(blob.descriptor)).toBe(false);
      expect(await repository.exists(image.manifest.descriptor)).toBe(false);
    }
    await using server = await startScriptedServer((_, response) => void response.writeHead(503).end());
    await using repository = open(server.host);
    await expect(repository.exists(blob.descriptor)).rejects.toMatchObject({ failure: { status: 503 } });
    await expect(repository.exists(image.manifest.descriptor)).rejects.toMatchObject({ failure: { status: 503 } });
    expect(methods(server)).toHaveLength(6);
  });

  it.each(['', '-x', 'a b', 'a/b', 'sha256:short', 'x'.repeat(129)])('does not ask for "%s"', async (name) => {
    await using repository = open('127.0.0.1:1');
    const refusal = {
      code: 'INVALID_REFERENCE',
      message: expect.stringContaining('is neither a tag nor a digest') as string,
    };
    await expect(repository.resolve(name)).rejects.toMatchObject(refusal);
    await expect(repository.fetchManifest(name)).rejects.toMatchObject(refusal);
    await expect(repository.tag(image.manifest.descriptor, name)).rejects.toMatchObject(refusal);
  });

  it('tags what it pushed or read without another look, and waits for what it must read again', async () => {
    const { descriptor, bytes } = image.manifest;
    let absences = 0;
    await using server = await startScriptedServer(async (request, response) => {
      await drain(request);
      const headers = { 'docker-content-digest': descriptor.digest, 'content-type': descriptor.mediaType };
      if (request.method === 'PUT') response.writeHead(201, headers).end();
      else if (absences-- > 0) response.writeHead(404).end();
      else response.writeHead(200, headers).end(bytes);
    });
    await using repository = open(server.host);
    await repository.push(descriptor, bytesOf(bytes));
    await repository.tag(descriptor, 'v1');
    expect(methods(server)).toEqual([`PUT ${descriptor.digest}`, 'PUT v1']);
    await using reader = open(server.host);
    await reader.fetchManifest('v1');
    await reader.tag(descriptor, 'v2');
    expect(methods(server)).toEqual(['GET v1', 'PUT v2']);
    await using other = open(server.host);
    await other.tag(descriptor, 'v3');
    expect(methods(server)).toEqual([`GET ${descriptor.digest}`, 'PUT v3']);
    absences = 1;
    await using stranger = open(server.host);
    await expect(stranger.tag(descriptor, 'v4')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    // What was stored through it, and fell out of its memory, is only slow to appear.
    const large = madeBlob(bytes.toString().padEnd(4 * 1024 * 1024 + 1), descriptor.mediaType);
    absences = 1;
    await using lagging = await startScriptedServer(async (request, response) => {
      await drain(request);
      const headers = { 'docker-content-digest': large.descriptor.digest, 'content-type': descriptor.mediaType };
      if (request.method === 'PUT') response.writeHead(201, headers).end();
      else if (absences-- > 0) response.writeHead(404).end();
      else response.writeHead(200, headers).end(large.bytes);
    });
    await using writer = open(lagging.host);
    await writer.push(large.descriptor, bytesOf(large.bytes));
    await writer.tag(large.descriptor, 'v5');
    expect(methods(lagging)).toEqual(
      ['PUT', 'GET', 'GET', 'PUT'].map((method, nth) => `${method} ${nth === 3 ? 'v5' : large.descriptor.digest}`),
    );
  });

  it('gives a manifest from some byte on', async () => {
    const { descriptor, bytes } = image.manifest;
    await using server = await startScriptedServer((_, response) => void response.writeHead(200).end(bytes));
    await using repository = open(server.host);
    expect(await collect(repository.fetch(descriptor, { offset: 10 }))).toEqual(bytes.subarray(10));
  });

  it('reads no blob from an address that is not safe, though its manifest names it', async () => {
    await using elsewhere = await startScriptedServer((_, response) => void response.end(blob.bytes), '127.0.0.2');
    await using server = await startScriptedServer((_, response) => void response.writeHead(404).end());
    await using repository = open(server.host);
    const urls = [`http://${elsewhere.host}/x`, `https://${elsewhere.host}/x`, 'https://localhost/x', 'not a URL'];
    await expect(readVerified(repository, { ...blob.descriptor, urls })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(elsewhere.asked).toEqual([]);
  });

  it('takes no manifest of more than 32 MiB', async () => {
    const chunk = Buffer.alloc(1024 * 1024);
    const descriptor = { mediaType: MediaType.manifest, digest: blob.descriptor.digest };
    await using repository = open('127.0.0.1:1');
    const push = (chunks: number, more: number): Promise<void> => {
      const content = bytesOf(...Array<Buffer>(chunks).fill(chunk), Buffer.alloc(more));
      return repository.push({ ...descriptor, size: chunks * chunk.length + more }, content);
    };
    await expect(push(32, 0)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await expect(push(32, 1)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/^the manifest \S+@sha256:\S+ has more than 33554432 bytes$/) as string,
    });
  });
});
