/** Plans: each piece once, in an order that never leaves a manifest without what it names, held against what is there. */
import { describe, expect, test } from 'vitest';
import { discoverImage, mergeGraphs } from '../../src/content/graph-walk.ts';
import { assess } from '../../src/content/assess.ts';
import { isComplete, pendingBytes, planCopy, type Route } from '../../src/content/plan.ts';
import { bytesOf } from '../../src/content/verified.ts';
import type { ContentGraph } from '../../src/content/content-graph.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import {
  contentOf,
  makeIndex,
  makeMultiPlatformImage,
  unknownDigest,
  type SampleNode,
} from '../helpers/sample-image.ts';
import { allOf } from '../helpers/all-of.ts';
import { makeLayer } from '../helpers/sample-layer.ts';
import { RecordingStore } from './recording-store.ts';

const base = makeLayer({ 'etc/os-release': 'ID=sample\n', 'etc/large': 'x'.repeat(9_000) });
const app = makeMultiPlatformImage({ name: 'app', base, attestations: true });
const outer = makeIndex([makeMultiPlatformImage({ name: 'inner', base })]);

async function graphOf(store: MemoryStore, nodes: readonly SampleNode[]): Promise<ContentGraph> {
  const parts = [];
  for (const { descriptor } of nodes)
    parts.push(await discoverImage(store, descriptor, { platforms: 'all', reference: 'r' }));
  return mergeGraphs(
    nodes.map(({ descriptor }, index) => ({ reference: `r.example/${index}:1`, digest: descriptor.digest })),
    parts,
  );
}

async function fill(store: MemoryStore, ...nodes: readonly SampleNode[]): Promise<void> {
  for (const node of nodes) {
    for (const { descriptor, bytes } of contentOf(node).values())
      await MemoryStore.prototype.push.call(store, descriptor, bytesOf(bytes));
  }
}

async function prepare(...targets: readonly MemoryStore[]): Promise<{ graph: ContentGraph; routes: Route[] }> {
  const source = new MemoryStore('source');
  await fill(source, app, outer);
  const routes = targets.map((target, index) => ({
    digest: (index === 0 ? app : outer).descriptor.digest,
    source,
    target,
    tag: '1',
  }));
  return { graph: await graphOf(source, [app, outer]), routes };
}

describe('a plan', () => {
  test('has each piece once, with every target that needs it', async () => {
    const [one, two] = [new MemoryStore('one'), new MemoryStore('two')];
    const { graph, routes } = await prepare(one, two);
    const plan = planCopy(graph, routes);
    const digests = [...plan.blobs, ...plan.manifests].map(({ descriptor }) => descriptor.digest);
    expect(digests.sort()).toEqual([...new Set([...contentOf(app).keys(), ...contentOf(outer).keys()])].sort());
    const shared = plan.blobs.find(({ descriptor }) => descriptor.digest === base.descriptor.digest);
    expect(shared?.targets).toEqual([one, two]);
    for (const { descriptor, targets } of plan.blobs) {
      const wanted = [app, outer].map((node) => contentOf(node).has(descriptor.digest));
      expect([targets.includes(one), targets.includes(two)]).toEqual(wanted);
    }
    expect(plan.tags.map(({ target, tag, descriptor }) => [target, tag, descriptor.digest])).toEqual([
      [one, '1', app.descriptor.digest],
      [two, '1', outer.descriptor.digest],
    ]);
  });

  test('brings large blobs first, and manifests by level', async () => {
    const { graph, routes } = await prepare(new MemoryStore('one'), new MemoryStore('two'));
    const { blobs, manifests } = planCopy(graph, routes);
    const sizes = blobs.map(({ descriptor }) => descriptor.size);
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    const levels = new Map(manifests.map(({ descriptor, level }) => [descriptor.digest, level]));
    for (const { digest, manifests: children = [] } of graph.manifests) {
      const expected =
        children.length === 0 ? 0 : 1 + Math.max(...children.map((child) => levels.get(child.digest) ?? -1));
      expect(levels.get(digest)).toBe(expected);
    }
    expect(levels.get(outer.descriptor.digest)).toBe(2);
  });

  test('of one image under two tags in one place brings it once', async () => {
    const target = new MemoryStore('one');
    const { graph, routes } = await prepare(target);
    const plan = planCopy(graph, [...routes, { ...(routes[0] as Route), tag: '2' }]);
    expect(allOf(plan.manifests, ({ targets }) => targets.length === 1)).toBe(true);
    expect(plan.tags.map(({ tag }) => tag)).toEqual(['1', '2']);
  });

  test('without a tag makes nothing visible', async () => {
    const { graph, routes } = await prepare(new MemoryStore('one'));
    const plan = planCopy(graph, routes.map(({ tag: _, ...route }) => route)); // prettier-ignore
    expect(plan.tags).toEqual([]);
    expect(plan.manifests.length).toBeGreaterThan(0);
  });

  test('for what the graph does not have is a bug that shows', async () => {
    const { graph, routes } = await prepare(new MemoryStore('one'));
    const route: Route = { ...(routes[0] as Route), digest: unknownDigest() };
    expect(() => planCopy(graph, [route])).toThrow(RangeError);
  });
});

describe('assessing', () => {
  test('tells what is missing where, and changes nothing', async () => {
    const [one, two] = [new RecordingStore('one'), new RecordingStore('two')];
    const { graph, routes } = await prepare(one, two);
    await fill(two, app);
    const pending = await assess(planCopy(graph, routes), { concurrency: 3 });
    const shared = pending.blobs.find(({ transfer }) => transfer.descriptor.digest === base.descriptor.digest);
    expect(shared).toMatchObject({ missing: [one], present: [two] });
    expect(pending.tags.map(({ previous }) => previous)).toEqual([undefined, undefined]);
    expect(isComplete(pending)).toBe(false);
    const everything = new Map([...contentOf(app), ...contentOf(outer)]);
    const total = [...everything.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(pendingBytes(pending)).toBe(total);
    for (const { log } of [one, two]) expect(allOf(log, ({ verb }) => verb === 'exists')).toBe(true);
  });

  test('finds nothing to do where everything is in place under its name', async () => {
    const one = new RecordingStore('one');
    const { graph, routes } = await prepare(one);
    await fill(one, app);
    await MemoryStore.prototype.tag.call(one, app.descriptor, '1');
    const pending = await assess(planCopy(graph, routes), { concurrency: 2 });
    expect(isComplete(pending)).toBe(true);
    expect(pendingBytes(pending)).toBe(0);
  });

  test('tells what a tag names until then', async () => {
    const one = new RecordingStore('one');
    const { graph, routes } = await prepare(one);
    await fill(one, app, outer);
    await MemoryStore.prototype.tag.call(one, outer.descriptor, '1');
    const pending = await assess(planCopy(graph, routes), { concurrency: 2 });
    expect(pending.tags).toMatchObject([
      { previous: outer.descriptor.digest, assignment: { tag: '1', descriptor: { digest: app.descriptor.digest } } },
    ]);
    expect(isComplete(pending)).toBe(false);
    expect(pendingBytes(pending)).toBe(0);
  });

  test('asks no more at a time than it may, over all targets', async () => {
    let running = 0;
    let most = 0;
    const busy = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
    };
    const targets = Array.from({ length: 6 }, (_, index) => new RecordingStore(`store ${index}`, [], busy));
    const { graph, routes } = await prepare(...targets);
    await assess(planCopy(graph, routes), { concurrency: 3 });
    expect(most).toBe(3);
  });

  test('passes on the first failure, and has ended by then', async () => {
    let running = 0;
    const store = new RecordingStore('one', [], async ({ kind }) => {
      running++;
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
      if (kind === 'blob') throw new Error('unreachable');
    });
    const { graph, routes } = await prepare(store);
    await expect(assess(planCopy(graph, routes), { concurrency: 3 })).rejects.toThrow('unreachable');
    expect(running).toBe(0);
  });

  test('passes on what resolving a tag fails with, unless nothing is there', async () => {
    const failing = new (class extends MemoryStore {
      override async resolve(): Promise<never> {
        throw new Error('forbidden');
      }
    })('one');
    const { graph, routes } = await prepare(failing);
    await expect(assess(planCopy(graph, routes), { concurrency: 3 })).rejects.toThrow('forbidden');
  });

  test('stops when told to, tags included', async () => {
    const store = new RecordingStore('one');
    const { graph, routes } = await prepare(store);
    const plan = planCopy(graph, routes);
    const signal = AbortSignal.abort();
    await expect(assess(plan, { concurrency: 1, signal })).rejects.toMatchObject({ name: 'AbortError' });
    await expect(assess({ ...plan, blobs: [], manifests: [] }, { concurrency: 1, signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(store.log).toEqual([]);
  });

  describe('a target that takes a manifest only with its blobs', () => {
    class Whole extends RecordingStore {
      readonly holdsWhole = true;
    }
    const prepareWhole = async (): Promise<{ store: Whole; graph: ContentGraph; routes: Route[] }> => {
      const store = new Whole('one');
      return { store, ...(await prepare(store)) };
    };
    const asked = ({ log }: RecordingStore): readonly string[] => log.map(({ digest }) => digest).sort();
    const children = app.children.map(({ descriptor }) => descriptor.digest);

    test('is asked for its tag and the children of the index, and for all where it is not trusted', async () => {
      const { store, graph, routes } = await prepareWhole();
      await fill(store, app);
      await MemoryStore.prototype.tag.call(store, app.descriptor, '1');
      const pending = await assess(planCopy(graph, routes), { concurrency: 2 });
      expect(isComplete(pending)).toBe(true);
      // A memory looks its tag's manifest up by itself.
      expect(asked(store)).toEqual([app.descriptor.digest, ...children].sort());
      store.log.length = 0;
      await assess(planCopy(graph, routes), { concurrency: 2, thorough: true });
      expect(new Set(asked(store))).toEqual(new Set(contentOf(app).keys()));
    });

    test('may have an index without one of its children: that one is missing', async () => {
      const { store, graph, routes } = await prepareWhole();
      const [lacking] = app.children as readonly [SampleNode];
      const kept = new Map([...contentOf(app)].filter(([digest]) => digest !== lacking.descriptor.digest));
      for (const { descriptor, bytes } of kept.values())
        await MemoryStore.prototype.push.call(store, descriptor, bytesOf(bytes));
      await MemoryStore.prototype.tag.call(store, app.descriptor, '1');
      const pending = await assess(planCopy(graph, routes), { concurrency: 2 });
      const missing = pending.manifests.filter((entry) => entry.missing.length > 0);
      expect(missing.map(({ transfer }) => transfer.descriptor.digest)).toEqual([lacking.descriptor.digest]);
      const blobs = pending.blobs.filter((entry) => entry.missing.length > 0);
      expect(blobs.map(({ transfer }) => transfer.descriptor.digest)).toEqual([]);
    });

    test('is asked for everything while nothing is there', async () => {
      const { store, graph, routes } = await prepareWhole();
      await assess(planCopy(graph, routes), { concurrency: 2 });
      expect(asked(store)).toEqual([...contentOf(app).keys()].sort());
    });
  });
});
