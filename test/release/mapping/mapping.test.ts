import { describe, expect, test } from 'vitest';
import { formatMapping, mapReferences, type MappableImage } from '../../../src/release/mapping/mapping.ts';
import { sha256 } from '../../../src/oci/digest.ts';

const DIGEST = sha256('one');

function image(reference: string, digest = DIGEST): MappableImage {
  return { reference, digest };
}

function lines(images: readonly MappableImage[], rule: object = {}): string {
  return formatMapping(mapReferences(images, { host: 'registry.internal.corp', prefix: '', ...rule }));
}

describe('the internal place of an image', () => {
  test.each([
    ['docker.io/library/postgres:16', {}, 'registry.internal.corp/docker.io/library/postgres:16'],
    ['docker.io/library/postgres:16', { prefix: 'a/b' }, 'registry.internal.corp/a/b/docker.io/library/postgres:16'],
    ['docker.io/library/postgres:16', { stripRegistry: true }, 'registry.internal.corp/library/postgres:16'],
    ['registry.example:5000/app:1', {}, 'registry.internal.corp/registry.example_5000/app:1'],
    ['[2001:db8::1]:5000/app:1', {}, 'registry.internal.corp/2001_db8_1_5000/app:1'],
    [`quay.io/app@${DIGEST}`, {}, `registry.internal.corp/quay.io/app@${DIGEST}`],
    [`quay.io/app:1@${DIGEST}`, {}, 'registry.internal.corp/quay.io/app:1'],
  ])('of %s with %o', (reference, rule, internal) => {
    expect(lines([image(reference)], rule)).toBe(`${reference}=${internal}\n`);
  });

  test('is shared by two references of one image, and by no two images', () => {
    const both = [image('quay.io/app:1'), image(`quay.io/app:1@${DIGEST}`)];
    expect(lines(both).trim().split('\n')).toHaveLength(2);
    const other = image(`quay.io/app:1@${sha256('two')}`, sha256('two'));
    expect(() => lines([image('quay.io/app:1'), other])).toThrow(/quay.io\/app:1 and .* would both become/);
  });

  test('collides without the registry when two registries have the same path', () => {
    const images = [image('a.example/app:1'), image('b.example/app:1', sha256('two'))];
    expect(lines(images).trim().split('\n')).toHaveLength(2);
    expect(() => lines(images, { stripRegistry: true })).toThrow(
      expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining('--strip-registry') as string }) as Error,
    );
  });

  test('with a path that registries do not take is refused', () => {
    expect(() => lines([image(`quay.io/${'a'.repeat(200)}:1`)], { prefix: 'b'.repeat(60) })).toThrow(/255 characters/);
  });
});
