/** What tags and digests find in index.json, and what a tag that is set leaves of it. */
import { expect, test } from 'vitest';
import { Annotation, type Descriptor } from '../../../src/oci/descriptor.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/media-types.ts';
import {
  EMPTY_INDEX,
  entriesOf,
  findDigest,
  findTag,
  parseIndexFile,
  withTag,
  type IndexFile,
} from '../../../src/stores/layout/index-file.ts';

const descriptor = (text: string): Descriptor => ({
  mediaType: MediaType.manifest,
  digest: sha256(text),
  size: text.length,
});
const [a, b] = [descriptor('a'), descriptor('b')];
const tagsOf = (index: IndexFile): readonly string[] =>
  entriesOf(index).map(
    (entry) => `${entry.annotations?.[Annotation.refName]} ${entry.digest === a.digest ? 'a' : 'b'}`,
  );

test('a digest finds its own entry, a tag what it was set on last', () => {
  const index = withTag(withTag(withTag(EMPTY_INDEX, a, '2'), b, '1'), b, '3');
  expect(tagsOf(index)).toEqual(['1 b', '2 a', '3 b']);
  expect(findDigest(index, a.digest)).toMatchObject(a);
  expect(findDigest(index, b.digest)).toMatchObject(b);
  expect(findDigest(index, sha256('c'))).toBeUndefined();
  const moved = withTag(index, a, '1');
  expect(tagsOf(moved)).toEqual(['1 a', '2 a', '3 b']);
  expect(findTag(moved, '1', 'layout')).toMatchObject(a);
  expect(findTag(moved, '4', 'layout')).toBeUndefined();
});

test('a full reference is a name for containerd too, a tag and a short name are none', () => {
  const nameOf = (tag: string): string | undefined =>
    entriesOf(withTag(EMPTY_INDEX, a, tag))[0]?.annotations?.[Annotation.containerdImageName];
  expect(nameOf('registry.example/app:1')).toBe('registry.example/app:1');
  expect(nameOf('localhost/app:1')).toBe('localhost/app:1');
  expect([nameOf('1'), nameOf('app:1'), nameOf('team/app:1')]).toEqual([undefined, undefined, undefined]);
});

test('a name of containerd is found, and replaced, where no reference name is the same', () => {
  const entry = {
    ...a,
    annotations: { [Annotation.containerdImageName]: 'r.example/app:1', [Annotation.refName]: '1' },
  };
  const index: IndexFile = { ...EMPTY_INDEX, manifests: [entry] };
  expect(findTag(index, 'r.example/app:1', 'layout')).toMatchObject(a);
  expect(entriesOf(withTag(index, b, 'r.example/app:1'))).toHaveLength(1);
});

test('a tag on two images names both; on one image twice it is that', () => {
  const tagged = (digest: Descriptor) => ({ ...digest, annotations: { [Annotation.refName]: '1' } });
  const ambiguous: IndexFile = { ...EMPTY_INDEX, manifests: [tagged(a), tagged(b)] };
  expect(() => findTag(ambiguous, '1', 'layout')).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED', message: 'layout: 1 names 2 different images' }),
  );
  expect(findTag({ ...EMPTY_INDEX, manifests: [tagged(a), tagged(a)] }, '1', 'layout')).toMatchObject(a);
});

test('entries in another algorithm are passed over, and kept', () => {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, more: 1, manifests: [{ ...a, digest: 'md5:aa' }, a] }));
  const index = parseIndexFile(bytes, 'layout');
  expect(entriesOf(index)).toHaveLength(1);
  expect(withTag(index, b, '1')).toMatchObject({ more: 1, manifests: [{ digest: 'md5:aa' }, {}, {}] });
  expect(() => parseIndexFile(Buffer.from('{"schemaVersion":1}'), 'layout')).toThrow(
    'layout: index.json: schemaVersion',
  );
  expect(() => parseIndexFile(Buffer.from('['), 'layout')).toThrow('layout: index.json ');
});
