/** Tags, repositories and referrers: complete, sorted, filtered and in pages. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { hexOf } from '../../src/oci/digest.ts';
import { MediaType } from '../../src/oci/media-types.ts';
import { errorCodes, send, type RawAnswer } from '../helpers/raw-http.ts';
import { pushBlob, pushSample } from '../helpers/push-sample.ts';
import { makeArtifact, makeImage, makeIndex, unknownDigest } from '../helpers/sample-image.ts';
import { makeBlob } from '../helpers/sample-layer.ts';
import { useRegistry } from '../helpers/use-registry.ts';

const registry = useRegistry();
const image = makeImage();
const get = (path: string): Promise<RawAnswer> => send(registry.url, 'GET', path);
const json = async (path: string): Promise<unknown> => JSON.parse((await get(path)).body.toString());
const linkOf = (answer: RawAnswer): string | undefined => answer.headers.link as string | undefined;

/** Follows `Link` to the end and returns every page. */
async function pages(path: string, key: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const answer = await get(next);
    expect(answer.status).toBe(200);
    found.push((JSON.parse(answer.body.toString()) as Record<string, unknown>)[key]);
    next = /^<(.*)>; rel="next"$/.exec(linkOf(answer) ?? '')?.[1];
  }
  return found;
}

describe('tags', () => {
  const list = '/v2/team/app/tags/list';
  beforeEach(async () => {
    await pushSample(registry.url, 'team/app', image, ['v2', 'b', 'V1', 'a', '10', '9']);
  });

  test('are all there, in ASCII order', async () => {
    const answer = await get(list);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(JSON.parse(answer.body.toString())).toEqual({ name: 'team/app', tags: ['10', '9', 'V1', 'a', 'b', 'v2'] });
    expect(linkOf(answer)).toBeUndefined();
  });

  test('come in pages', async () => {
    expect(await pages(`${list}?n=4`, 'tags')).toEqual([
      ['10', '9', 'V1', 'a'],
      ['b', 'v2'],
    ]);
    expect(await pages(`${list}?n=3`, 'tags')).toEqual([
      ['10', '9', 'V1'],
      ['a', 'b', 'v2'],
    ]);
    expect(await pages(`${list}?n=6`, 'tags')).toHaveLength(1);
  });

  test('last excludes what is not after it, known or not', async () => {
    expect(await json(`${list}?last=a`)).toMatchObject({ tags: ['b', 'v2'] });
    expect(await json(`${list}?last=aa`)).toMatchObject({ tags: ['b', 'v2'] });
    expect(await json(`${list}?last=zz`)).toMatchObject({ tags: [] });
  });

  test('n=0 is an empty list without a Link', async () => {
    const answer = await get(`${list}?n=0`);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ tags: [] });
    expect(linkOf(answer)).toBeUndefined();
  });

  test.each(['-1', 'x', '1.5', '9'.repeat(30)])('n=%s is refused', async (n) => {
    expect((await get(`${list}?n=${n}`)).status).toBe(400);
  });

  test('of an unknown repository are 404', async () => {
    const answer = await get('/v2/team/none/tags/list');
    expect([answer.status, ...errorCodes(answer)]).toEqual([404, 'NAME_UNKNOWN']);
    expect((await get('/v2/team/tags/list')).status).toBe(404);
  });

  test('of a repository with untagged content are an empty list', async () => {
    await pushBlob(`${registry.url}/v2/team/blobs-only`, makeBlob('x/y', Buffer.from('z')));
    expect(await json('/v2/team/blobs-only/tags/list')).toEqual({ name: 'team/blobs-only', tags: [] });
  });
});

describe('the catalog', () => {
  test('is empty at first', async () => {
    expect(await json('/v2/_catalog')).toEqual({ repositories: [] });
  });

  test('lists nested repositories, sorted and in pages', async () => {
    const names = ['a/b/c', 'a', 'a/b', 'zoo', 'docker.io/library/nginx', 'a/tags/list', 'a/blobs'];
    for (const name of names) await pushSample(registry.url, name, image, ['1']);
    const sorted = [...names].sort();
    expect(await json('/v2/_catalog')).toEqual({ repositories: sorted });
    expect(await pages('/v2/_catalog?n=3', 'repositories')).toEqual([
      sorted.slice(0, 3),
      sorted.slice(3, 6),
      sorted.slice(6),
    ]);
    for (const name of names) expect(await json(`/v2/${name}/tags/list`)).toEqual({ name, tags: ['1'] });
  });
});

describe('referrers', () => {
  const list = `/v2/team/app/referrers/${image.descriptor.digest}`;
  const signature = makeArtifact('application/vnd.example.signature', 's', {
    subject: image,
    annotations: { by: 'me' },
  });
  const sbom = makeArtifact('application/vnd.example.sbom', 'b', { subject: image });
  const derived = makeImage({ subject: image, labels: { derived: 'yes' } });
  const group = makeIndex([], { subject: image, artifactType: 'application/vnd.example.group' });
  const all = [signature, sbom, derived, group];
  const expected = all
    .map(({ descriptor: { digest, mediaType, size } }, index) => ({
      mediaType,
      digest,
      size,
      artifactType: [
        'application/vnd.example.signature',
        'application/vnd.example.sbom',
        MediaType.config,
        'application/vnd.example.group',
      ][index],
      ...(index === 0 ? { annotations: { by: 'me' } } : {}),
    }))
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const pushAll = async (): Promise<void> => {
    for (const node of all) await pushSample(registry.url, 'team/app', node);
  };

  test.each(['before', 'after'])('are listed when they were pushed %s their subject', async (when) => {
    if (when === 'after') await pushSample(registry.url, 'team/app', image);
    await pushAll();
    if (when === 'before') await pushSample(registry.url, 'team/app', image);
    const answer = await get(list);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe(MediaType.index);
    expect(answer.headers['oci-filters-applied']).toBeUndefined();
    expect(JSON.parse(answer.body.toString())).toEqual({
      schemaVersion: 2,
      mediaType: MediaType.index,
      manifests: expected,
    });
  });

  test('are filtered by artifactType, and the answer says so', async () => {
    await pushAll();
    const answer = await get(`${list}?artifactType=${encodeURIComponent('application/vnd.example.sbom')}`);
    expect(answer.headers['oci-filters-applied']).toBe('artifactType');
    const { manifests } = JSON.parse(answer.body.toString()) as { manifests: { digest: string }[] };
    expect(manifests.map((manifest) => manifest.digest)).toEqual([sbom.descriptor.digest]);
    const none = await json(`${list}?artifactType=application/none`);
    expect(none).toMatchObject({ manifests: [] });
  });

  test('come in pages that keep the filter', async () => {
    await pushAll();
    expect((await pages(`${list}?n=3`, 'manifests')).flat()).toEqual(expected);
    const more = makeArtifact('application/vnd.example.sbom', 'more', { subject: image });
    await pushSample(registry.url, 'team/app', more);
    const filtered = await pages(`${list}?n=1&artifactType=application%2Fvnd.example.sbom`, 'manifests');
    expect(filtered).toHaveLength(2);
  });

  test('a referrer of a referrer is found too, and pushing twice lists once', async () => {
    const onSignature = makeArtifact('application/vnd.example.timestamp', 't', { subject: signature });
    await pushAll();
    await pushAll();
    await pushSample(registry.url, 'team/app', onSignature);
    expect(await json(`/v2/team/app/referrers/${signature.descriptor.digest}`)).toMatchObject({
      manifests: [{ digest: onSignature.descriptor.digest }],
    });
    expect(((await json(list)) as { manifests: unknown[] }).manifests).toHaveLength(4);
  });

  test.each(['/v2/team/app/referrers/', '/v2/team/none/referrers/'])(
    'of an unknown digest under %s are an empty index',
    async (path) => {
      const answer = await get(path + unknownDigest());
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body.toString())).toEqual({
        schemaVersion: 2,
        mediaType: MediaType.index,
        manifests: [],
      });
    },
  );

  test('of a bad digest are 400', async () => {
    const answer = await get('/v2/team/app/referrers/sha256:baddigeststring');
    expect([answer.status, ...errorCodes(answer)]).toEqual([400, 'DIGEST_INVALID']);
  });

  test('do not list a manifest whose push was killed half-way', async () => {
    await pushSample(registry.url, 'team/app', sbom);
    const link = join(registry.directory, 'repositories/team/app/_manifests', hexOf(sbom.descriptor.digest));
    await rm(link);
    expect(await json(list)).toMatchObject({ manifests: [] });
    await pushSample(registry.url, 'team/app', sbom);
    expect(await json(list)).toMatchObject({ manifests: [{ digest: sbom.descriptor.digest }] });
  });

  test('stay in their repository', async () => {
    await pushAll();
    expect(await json(`/v2/team/other/referrers/${image.descriptor.digest}`)).toMatchObject({ manifests: [] });
  });
});
