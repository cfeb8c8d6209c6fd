/** Tags that move are named with what they named before, and so are those that move back. */
import { describe, expect, test } from 'vitest';
import { discoverImage, mergeGraphs } from '../../src/content/graph-walk.ts';
import { assess } from '../../src/content/assess.ts';
import { planCopy, type PendingCopy } from '../../src/content/plan.ts';
import { findTagMoves } from '../../src/content/tag-moves.ts';
import type { FetchOptions } from '../../src/content/store.ts';
import type { Bytes } from '../../src/base/bytes.ts';
import { bytesOf } from '../../src/content/verified.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { sha256 } from '../../src/oci/digest.ts';
import { MemoryStore } from '../../src/stores/memory.ts';

const TYPE = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';

interface Made {
  readonly root: Descriptor;
  readonly all: readonly { readonly descriptor: Descriptor; readonly bytes: Buffer }[];
}

function made(mediaType: string, json: object): { readonly descriptor: Descriptor; readonly bytes: Buffer } {
  const bytes = Buffer.from(JSON.stringify(json));
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes };
}

/** An image that says when it was made, or says nothing; `inIndex` puts it into one. */
function imageOf(created: unknown, inIndex = false): Made {
  const config = made(CONFIG, {
    os: 'linux',
    architecture: 'amd64',
    created,
    rootfs: { type: 'layers', diff_ids: [] },
  });
  const manifest = made(TYPE, { schemaVersion: 2, mediaType: TYPE, config: config.descriptor, layers: [] });
  if (!inIndex) return { root: manifest.descriptor, all: [config, manifest] };
  const index = 'application/vnd.oci.image.index.v1+json';
  const platform = { os: 'linux', architecture: 'amd64' };
  const root = made(index, { schemaVersion: 2, mediaType: index, manifests: [{ ...manifest.descriptor, platform }] });
  return { root: root.descriptor, all: [config, manifest, root] };
}

async function fill(store: MemoryStore, { root, all }: Made): Promise<void> {
  for (const { descriptor, bytes } of all) await store.push(descriptor, bytesOf(bytes));
  await store.tag(root, '1');
}

async function pendingOf(next: Made, target: MemoryStore): Promise<PendingCopy> {
  const source = new MemoryStore('source');
  await fill(source, next);
  const part = await discoverImage(source, next.root, { platforms: 'all', reference: 'app' });
  const plan = planCopy(mergeGraphs([], [part]), [{ digest: next.root.digest, source, target, tag: '1' }]);
  return await assess(plan, { concurrency: 1 });
}

const OLD = '2025-01-01T00:00:00Z';
const NEW = '2026-01-01T00:00:00Z';

describe('a tag that moves', () => {
  test.each([
    ['forward', OLD, NEW, false, false],
    ['back', NEW, OLD, true, false],
    ['back, as an index', NEW, OLD, true, true],
    ['from one that says no time', undefined, OLD, false, false],
    ['to one that says no time', NEW, 7, false, false],
    ['to one of the epoch', NEW, '1970-01-01T00:00:00Z', false, false],
  ])('%s', async (_, before, after, isDowngrade, inIndex) => {
    const target = new MemoryStore('registry.internal/app');
    const [previous, next] = [imageOf(before, inIndex), imageOf(after, inIndex)];
    await fill(target, previous);
    expect(await findTagMoves(await pendingOf(next, target))).toMatchObject([
      { name: 'registry.internal/app:1', digest: next.root.digest, previous: previous.root.digest, isDowngrade },
    ]);
  });

  test('is named even where the target does not give what the tag named', async () => {
    const target = new (class extends MemoryStore {
      override fetch(_: Descriptor, __?: FetchOptions): Bytes {
        throw new Error('unreadable');
      }
    })('registry.internal/app');
    await fill(target, imageOf(NEW));
    expect(await findTagMoves(await pendingOf(imageOf(OLD), target))).toMatchObject([
      { name: 'registry.internal/app:1', isDowngrade: false },
    ]);
  });
});

test('a tag that is new, or that stays, does not move', async () => {
  const target = new MemoryStore('registry.internal/app');
  expect(await findTagMoves(await pendingOf(imageOf(NEW), target))).toEqual([]);
  await fill(target, imageOf(NEW));
  expect(await findTagMoves(await pendingOf(imageOf(NEW), target))).toEqual([]);
});
