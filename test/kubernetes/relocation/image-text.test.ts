/** Images in texts are found however they are spelled, and nothing else of the text is touched. */
import { describe, expect, test } from 'vitest';
import { canonicalImage, relocateWhole, relocateWithin } from '../../../src/kubernetes/relocation/image-text.ts';

const PLACE = 'registry.internal/library/app@sha256:1';
const places = new Map([['docker.io/library/app:1', PLACE]]);
const images = new Set(['docker.io/library/app:1', 'docker.io/library/unplaced:1']);

test.each([
  ['app:1', 'docker.io/library/app:1'],
  ['docker.io/app:1', 'docker.io/library/app:1'],
  ['docker://app:1', 'docker.io/library/app:1'],
  ['oci://app:1', 'docker.io/library/app:1'],
  ['app', 'docker.io/library/app:latest'],
  ['quay.io/a/b', 'quay.io/a/b:latest'],
  ['App:1', undefined],
  ['', undefined],
  ['http://app:1', undefined],
])('the canonical form of %j is %j', (text, expected) => {
  expect(canonicalImage(text)).toBe(expected);
});

test('a text of up to 512 characters may be one', () => {
  const rest = `/${'a'.repeat(200)}:${'t'.repeat(120)}@sha256:${'0'.repeat(64)}`;
  const host = (length: number): string => `${'h'.repeat(50)}.${'e'.repeat(length - 51)}`;
  const [most, more] = [512, 513].map((length) => `${host(length - rest.length)}${rest}`) as [string, string];
  expect([most.length, more.length]).toEqual([512, 513]);
  expect([canonicalImage(most), canonicalImage(more)]).toEqual([most, undefined]);
});

describe('a whole text', () => {
  test.each([
    ['app:1', PLACE],
    [' app:1\n', PLACE],
    ['docker://app:1', `docker://${PLACE}`],
    ['app:2', undefined],
    ['no image', undefined],
  ])('%j becomes %j', (text, expected) => {
    expect(relocateWhole(text, places)).toBe(expected);
  });
});

describe('a text with images in it', () => {
  test.each([
    ['--image=app:1 --other=app:2', `--image=${PLACE} --other=app:2`],
    ['"docker.io/library/app:1","oci://app:1"', `"${PLACE}","oci://${PLACE}"`],
    ['app:1, app:1.', `${PLACE}, ${PLACE}.`],
    ['unplaced:1 and myapp:1 and app:10', 'unplaced:1 and myapp:1 and app:10'],
    ['', ''],
  ])('%j becomes %j', (text, expected) => {
    expect(relocateWithin(text, images, places)).toBe(expected);
  });

  test('keeps an image that has a place and was not asked for', () => {
    expect(relocateWithin('app:1', new Set(), places)).toBe('app:1');
  });
});
