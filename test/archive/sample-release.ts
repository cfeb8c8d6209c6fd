/** A small real release for the tests of the archive: its inventory and a store that holds all of its content. */
import { readFileSync } from 'node:fs';
import { layoutArchive, type Member } from '../../src/archive/layout/archive-layout.ts';
import { openArchiveWriter, type ArchiveWriter, type FillSlots } from '../../src/archive/writer/writer.ts';
import { copy } from '../../src/content/copy.ts';
import { platformsOf } from '../../src/content/graph-platforms.ts';
import { EvidenceFinder } from '../../src/content/evidence-finder.ts';
import { discoverImage, mergeGraphs, reachableFrom, type GraphPart } from '../../src/content/graph-walk.ts';
import { assess } from '../../src/content/assess.ts';
import { planCopy } from '../../src/content/plan.ts';
import { bytesOf } from '../../src/content/verified.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { sha256, type Digest } from '../../src/oci/digest.ts';
import type { GraphImage } from '../../src/content/content-graph.ts';
import type { Inventory } from '../../src/archive/inventory/inventory-schema.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import {
  contentOf,
  makeArtifact,
  makeImage,
  makeMultiPlatformImage,
  type SampleNode,
} from '../helpers/sample-image.ts';
import { asDockerLayer, makeLayer, noise, type SampleLayer } from '../helpers/sample-layer.ts';

export const SLOT_BYTES = 1024;
/** What a slot holds before anybody signed. */
export const EMPTY_SLOT: Buffer = Buffer.from(`${' '.repeat(SLOT_BYTES - 1)}\n`);
export const fillEmpty: FillSlots = async () => [EMPTY_SLOT, EMPTY_SLOT];

/** A release and its content. */
export interface SampleRelease {
  readonly inventory: Inventory;
  readonly store: MemoryStore;
  /** Manifests, blobs and files, each once. */
  readonly contents: ReadonlyMap<Digest, { readonly descriptor: Descriptor; readonly bytes: Buffer }>;
}

/** The images of {@link makeRelease} unless it is told others: shared layers, an attestation, an artifact, a digest. */
export function sampleImages(): Readonly<Record<string, SampleNode>> {
  const files = { 'etc/os-release': 'ID=sample\n', 'etc/noise': noise('base', 9_000) };
  const base = makeLayer(files);
  const dockerBase = asDockerLayer(base);
  const app = makeMultiPlatformImage({ name: 'app', base, attestations: true });
  return {
    'registry.example/team/app:1.0': app,
    'registry.example/team/web:2.0': makeMultiPlatformImage({ name: 'web', base: dockerBase, format: 'docker' }),
    'registry.example/team/tool:3': makeImage({ platform: 'linux/arm64', layers: [base] }),
    [`registry.example/team/pinned@${app.descriptor.digest}`]: app,
    'registry.example/charts/app:1.0': makeArtifact('application/vnd.sample', 'an artifact'),
  };
}

/** Options of {@link makeRelease}. */
export interface SampleReleaseOptions {
  readonly images?: Readonly<Record<string, SampleNode>>;
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly platforms?: readonly string[] | 'all';
  readonly version?: string;
  /** What stands beside the images; where given, evidence is looked for. */
  readonly evidence?: readonly { readonly node: SampleNode; readonly tag?: string }[];
}

/** For an index: a signature under cosign's tag, a referrer, one for a child, and one for that referrer. */
export function sampleEvidence(subject: SampleNode): NonNullable<SampleReleaseOptions['evidence']> {
  const sbom = makeArtifact('application/spdx+json', 'a bill of materials', { subject });
  return [
    { node: makeImage({ platform: 'linux/s390x' }), tag: `${subject.descriptor.digest.replace(':', '-')}.sig` },
    { node: sbom },
    {
      node: makeArtifact('application/vnd.cncf.notary.signature', 'of a child', {
        subject: subject.children[0] ?? sbom,
      }),
    },
    { node: makeArtifact('application/vnd.cncf.notary.signature', 'of the bill', { subject: sbom }) },
  ];
}

export async function makeRelease(options: SampleReleaseOptions = {}): Promise<SampleRelease> {
  const nodes = options.images ?? sampleImages();
  const files = options.files ?? {
    'docs/empty.txt': '',
    'docs/readme.txt': 'read me\n',
    'install/run.sh': '#!/bin/sh\nexit 0\n',
  };
  const store = new MemoryStore('sample');
  const contents = new Map<Digest, { descriptor: Descriptor; bytes: Buffer }>();
  const images: GraphImage[] = [];
  const parts: GraphPart[] = [];
  for (const [reference, node] of Object.entries(nodes)) {
    for (const [digest, { descriptor, bytes }] of contentOf(node)) contents.set(digest, { descriptor, bytes });
    for (const { descriptor, bytes } of contentOf(node).values()) await store.push(descriptor, bytesOf(bytes));
    const { indexMode, platform, ...part } = await discoverImage(store, withoutPlatform(node.descriptor), {
      platforms: options.platforms ?? 'all',
      reference,
    });
    images.push({
      reference,
      digest: node.descriptor.digest,
      ...(platform === undefined ? {} : { platform }),
      ...(indexMode === undefined ? {} : { indexMode }),
    });
    parts.push(part);
  }
  const fileEntries = Object.entries(files).map(([path, text]) => {
    const bytes = Buffer.from(text);
    const descriptor = { mediaType: 'application/octet-stream', digest: sha256(bytes), size: bytes.length };
    contents.set(descriptor.digest, { descriptor, bytes });
    return { path, size: bytes.length, digest: descriptor.digest };
  });
  if (options.evidence !== undefined) {
    for (const { node, tag } of options.evidence) {
      for (const { descriptor, bytes } of contentOf(node).values()) {
        contents.set(descriptor.digest, { descriptor, bytes });
        await store.push(descriptor, bytesOf(bytes));
      }
      if (tag !== undefined) await store.tag(node.descriptor, tag);
    }
    const finder = new EvidenceFinder(new Map());
    for (const [index, image] of images.entries()) {
      const own = reachableFrom(mergeGraphs([], parts), [image.digest]).manifests.map(({ digest }) => digest);
      const found = await finder.find(store, own, image.reference);
      if (found === undefined) throw new Error('the store keeps no evidence');
      images[index] = { ...image, evidence: [...found.evidence] };
      parts.push(found);
    }
  }
  const graph = mergeGraphs(images, parts);
  const inventory: Inventory = {
    formatVersion: 1,
    name: 'sample',
    version: options.version ?? '1.0.0',
    channel: 'stable',
    created: '2024-05-06T07:08:09Z',
    platforms: [...platformsOf(graph)],
    components: [
      {
        name: 'Sample',
        images: images.map(({ reference }) => reference).sort(),
        files: fileEntries.map(({ path }) => path).sort(),
      },
    ],
    files: fileEntries.sort((a, b) => (a.path < b.path ? -1 : 1)),
    slots: [1, 2].map((number) => ({ path: `signatures/${number}.sigstore.json`, size: SLOT_BYTES })),
    ...graph,
  };
  for (const { descriptor, bytes } of contents.values()) {
    if (!(await store.exists(descriptor))) await store.push(descriptor, bytesOf(bytes));
  }
  return { inventory, store, contents };
}

/** Descriptors of everything that an archive of the inventory holds, files included, each once. */
export function descriptorsOf(inventory: Inventory): readonly Descriptor[] {
  const all = [...inventory.manifests, ...inventory.blobs, ...inventory.files];
  const mediaType = 'application/octet-stream';
  return [...new Map(all.map(({ digest, size }) => [digest, { mediaType, digest, size }])).values()];
}

/** Pushes whatever the writer lacks and finishes the archive. */
export async function fillAndFinish(writer: ArchiveWriter, { inventory, store }: SampleRelease): Promise<Digest> {
  for (const descriptor of descriptorsOf(inventory)) {
    if (await writer.exists(descriptor)) continue;
    const offset = await writer.heldBytes(descriptor);
    await writer.push(descriptor, store.fetch(descriptor, { offset }));
  }
  return writer.finish(fillEmpty);
}

/** Writes the archive of a release through the copy engine. */
export async function writeArchive(path: string, release: SampleRelease): Promise<Buffer> {
  const { inventory, store } = release;
  await using writer = await openArchiveWriter(path, inventory);
  const routes = inventory.images.map(({ reference, digest }) => ({
    digest,
    source: store,
    target: writer,
    tag: reference,
  }));
  await copy(await assess(planCopy(inventory, routes), { concurrency: 2 }));
  await fillAndFinish(writer, release);
  return readFileSync(path);
}

/** A member of the archive of this inventory. */
export function memberOf(inventory: Inventory, path: string): Member {
  const member = layoutArchive(inventory).members.find((entry) => entry.path === path);
  if (member === undefined) throw new Error(`no member ${path}`);
  return member;
}

/** A layer that barely compresses, of about this size. */
export function makeLargeLayer(size: number, seed: string): SampleLayer {
  return makeLayer({ [`data/${seed}`]: noise(seed, size) }, { compression: 'none' });
}

function withoutPlatform({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
