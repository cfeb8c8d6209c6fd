/** The repository against Debian's docker-registry: everything that is pushed comes back byte for byte. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, collect, readVerified } from '../../../src/content/verified.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/media-types.ts';
import { createRegistryHost, openRepository } from '../../../src/stores/registry/registry-hosts.ts';
import type { RegistryHost } from '../../../src/stores/registry/host.ts';
import type { RequestEvent } from '../../../src/base/http/answer.ts';
import { startDockerRegistry, storedBlobs, type DockerRegistry } from '../../helpers/docker-registry.ts';
import { madeBlob, madeImage, pushAll } from '../../helpers/image.ts';

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
