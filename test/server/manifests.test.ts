/** Manifests over real HTTP: bytes and types survive, and nothing is taken that names what is not there. */
import { describe, expect, test } from 'vitest';
import { registeredDigestOf, sha256, type RegisteredDigest } from '../../src/oci/digest.ts';
import { MAX_MANIFEST_BYTES } from '../../src/oci/manifest.ts';
import { MediaType } from '../../src/oci/media-types.ts';
import { errorCodes, send, type RawAnswer } from '../helpers/raw-http.ts';
import { pushBlob, pushSample } from '../helpers/push-sample.ts';
import {
  makeArtifact,
  makeImage,
  makeIndex,
  makeMultiPlatformImage,
  unknownDigest,
  type SampleNode,
} from '../helpers/sample-image.ts';
import { useRegistry } from '../helpers/use-registry.ts';

const manifests = '/v2/team/app/manifests/';

describe('pulling', () => {
  const registry = useRegistry();

  test.each<[string, SampleNode]>([
    ['an OCI image', makeImage()],
    ['a Docker image', makeImage({ format: 'docker' })],
    ['an OCI index', makeMultiPlatformImage({ name: 'app', attestations: true })],
    ['a Docker list', makeMultiPlatformImage({ name: 'app', format: 'docker' })],
    ['an artifact', makeArtifact('application/vnd.example', 'payload')],
  ])('%s by tag and by digest is what was pushed', async (_, node) => {
    await pushSample(registry.url, 'team/app', node, ['1.0']);
    const { digest, mediaType, size } = node.descriptor;
    for (const reference of ['1.0', digest]) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await send(registry.url, method, manifests + reference);
        expect(answer.status).toBe(200);
        expect(answer.headers).toMatchObject({
          'content-type': mediaType,
          'content-length': `${size}`,
          'docker-content-digest': digest,
          etag: `"${digest}"`,
        });
        expect(answer.body.equals(method === 'GET' ? node.bytes : Buffer.alloc(0))).toBe(true);
      }
    }
  });

  test('the stored type is served whatever Accept says', async () => {
    await pushSample(registry.url, 'team/app', makeImage(), ['1.0']);
    const answer = await send(registry.url, 'GET', `${manifests}1.0`, {
      headers: { Accept: MediaType.dockerManifest },
    });
    expect(answer.headers['content-type']).toBe(MediaType.manifest);
  });

  test('If-None-Match with the digest gives 304, until the tag moves', async () => {
    const [first, second] = [makeImage({ labels: { v: '1' } }), makeImage({ labels: { v: '2' } })];
    await pushSample(registry.url, 'team/app', first, ['latest']);
    const headers = { 'If-None-Match': `"${first.descriptor.digest}"` };
    expect((await send(registry.url, 'GET', `${manifests}latest`, { headers })).status).toBe(304);
    await pushSample(registry.url, 'team/app', second, ['latest']);
    const moved = await send(registry.url, 'GET', `${manifests}latest`, { headers });
    expect(moved.headers['docker-content-digest']).toBe(second.descriptor.digest);
    expect((await send(registry.url, 'GET', manifests + first.descriptor.digest)).status).toBe(200);
  });

  test('what is not there', async () => {
    await pushSample(registry.url, 'team/app', makeImage(), ['1.0']);
    const codes = async (path: string): Promise<unknown> => {
      const answer = await send(registry.url, 'GET', path);
      return [answer.status, ...errorCodes(answer)];
    };
    expect(await codes(`${manifests}2.0`)).toEqual([404, 'MANIFEST_UNKNOWN']);
    expect(await codes(`${manifests}${unknownDigest()}`)).toEqual([404, 'MANIFEST_UNKNOWN']);
    expect(await codes(`${manifests}-not-a-tag`)).toEqual([404, 'MANIFEST_UNKNOWN']);
    expect(await codes(`${manifests}sha256:baddigeststring`)).toEqual([400, 'DIGEST_INVALID']);
    expect(await codes('/v2/team/none/manifests/1.0')).toEqual([404, 'NAME_UNKNOWN']);
    const config = makeImage().blobs[0]?.descriptor.digest ?? '';
    expect(await codes(manifests + config)).toEqual([404, 'MANIFEST_UNKNOWN']);
  });

  test('HEAD of what is not there has no body', async () => {
    const answer = await send(registry.url, 'HEAD', `${manifests}2.0`);
    expect(answer.status).toBe(404);
    expect(answer.body).toHaveLength(0);
  });

  test('manifests are never deleted', async () => {
    await pushSample(registry.url, 'team/app', makeImage(), ['1.0']);
    const answer = await send(registry.url, 'DELETE', `${manifests}1.0`);
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET, HEAD, PUT');
    expect((await send(registry.url, 'GET', `${manifests}1.0`)).status).toBe(200);
  });
});

describe('pushing', () => {
  const registry = useRegistry();
  const image = makeImage();
  const put = (reference: string, body: Buffer | string, type?: string): Promise<RawAnswer> =>
    send(registry.url, 'PUT', manifests + reference, {
      body,
      headers: type === undefined ? {} : { 'Content-Type': type },
    });
  const pushBlobs = async (): Promise<void> => {
    for (const blob of image.blobs) await pushBlob(`${registry.url}/v2/team/app`, blob);
  };

  test('by tag answers with the digest and its location', async () => {
    await pushBlobs();
    const answer = await put('1.0', image.bytes, MediaType.manifest);
    const { digest } = image.descriptor;
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({ location: manifests + digest, 'docker-content-digest': digest });
    expect(answer.headers['oci-subject']).toBeUndefined();
  });

  test('by a digest it does not have is refused', async () => {
    await pushBlobs();
    const answer = await put(unknownDigest(), image.bytes, MediaType.manifest);
    expect([answer.status, ...errorCodes(answer)]).toEqual([400, 'DIGEST_INVALID']);
  });

  test('a missing blob is named', async () => {
    const answer = await put('1.0', image.bytes, MediaType.manifest);
    expect([answer.status, ...errorCodes(answer)]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN']);
    expect(answer.body.toString()).toContain(image.blobs[0]?.descriptor.digest);
    expect((await send(registry.url, 'GET', `${manifests}1.0`)).status).toBe(404);
  });

  test('a blob that only another repository has is missing', async () => {
    await pushSample(registry.url, 'team/other', image);
    expect(errorCodes(await put('1.0', image.bytes, MediaType.manifest))).toEqual(['MANIFEST_BLOB_UNKNOWN']);
  });

  test('an index with a missing manifest is refused', async () => {
    const answer = await put('1.0', makeIndex([image]).bytes, MediaType.index);
    expect([answer.status, ...errorCodes(answer)]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN']);
  });

  test('a foreign layer with urls may be missing', async () => {
    await pushBlobs();
    const foreign = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      digest: unknownDigest(),
      size: 5,
      urls: ['https://layers.example/5'],
    };
    const config = image.blobs[0]?.descriptor;
    const base = { schemaVersion: 2, mediaType: MediaType.dockerManifest, config };
    const withUrls = JSON.stringify({ ...base, layers: [foreign] });
    expect((await put('1.0', withUrls, MediaType.dockerManifest)).status).toBe(201);
    const without = JSON.stringify({ ...base, layers: [{ ...foreign, urls: undefined }] });
    expect(errorCodes(await put('1.0', without, MediaType.dockerManifest))).toEqual(['MANIFEST_BLOB_UNKNOWN']);
  });

  test('a manifest without mediaType keeps the type it came with', async () => {
    await pushBlobs();
    const { mediaType: _, ...rest } = JSON.parse(image.bytes.toString()) as { mediaType: string };
    const bytes = Buffer.from(JSON.stringify(rest));
    expect((await put('helm', bytes, MediaType.dockerManifest)).status).toBe(201);
    const answer = await send(registry.url, 'GET', `${manifests}helm`);
    expect(answer.headers['content-type']).toBe(MediaType.dockerManifest);
    expect(answer.body.equals(bytes)).toBe(true);
  });

  test('parameters of Content-Type are ignored, and it may be absent', async () => {
    await pushBlobs();
    expect((await put('1', image.bytes, `${MediaType.manifest}; charset=utf-8`)).status).toBe(201);
    expect((await put('2', image.bytes)).status).toBe(201);
  });

  test.each<[string, string | Buffer, string]>([
    ['not JSON', '{', MediaType.manifest],
    ['no object', '[]', MediaType.manifest],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), MediaType.manifest],
    ['no manifest type', image.bytes, 'application/json'],
    ['another type than it says', image.bytes, MediaType.dockerManifest],
    ['an index by its header', image.bytes, MediaType.index],
    ['schema 1', '{"schemaVersion":1,"fsLayers":[]}', MediaType.manifest],
    ['both at once', '{"schemaVersion":2,"manifests":[],"layers":[]}', MediaType.manifest],
    ['a digest nobody can check', image.bytes.toString().replaceAll('sha256:', 'sha384:'), MediaType.manifest],
  ])('%s is MANIFEST_INVALID', async (_, body, type) => {
    await pushBlobs();
    const answer = await put('1.0', body, type);
    expect([answer.status, ...errorCodes(answer)]).toEqual([400, 'MANIFEST_INVALID']);
  });

  test('an impossible tag cannot be pushed', async () => {
    await pushBlobs();
    const answer = await put('a'.repeat(129), image.bytes, MediaType.manifest);
    expect(answer.status).toBe(404);
  });

  test.each([
    ['declared', Buffer.alloc(MAX_MANIFEST_BYTES + 1, ' ')],
    ['streamed', [Buffer.alloc(MAX_MANIFEST_BYTES, ' '), Buffer.from('  ')]],
  ])('more than 32 MiB (%s) is 413, and the connection stays usable', async (_, body) => {
    const answer = await send(registry.url, 'PUT', `${manifests}1.0`, { body });
    expect([answer.status, ...errorCodes(answer)]).toEqual([413, 'MANIFEST_INVALID']);
  });

  test('a subject may be missing and is answered with OCI-Subject', async () => {
    const artifact = makeArtifact('application/vnd.example', 'x', { subject: image });
    for (const blob of artifact.blobs) await pushBlob(`${registry.url}/v2/team/app`, blob);
    const answer = await put(artifact.descriptor.digest, artifact.bytes, MediaType.manifest);
    expect(answer.status).toBe(201);
    expect(answer.headers['oci-subject']).toBe(image.descriptor.digest);
  });

  test('a manifest pushed by digest gets the tags of the query, all of them or none', async () => {
    await pushBlobs();
    const { digest } = image.descriptor;
    const answer = await put(`${digest}?tag=1.2&tag=latest`, image.bytes, MediaType.manifest);
    expect([answer.status, answer.headers['oci-tag']]).toEqual([201, '1.2, latest']);
    expect((await send(registry.url, 'GET', `${manifests}latest`)).headers['docker-content-digest']).toBe(digest);
    const refused = await put(`${digest}?tag=good&tag=not%20good`, image.bytes, MediaType.manifest);
    expect([refused.status, ...errorCodes(refused)]).toEqual([400, 'MANIFEST_INVALID']);
    expect((await send(registry.url, 'GET', `${manifests}good`)).status).toBe(404);
    const many = Array.from({ length: 101 }, (_, index) => `tag=t${index}`).join('&');
    expect((await put(`${digest}?${many}`, image.bytes, MediaType.manifest)).status).toBe(414);
  });

  test('ten concurrent pushes to one tag leave one of them whole', async () => {
    await pushBlobs();
    const versions = Array.from({ length: 10 }, (_, index) => {
      const parsed = JSON.parse(image.bytes.toString()) as object;
      return Buffer.from(JSON.stringify({ ...parsed, annotations: { version: `${index}` } }));
    });
    const answers = await Promise.all(versions.map((bytes) => put('latest', bytes, MediaType.manifest)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(201));
    const { body } = await send(registry.url, 'GET', `${manifests}latest`);
    expect(versions.map((bytes) => sha256(bytes))).toContain(sha256(body));
  });
});

describe('content named by sha512', () => {
  const registry = useRegistry({ allowDelete: true });
  const content = Buffer.from('{}');

  async function pushLongBlob(): Promise<object> {
    const digest = registeredDigestOf(content, 'sha512');
    const path = `/v2/team/app/blobs/uploads/?digest=${digest}`;
    expect((await send(registry.url, 'POST', path, { body: content })).status).toBe(201);
    return { mediaType: 'application/vnd.oci.empty.v1+json', digest, size: content.length };
  }
  async function pushLong(fields: object): Promise<{ digest: RegisteredDigest; bytes: Buffer; answer: RawAnswer }> {
    const config = await pushLongBlob();
    const manifest = { schemaVersion: 2, mediaType: MediaType.manifest, config, layers: [config], ...fields };
    const bytes = Buffer.from(JSON.stringify(manifest));
    const digest = registeredDigestOf(bytes, 'sha512');
    const answer = await put(digest, bytes);
    return { digest, bytes, answer };
  }
  const put = (reference: string, body: Buffer): Promise<RawAnswer> =>
    send(registry.url, 'PUT', manifests + reference, { body, headers: { 'Content-Type': MediaType.manifest } });

  test('is a manifest under that digest, with its tags, until it is deleted', async () => {
    const { digest, bytes, answer } = await pushLong({});
    expect(answer.headers).toMatchObject({ location: manifests + digest, 'docker-content-digest': digest });
    expect((await put(`${digest}?tag=1.0`, bytes)).status).toBe(201);
    for (const reference of [digest, '1.0']) {
      const pull = await send(registry.url, 'GET', manifests + reference);
      expect(pull.body.equals(bytes)).toBe(true);
      expect(pull.headers).toMatchObject({ 'docker-content-digest': digest, etag: `"${digest}"` });
    }
    expect((await send(registry.url, 'DELETE', manifests + digest)).status).toBe(202);
    for (const reference of [digest, '1.0']) {
      expect((await send(registry.url, 'GET', manifests + reference)).status).toBe(404);
    }
  });

  test('gets a sha256 digest under a tag, as every client expects', async () => {
    const { bytes } = await pushLong({});
    const answer = await put('1.0', bytes);
    expect(answer.headers['docker-content-digest']).toBe(sha256(bytes));
  });

  test('is verified', async () => {
    const { digest, bytes } = await pushLong({});
    const answer = await put(digest, Buffer.concat([bytes, Buffer.from(' ')]));
    expect([answer.status, ...errorCodes(answer)]).toEqual([400, 'DIGEST_INVALID']);
  });

  test('is missed under another digest of the same bytes', async () => {
    const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256(content), size: content.length };
    expect(errorCodes((await pushLong({ config })).answer)).toEqual(['MANIFEST_BLOB_UNKNOWN']);
  });

  test('has referrers, of either algorithm, in one sorted list', async () => {
    const { digest, bytes } = await pushLong({});
    const subject = { mediaType: MediaType.manifest, digest, size: bytes.length };
    const long = await pushLong({ subject, artifactType: 'application/vnd.example.a' });
    expect(long.answer.headers['oci-subject']).toBe(digest);
    const artifact = { ...(JSON.parse(long.bytes.toString()) as object), artifactType: 'application/vnd.example.b' };
    const short = Buffer.from(JSON.stringify(artifact));
    expect((await put(sha256(short), short)).status).toBe(201);
    const list = await send(registry.url, 'GET', `/v2/team/app/referrers/${digest}`);
    const { manifests: found } = JSON.parse(list.body.toString()) as { manifests: { digest: string }[] };
    expect(found.map((entry) => entry.digest)).toEqual([sha256(short), long.digest]);
  });
});

describe('with sparse indexes accepted', () => {
  const registry = useRegistry({ acceptSparseIndexes: true });

  test('an index may lack manifests, a manifest may not lack blobs', async () => {
    const image = makeImage();
    const index = makeIndex([image]);
    const put = (node: SampleNode): Promise<RawAnswer> =>
      send(registry.url, 'PUT', manifests + node.descriptor.digest, {
        body: node.bytes,
        headers: { 'Content-Type': node.descriptor.mediaType },
      });
    expect((await put(index)).status).toBe(201);
    expect(errorCodes(await put(image))).toEqual(['MANIFEST_BLOB_UNKNOWN']);
  });
});
