/** Deleting over real HTTP: by option only, and what it takes along. */
import { describe, expect, test } from 'vitest';
import { errorCodes, send } from '../helpers/raw-http.ts';
import { pushSample } from '../helpers/push-sample.ts';
import { makeArtifact, makeImage, unknownDigest } from '../helpers/sample-image.ts';
import { useRegistry } from '../helpers/use-registry.ts';

const image = makeImage();
const { digest } = image.descriptor;
const layer = image.blobs.at(-1)?.descriptor.digest ?? '';

describe('without the option', () => {
  const registry = useRegistry();

  test('nothing is deleted', async () => {
    await pushSample(registry.url, 'team/app', image, ['1.0']);
    for (const path of [`manifests/${digest}`, 'manifests/1.0', `blobs/${layer}`]) {
      const refused = await send(registry.url, 'DELETE', `/v2/team/app/${path}`);
      expect([refused.status, errorCodes(refused)]).toEqual([405, ['UNSUPPORTED']]);
      expect((await send(registry.url, 'GET', `/v2/team/app/${path}`)).status).toBe(200);
    }
  });
});

describe('with the option', () => {
  const registry = useRegistry({ allowDelete: true });
  const status = async (method: string, path: string): Promise<number> =>
    (await send(registry.url, method, `/v2/team/app/${path}`)).status;

  test('a tag goes alone', async () => {
    await pushSample(registry.url, 'team/app', image, ['1.0', '1']);
    expect(await status('DELETE', 'manifests/1')).toBe(202);
    expect(await status('GET', 'manifests/1')).toBe(404);
    expect(await status('GET', 'manifests/1.0')).toBe(200);
    expect(await status('GET', `manifests/${digest}`)).toBe(200);
  });

  test('a manifest goes with its tags, is no referrer any more, and can come again', async () => {
    const other = makeImage({ labels: { which: 'other' } });
    const signature = makeArtifact('application/vnd.example', 'signed', { subject: image });
    await pushSample(registry.url, 'team/app', image, ['1.0', 'latest']);
    await pushSample(registry.url, 'team/app', other, ['2.0']);
    await pushSample(registry.url, 'team/app', signature);
    const referrers = async (): Promise<number> => {
      const answer = await send(registry.url, 'GET', `/v2/team/app/referrers/${digest}`);
      return (JSON.parse(answer.body.toString()) as { manifests: unknown[] }).manifests.length;
    };
    expect(await referrers()).toBe(1);
    expect(await status('DELETE', `manifests/${signature.descriptor.digest}`)).toBe(202);
    expect(await referrers()).toBe(0);
    expect(await status('DELETE', `manifests/${digest}`)).toBe(202);
    for (const gone of [`manifests/${digest}`, 'manifests/1.0', 'manifests/latest', `blobs/${digest}`]) {
      expect(await status('GET', gone)).toBe(404);
    }
    const tags = await send(registry.url, 'GET', '/v2/team/app/tags/list');
    expect((JSON.parse(tags.body.toString()) as { tags: string[] }).tags).toEqual(['2.0']);
    await pushSample(registry.url, 'team/app', image, ['1.0']);
    expect(await status('GET', 'manifests/1.0')).toBe(200);
  });

  test('a blob goes from its repository, and stays in others', async () => {
    await pushSample(registry.url, 'team/app', image, ['1.0']);
    await pushSample(registry.url, 'team/other', image, ['1.0']);
    expect(await status('DELETE', `blobs/${layer}`)).toBe(202);
    expect(await status('HEAD', `blobs/${layer}`)).toBe(404);
    expect((await send(registry.url, 'GET', `/v2/team/other/blobs/${layer}`)).status).toBe(200);
  });

  test('what is not there is not deleted', async () => {
    await pushSample(registry.url, 'team/app', image, ['1.0']);
    for (const [path, code] of [
      ['team/app/manifests/none', 'MANIFEST_UNKNOWN'],
      [`team/app/manifests/${unknownDigest()}`, 'MANIFEST_UNKNOWN'],
      [`team/app/blobs/${unknownDigest()}`, 'BLOB_UNKNOWN'],
      [`nobody/here/blobs/${unknownDigest()}`, 'NAME_UNKNOWN'],
      ['nobody/here/manifests/1', 'NAME_UNKNOWN'],
    ] as const) {
      const refused = await send(registry.url, 'DELETE', `/v2/${path}`);
      expect([refused.status, errorCodes(refused)]).toEqual([404, [code]]);
    }
    expect(await status('GET', 'manifests/1.0')).toBe(200);
  });
});
