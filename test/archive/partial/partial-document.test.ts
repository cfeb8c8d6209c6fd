/** What `partial.json` may say: each list in order, nothing twice, only layers of the release, and no more than is read. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import {
  MAX_PARTIAL_BYTES,
  omittable,
  omittedBy,
  parsePartial,
  serializePartial,
  summarizeOmissions,
  type PartialDocument,
} from '../../../src/archive/partial/partial-document.ts';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { makeRelease } from '../sample-release.ts';

let inventory: Inventory;
let layers: readonly Digest[];

beforeAll(async () => {
  ({ inventory } = await makeRelease());
  layers = [...omittable(inventory).keys()].sort();
});

/** Bases by the numbers of what is left out in their name; in the order of their inventories unless told. */
function documentOf(...omitted: readonly (readonly Digest[])[]): PartialDocument {
  const ids = omitted.map((_, index) => sha256(`base ${index}`)).sort();
  const bases = omitted.map((own, index) => ({ name: 'base', version: `1.${index}.0`, inventory: ids[index] as Digest, omitted: [...own] })); // prettier-ignore
  return { formatVersion: 1, bases };
}

const parse = (document: PartialDocument): PartialDocument => parsePartial(serializePartial(document), inventory);
const refused = (why: string): unknown =>
  expect.objectContaining({ code: 'MALFORMED', message: expect.stringContaining(why) as string });

test('layers are what a delta may leave out: no manifest, no config, no file, and nothing empty', () => {
  const { manifests, files, blobs } = inventory;
  expect(layers.length).toBeGreaterThan(2);
  const kept = [...manifests.flatMap(({ digest, config }) => [digest, config]), ...files.map(({ digest }) => digest)];
  for (const digest of layers) {
    expect(kept).not.toContain(digest);
    expect(blobs.find((blob) => blob.digest === digest)?.size).toBeGreaterThan(0);
  }
});

test('a document is read as it was written, with the base of each layer and the sum of their sizes', () => {
  const [a, b, c] = layers as [Digest, Digest, Digest];
  const document = documentOf([a, c], [b]);
  expect(parse(document)).toEqual(document);
  expect(omittedBy(document).get(b)).toBe(document.bases[1]);
  const sizes = omittable(inventory);
  expect(summarizeOmissions(document, inventory)).toEqual({
    bases: [
      { name: 'base', version: '1.0.0' },
      { name: 'base', version: '1.1.0' },
    ],
    omitted: 3,
    omittedBytes: [a, b, c].reduce((sum, digest) => sum + (sizes.get(digest) ?? Infinity), 0),
  });
});

describe('a document is refused', () => {
  test('with a list that is not sorted, in its first place or a later one', () => {
    const [a, b, c] = layers as [Digest, Digest, Digest];
    expect(() => parse(documentOf([b, a]))).toThrow(refused(`omitted is not sorted or repeats ${a}`));
    expect(() => parse(documentOf([a, c, b]))).toThrow(refused(`omitted is not sorted or repeats ${b}`));
    const { bases } = documentOf([a], [b]);
    expect(() => parse({ formatVersion: 1, bases: bases.toReversed() })).toThrow(refused('bases is not sorted'));
  });

  test('with a layer twice, in one list or in two', () => {
    const [a] = layers as [Digest];
    expect(() => parse(documentOf([a, a]))).toThrow(refused(`repeats ${a}`));
    expect(() => parse(documentOf([a], [a]))).toThrow(refused(`leaves out ${a} twice`));
  });

  test('that leaves out what a delta carries', () => {
    const { manifests, files } = inventory;
    const config = manifests.find((manifest) => manifest.config !== undefined)?.config as Digest;
    for (const digest of [manifests[0]?.digest as Digest, config, files[0]?.digest as Digest, sha256('elsewhere')]) {
      expect(() => parse(documentOf([digest]))).toThrow(refused(`leaves out ${digest}, which is no layer`));
    }
  });

  test('that is larger than is read', () => {
    const most = Buffer.alloc(MAX_PARTIAL_BYTES, ' ');
    expect(MAX_PARTIAL_BYTES).toBe(16 * 1024 * 1024);
    expect(() => parsePartial(most, inventory)).not.toThrow(/longer than/);
    expect(() => parsePartial(Buffer.concat([most, Buffer.from(' ')]), inventory)).toThrow(
      /longer than 16777216 bytes/,
    );
  });
});
