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
    ['[2001:db8::1]:5000/app:1', {}, 'registry.internal.corp/2001-db8-0-0-0-0-0-1_5000/app:1'],
    ['[::1]:5000/app:1', {}, 'registry.internal.corp/0-0-0-0-0-0-0-1_5000/app:1'],
    ['[1::]:5000/app:1', {}, 'registry.internal.corp/1-0-0-0-0-0-0-0_5000/app:1'],
    ['[1:2:3:4:5:6:7:8]/app:1', {}, 'registry.internal.corp/1-2-3-4-5-6-7-8/app:1'],
    ['[0:0::0001]/app:1', {}, 'registry.internal.corp/0-0-0-0-0-0-0-1/app:1'],
    ['[1:::2]/app:1', {}, 'registry.internal.corp/1_2/app:1'],
    [`quay.io/app@${DIGEST}`, {}, `registry.internal.corp/quay.io/app@${DIGEST}`],
    [`quay.io/app:1@${DIGEST}`, {}, 'registry.internal.corp/quay.io/app:1'],
  ])('of %s with %o', (reference, rule, internal) => {
    expect(lines([image(reference)], rule)).toBe(`${reference}=${internal}\n`);
  });

  test.each([
    [3, '', 'registry.internal.corp/quay.io/team/sub-app:1'],
    [2, '', 'registry.internal.corp/quay.io/team-sub-app:1'],
    [1, '', 'registry.internal.corp/quay.io-team-sub-app:1'],
    [4, '', 'registry.internal.corp/quay.io/team/sub/app:1'],
    [3, 'group/project', 'registry.internal.corp/group/project/quay.io-team-sub-app:1'],
  ])('of at most %i segments below %j', (maxDepth, prefix, internal) => {
    expect(lines([image('quay.io/team/sub/app:1')], { maxDepth, prefix })).toBe(`quay.io/team/sub/app:1=${internal}\n`);
  });

  test('is what a map of names says, before any other rule', () => {
    const names = new Map([['quay.io/team/app', 'tools/the-app']]);
    const rule = { names, maxDepth: 1, prefix: 'p', stripRegistry: true };
    expect(lines([image('quay.io/team/app:1'), image('quay.io/team/other:1')], rule)).toBe(
      'quay.io/team/app:1=registry.internal.corp/p/tools/the-app:1\n' +
        'quay.io/team/other:1=registry.internal.corp/p-team-other:1\n',
    );
  });

  test('is in no repository of another, whatever the tags, where paths are joined or named', () => {
    const images = [image('quay.io/a/b-c:1'), image('quay.io/a-b/c:2', sha256('two'))];
    expect(lines(images).trim().split('\n')).toHaveLength(2);
    expect(() => lines(images, { maxDepth: 1 })).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: 'quay.io/a/b-c and quay.io/a-b/c would both become registry.internal.corp/quay.io-a-b-c',
        hint: expect.stringContaining('--name-map') as string,
      }) as Error,
    );
    const names = new Map(images.map(({ reference }) => [reference.replace(/:.*/, ''), 'same']));
    expect(() => lines(images, { names })).toThrow('would both become registry.internal.corp/same');
    expect(lines([image('quay.io/a/b:1'), image('quay.io/a/b:2', sha256('two'))], { maxDepth: 1 })).toContain(':2\n');
  });

  test('is in no repository of another registry, whose host would be written alike', () => {
    const alike = [image('REGISTRY.example/app:1'), image('registry.example/app:2', sha256('two'))];
    expect(() => lines(alike)).toThrow('REGISTRY.example/app and registry.example/app would both become');
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
