/** Vectors of deltas: of the small release, without its one layer, and what is no delta of it. */
import { layoutArchive, type ArchiveLayout } from '../../src/archive/layout/archive-layout.ts';
import { layoutDelta } from '../../src/archive/partial/delta-layout.ts';
import type { PartialDocument } from '../../src/archive/partial/partial-document.ts';
import { encodeHeader, paddingOf } from '../../src/base/tar/ustar.ts';
import { sha256, type Digest } from '../../src/oci/digest.ts';
import { arrange, build, makeDraft, type Draft } from './material.ts';
import type { Recipe } from './recipes.ts';

const LAYER = sha256('layer');
const EARLIER = { name: 'sample', version: '0.9.0', inventory: sha256('an earlier release') };

/** A delta of the small release. */
async function delta(change: (omitted: readonly Digest[], draft: Draft) => PartialDocument): Promise<Buffer> {
  const draft = arrange(makeDraft());
  const full = await build(makeDraft());
  const fullLayout = layoutArchive(draft.inventory);
  const layout = layoutDelta(draft.inventory, change([LAYER], draft), fullLayout);
  const bytes = Buffer.alloc(layout.size);
  const opened = openOf(fullLayout).values();
  for (const segment of layout.segments) {
    if (segment.kind === 'framing') bytes.set(segment.bytes, segment.offset);
    else if (segment.kind === 'content')
      bytes.set(draft.contents.get(segment.digest) ?? Buffer.alloc(0), segment.offset); // prettier-ignore
    else {
      const from = opened.next().value ?? { offset: 0, length: 0 };
      bytes.set(full.subarray(from.offset, from.offset + from.length), segment.offset);
    }
  }
  return bytes;
}

function openOf({ segments }: ArchiveLayout): readonly { readonly offset: number; readonly length: number }[] {
  return segments.flatMap((segment) => (segment.kind === 'checksums' || segment.kind === 'slot' ? segment : []));
}

/** `partial.json` with these digests left out in the name of one base. */
const leaving = (omitted: readonly Digest[], base = EARLIER): PartialDocument => ({
  formatVersion: 1,
  bases: [{ ...base, omitted: [...omitted] }],
});

/** The good delta with another text for `partial.json`. */
const respelled = (change: (text: string) => string) => async (): Promise<Buffer> => {
  const good = await delta((omitted) => leaving(omitted));
  const size = Number.parseInt(good.toString('latin1', 124, 136), 8);
  const text = Buffer.from(change(good.toString('utf8', 512, 512 + size)));
  const mtime = Number.parseInt(good.toString('latin1', 136, 148), 8);
  const header = encodeHeader({ path: 'partial.json', size: text.length, mtime });
  const rest = good.subarray(512 + size + paddingOf(size));
  return Buffer.concat([header, text, Buffer.alloc(paddingOf(text.length)), rest]);
};

const manifestOf = ({ inventory }: Draft): Digest => inventory.manifests.find(({ config }) => config !== undefined)?.digest as Digest; // prettier-ignore

/** Accepted are those whose every byte is what the release and `partial.json` say. */
export function deltaRecipes(): readonly Recipe[] {
  return [
    ['a delta', '12', 'accept', () => delta((omitted) => leaving(omitted))],
    ['a delta that leaves nothing out', '12', 'accept', () => delta(() => ({ formatVersion: 1, bases: [] }))],
    ['a delta that leaves a manifest out', '12', 'refuse', () => delta((omitted, draft) => leaving([...omitted, manifestOf(draft)].sort()))],
    ['a delta that leaves a config out', '12', 'refuse', () => delta((omitted, { inventory }) => leaving([...omitted, inventory.manifests.find(({ config }) => config !== undefined)?.config as Digest].sort()))],
    ['a delta that leaves a file out', '12', 'refuse', () => delta((omitted, { inventory }) => leaving([...omitted, inventory.files[0]?.digest as Digest].sort()))],
    ['a delta that leaves out what the release does not have', '12', 'refuse', () => delta((omitted) => leaving([...omitted, sha256('x')].sort()))],
    ['a delta that leaves a layer out for two bases', '12', 'refuse', () => delta((omitted) => ({ formatVersion: 1, bases: [...leaving(omitted).bases, ...leaving(omitted, { ...EARLIER, inventory: sha256('another') }).bases].sort((a, b) => (a.inventory < b.inventory ? -1 : 1)) }))],
    ['a delta with a base that has nothing', '12', 'refuse', respelled((text) => text.replace(/\[\n {4}"sha256.*\n {3}\]/, '[]'))],
    ['a delta with other spaces', '12', 'refuse', respelled((text) => text.replace(': 1,', ':  1,'))],
    ['a delta with a key that nothing knows', '12', 'refuse', respelled((text) => text.replace(' "bases"', ' "extra": 1,\n "bases"'))],
    ['a delta of another version', '12', 'refuse', respelled((text) => text.replace('"formatVersion": 1', '"formatVersion": 2'))],
    ['a delta that does not carry what it does not leave out', '12', 'refuse', respelled(() => '{\n "formatVersion": 1,\n "bases": []\n}\n')],
    ['a full archive with a list of what is left out', '12', 'refuse', async () => Buffer.concat([(await delta((omitted) => leaving(omitted))).subarray(0, 1024), await build(makeDraft())])],
  ]; // prettier-ignore
}
