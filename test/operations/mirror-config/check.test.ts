/** Every image is looked up where it has to be, and a registry that does not answer is asked no more. */
import { expect, test } from 'vitest';
import type { Source } from '../../../src/content/store.ts';
import { AuthError, NotFoundError } from '../../../src/errors.ts';
import type { MirroredImage } from '../../../src/kubernetes/mirrors/mirror-map.ts';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { checkImages } from '../../../src/operations/mirror-config/check.ts';

const digest = sha256('right');
const { signal } = new AbortController();

function imageOf(name: string, expected?: Digest): MirroredImage {
  const at = (host: string): MirroredImage['internal'] => parseReference(`${host}/${name}`);
  return { original: at('docker.io'), internal: at('registry.internal'), ...(expected && { digest: expected }) }; // prettier-ignore
}

/** Repositories in which each tag is what this says: a digest, or why it cannot be had. */
function opening(
  held: Readonly<Record<string, Digest | Error>>,
  asked: string[] = [],
): (reference: { repository: string }) => Source {
  return ({ repository }) =>
    ({
      resolve: async (tag: string) => {
        asked.push(`${repository}:${tag}`);
        const found = held[repository] ?? new NotFoundError('NOT_FOUND', `${repository} is not there`);
        if (found instanceof Error) throw found;
        return { mediaType: 'application/vnd.oci.image.index.v1+json', digest: found, size: 1 };
      },
    }) as unknown as Source;
}

test('an image is there, another one or not there, by its tag or by its digest', async () => {
  const asked: string[] = [];
  const other = sha256('other');
  const held = { 'team/a': digest, 'team/b': other, 'team/d': other, 'team/e': digest };
  const images = [imageOf('team/a:1', digest), imageOf('team/b:1', digest), imageOf('team/c:1', digest), imageOf('team/d:1'), imageOf(`team/e@${digest}`, digest)]; // prettier-ignore
  const { images: checked, failure } = await checkImages(images, opening(held, asked), signal);
  expect(failure).toBeUndefined();
  expect(checked.map(({ state, digest: found }) => [state, found])).toEqual([
    ['there', digest],
    ['another one', other],
    ['not there', undefined],
    ['there', other],
    ['there', digest],
  ]);
  expect(checked[0]).toMatchObject({ original: 'docker.io/team/a:1', internal: 'registry.internal/team/a:1' });
  expect(asked).toContain(`team/e:${digest}`);
});

test('the first failure is told, and what was not asked by then is not asked', async () => {
  const refusal = new AuthError('UNAUTHENTICATED', 'log in');
  const asked: string[] = [];
  const names = Array.from({ length: 20 }, (_, nth) => `team/n${nth}`);
  const held = Object.fromEntries(names.map((name) => [name, refusal]));
  const { images, failure } = await checkImages(names.map((name) => imageOf(`${name}:1`)), opening(held, asked), signal); // prettier-ignore
  expect(failure).toBe(refusal);
  const states = images.map(({ state }) => state);
  expect(states.filter((state) => state === 'no answer')).toHaveLength(asked.length);
  expect(states.filter((state) => state === 'not asked')).toHaveLength(20 - asked.length);
  expect(asked.length).toBeLessThanOrEqual(8);
});

test('a fault of the program is not taken for a registry that does not answer', async () => {
  const held = { 'team/a': new TypeError('a fault') };
  await expect(checkImages([imageOf('team/a:1')], opening(held), signal)).rejects.toThrow('a fault');
});
