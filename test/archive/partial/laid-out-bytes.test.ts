/** A stretch of an archive is put together byte for byte, and never out of half a piece of content. */
import { beforeAll, expect, test } from 'vitest';
import { layoutArchive, type ArchiveLayout, type ContentSegment } from '../../../src/archive/layout/archive-layout.ts';
import { laidOutBytes, type LaidOutContent } from '../../../src/archive/partial/laid-out-bytes.ts';
import { bytesOf, collect } from '../../../src/content/verified.ts';
import { contentsOf } from '../forge.ts';
import { makeRelease, type SampleRelease } from '../sample-release.ts';

let release: SampleRelease;
let layout: ArchiveLayout;
let content: LaidOutContent;
let whole: Buffer;
let fetched: ContentSegment[];

beforeAll(async () => {
  release = await makeRelease();
  layout = layoutArchive(release.inventory);
  const contents = contentsOf(release);
  content = {
    fetch: (segment) => {
      fetched.push(segment);
      return bytesOf(contents.get(segment.digest) ?? Buffer.alloc(0));
    },
    open: (segment) => Buffer.alloc(segment.length, 'o'),
  };
  fetched = [];
  whole = await collect(laidOutBytes(layout, { offset: 0, size: layout.size }, content));
});

const stretch = async (offset: number, end: number): Promise<Buffer> => {
  fetched = [];
  return await collect(laidOutBytes(layout, { offset, size: end - offset }, content));
};

test('the whole has the size of the archive, and each piece stands in its place', () => {
  expect(whole.length).toBe(layout.size);
  const contents = contentsOf(release);
  for (const segment of layout.segments) {
    const bytes = whole.subarray(segment.offset, segment.offset + (segment.kind === 'framing' ? segment.bytes.length : segment.length)); // prettier-ignore
    if (segment.kind === 'framing') expect(bytes.equals(segment.bytes)).toBe(true);
    else if (segment.kind === 'content') expect(bytes.equals(contents.get(segment.digest) as Buffer)).toBe(true);
    else expect(bytes).toEqual(Buffer.alloc(segment.length, 'o'));
  }
});

test('a stretch from edge to edge is that piece alone, and asks for no other', async () => {
  for (const segment of layout.segments) {
    const end = segment.offset + (segment.kind === 'framing' ? segment.bytes.length : segment.length);
    expect((await stretch(segment.offset, end)).equals(whole.subarray(segment.offset, end))).toBe(true);
    expect(fetched).toEqual(segment.kind === 'content' ? [segment] : []);
  }
});

test('framing may be cut anywhere', async () => {
  const framing = layout.segments.filter((segment) => segment.kind === 'framing' && segment.bytes.length > 2);
  expect(framing.length).toBeGreaterThan(3);
  for (const { offset } of framing) {
    expect((await stretch(offset + 1, offset + 2)).equals(whole.subarray(offset + 1, offset + 2))).toBe(true);
  }
});

test('content that is cut at its beginning or end is an error, and so is what the signature fills', async () => {
  const filled = layout.segments.flatMap((each) => (each.kind === 'framing' || each.length < 2 ? [] : [each]));
  expect(new Set(filled.map(({ kind }) => kind)).size).toBeGreaterThan(1);
  for (const { offset, length } of filled) {
    await expect(stretch(offset + 1, offset + length)).rejects.toThrow('ends within content');
    await expect(stretch(offset, offset + length - 1)).rejects.toThrow('ends within content');
  }
});
