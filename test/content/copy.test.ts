/** The copy engine: each byte once, nothing visible too early, and safe to run again after anything. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { copy, type CopyEvent, type CopyOptions, type CopyResult } from '../../src/content/copy.ts';
import { discoverImage, mergeGraphs } from '../../src/content/graph-walk.ts';
import { assess } from '../../src/content/assess.ts';
import { isComplete, planCopy, type Route, type Substitutes } from '../../src/content/plan.ts';
import type { Bytes } from '../../src/base/bytes.ts';
import type { CallOptions, FetchOptions, PushOptions, Source, Target } from '../../src/content/store.ts';
import { bytesOf } from '../../src/content/verified.ts';
import { RegistryError } from '../../src/errors.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { sha256, type Digest } from '../../src/oci/digest.ts';
import { MediaType } from '../../src/oci/media-types.ts';
import type { ContentGraph } from '../../src/content/content-graph.ts';
import { KnownSource } from '../../src/content/known-source.ts';
import { FileSource } from '../../src/stores/files.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import {
  contentOf as piecesOf,
  makeArtifact,
  makeImage,
  makeIndex,
  makeMultiPlatformImage,
  type SampleNode,
} from '../helpers/sample-image.ts';
import { allOf } from '../helpers/all-of.ts';
import { makeLayer, noise } from '../helpers/sample-layer.ts';
import {
  contentOf,
  MountingStore,
  RecordingStore,
  registryError,
  ResumingStore,
  type Entry,
} from './recording-store.ts';

const ARCHITECTURES = ['386', 'amd64', 'arm64', 'mips64le', 'ppc64le', 'riscv64', 's390x', 'loong64'] as const;
const retry = { tries: 4, baseMs: 1, maxMs: 2 };
const base = makeLayer({ 'etc/noise': noise('copy', 30_000) });
const app = makeMultiPlatformImage({ name: 'app', base, attestations: true });
const web = makeMultiPlatformImage({ name: 'web', base });
let graph: ContentGraph;
let source: RecordingStore;
/** Of the source and of targets that share it. */
let log: Entry[];

async function fill(store: MemoryStore, ...nodes: readonly SampleNode[]): Promise<void> {
  for (const node of nodes) {
    for (const { descriptor, bytes } of piecesOf(node).values())
      await MemoryStore.prototype.push.call(store, descriptor, bytesOf(bytes));
  }
}

beforeAll(async () => {
  const store = new MemoryStore();
  await fill(store, app, web);
  const parts = [];
  for (const { descriptor } of [app, web])
    parts.push(await discoverImage(store, descriptor, { platforms: 'all', reference: 'r' }));
  graph = mergeGraphs([], parts);
});

beforeEach(async () => {
  log = [];
  source = new RecordingStore('source', log);
  await fill(source, app, web);
});

function route(node: SampleNode, target: Target, tag = '1', from: Source = source): Route {
  return { digest: node.descriptor.digest, source: from, target, tag };
}

async function run(
  routes: readonly Route[],
  options: CopyOptions = {},
  substitutes?: Substitutes,
): Promise<CopyResult> {
  return copy(await assess(planCopy(graph, routes, substitutes), { concurrency: 4 }), { retry, ...options });
}

async function expectComplete(store: MemoryStore, node: SampleNode): Promise<void> {
  for (const { descriptor, bytes } of piecesOf(node).values())
    expect((await contentOf(store, descriptor)).equals(bytes)).toBe(true);
}

function fetchesOf(digest: Digest): number {
  return log.filter((entry) => entry.store === 'source' && entry.verb === 'fetch' && entry.digest === digest).length;
}

function sizeOf(...nodes: readonly SampleNode[]): number {
  const pieces = new Map(nodes.flatMap((node) => [...piecesOf(node)]));
  return [...pieces.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
}

describe('a copy', () => {
  test('has as many transfers under way as a store has use for, seen through any view, or as the caller allows', async () => {
    const most = async (options: CopyOptions, isView = false): Promise<number> => {
      let [running, highest] = [0, 0];
      const busy = async (): Promise<void> => {
        highest = Math.max(highest, ++running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
      };
      const many = makeMultiPlatformImage({
        name: 'many',
        base,
        platforms: ARCHITECTURES.map((name) => `linux/${name}`),
      });
      const from = Object.assign(new RecordingStore('source'), { transfersAtOnce: 9 });
      await fill(from, many);
      const found = await discoverImage(from, many.descriptor, { platforms: 'all', reference: 'r' });
      const graphOfMany = mergeGraphs([{ reference: 'r.example/many:1', digest: many.descriptor.digest }], [found]);
      const target = new RecordingStore('target', [], ({ verb }) => (verb === 'push' ? busy() : undefined));
      const source = isView ? new KnownSource(from, new Map()) : from;
      const plan = planCopy(graphOfMany, [{ digest: many.descriptor.digest, source, target, tag: '1' }]);
      await copy(await assess(plan, { concurrency: 1 }), { retry, ...options });
      return highest;
    };
    expect([await most({}), await most({}, true), await most({ concurrency: 2 })]).toEqual([9, 9, 2]);
  });

  test('brings everything, in the one order that leaves nothing dangling', async () => {
    const target = new RecordingStore('target', log);
    const result = await run([route(app, target)]);
    await expectComplete(target, app);
    expect((await target.resolve('1')).digest).toBe(app.descriptor.digest);
    const pieces = piecesOf(app).size;
    expect(result).toEqual({
      copiedBytes: sizeOf(app),
      copied: pieces,
      mounted: 0,
      tagged: 1,
      substituted: [],
      refused: [],
    });
    const writes = log.filter(({ store, verb }) => store === 'target' && verb !== 'exists');
    const kinds = writes.map(({ verb, kind }) => (verb === 'push' ? kind : verb));
    expect(kinds.lastIndexOf('blob')).toBeLessThan(kinds.indexOf('manifest'));
    expect(kinds.indexOf('tag')).toBe(kinds.length - 1);
    expect(writes.at(-2)?.digest).toBe(app.descriptor.digest);
  });

  test('done again finds nothing to do', async () => {
    const target = new RecordingStore('target');
    await run([route(app, target)]);
    log.length = 0;
    target.log.length = 0;
    const pending = await assess(planCopy(graph, [route(app, target)]), { concurrency: 4 });
    expect(isComplete(pending)).toBe(true);
    expect(await copy(pending)).toEqual({
      copiedBytes: 0,
      copied: 0,
      mounted: 0,
      tagged: 0,
      substituted: [],
      refused: [],
    });
    expect(log).toEqual([]);
    expect(allOf(target.log, ({ verb }) => verb === 'exists')).toBe(true);
  });

  test('tells what happens, byte for byte', async () => {
    const target = new RecordingStore('target');
    const events: CopyEvent[] = [];
    const result = await run([route(app, target)], { onEvent: (event) => events.push(event) });
    const progress = events.reduce((sum, event) => sum + (event.type === 'progress' ? event.bytes : 0), 0);
    expect(progress).toBe(result.copiedBytes);
    for (const type of ['started', 'copied'] as const) {
      expect(events.filter((event) => event.type === type)).toHaveLength(result.copied);
    }
    expect(events.at(-1)).toMatchObject({ type: 'tagged', tag: '1', target: 'target' });
  });

  test('keeps to its concurrency', async () => {
    let running = 0;
    let most = 0;
    const busy = async ({ verb }: Entry): Promise<void> => {
      if (verb !== 'push') return;
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 3));
      running--;
    };
    await run([route(app, new RecordingStore('target', [], busy)), route(web, new RecordingStore('other', [], busy))], {
      concurrency: 3,
    });
    expect(most).toBe(3);
  });
});

describe('several targets', () => {
  test('of one scope get a shared blob by mount, so that it is fetched once', async () => {
    const targets = [1, 2, 3, 4].map((number) => new MountingStore(`repository ${number}`, log));
    const result = await run(targets.map((target) => route(app, target)));
    for (const target of targets) await expectComplete(target, app);
    const blobs = [...piecesOf(app).values()].filter(({ descriptor }) =>
      log.some((entry) => entry.kind === 'blob' && entry.digest === descriptor.digest),
    );
    expect(result.mounted).toBe(blobs.length * 3);
    for (const { descriptor } of blobs) expect(fetchesOf(descriptor.digest)).toBe(1);
  });

  test('that hold a blob already give it to the others', async () => {
    const holder = new MountingStore('holder', log);
    await fill(holder, app);
    const target = new MountingStore('target', log);
    const result = await run([route(app, holder), route(app, target)]);
    expect(log.filter(({ store, verb, kind }) => store === 'source' && verb === 'fetch' && kind === 'blob')).toEqual(
      [],
    );
    expect(result.mounted).toBeGreaterThan(0);
    await expectComplete(target, app);
  });

  test('that decline to mount get the bytes', async () => {
    const [first, second] = [new MountingStore('first', log), new MountingStore('second', log)];
    second.declines = true;
    const result = await run([route(app, first), route(app, second)]);
    expect(result.mounted).toBe(0);
    expect(fetchesOf(base.descriptor.digest)).toBe(2);
    await expectComplete(second, app);
  });

  test('of different scopes do not mount from each other', async () => {
    const first = new MountingStore('first', log);
    const second = new (class extends MountingStore {
      override readonly mountScope = 'other.example';
    })('second', log);
    await run([route(app, first), route(app, second)]);
    expect(log.filter(({ verb }) => verb === 'mount')).toEqual([]);
    await expectComplete(second, app);
  });

  test('whose mount fails for a moment are asked again', async () => {
    let failures = 0;
    const second = new MountingStore('second', log, ({ verb }) => {
      if (verb === 'mount' && failures++ < 2) throw registryError(503);
    });
    const result = await run([route(app, new MountingStore('first', log)), route(app, second)], { concurrency: 1 });
    expect(failures).toBeGreaterThan(2);
    expect(result.mounted).toBeGreaterThan(0);
    await expectComplete(second, app);
  });

  test('get shared content once each, and all their tags last', async () => {
    const [one, two] = [new RecordingStore('one', log), new RecordingStore('two', log)];
    await run([route(app, one), route(web, one, '2'), route(web, two)]);
    expect(
      log.filter(({ store, verb, digest }) => store === 'one' && verb === 'push' && digest === base.descriptor.digest),
    ).toHaveLength(1);
    const writes = log.filter(({ verb }) => verb === 'push' || verb === 'tag');
    expect(writes.map(({ verb }) => verb).indexOf('tag')).toBe(writes.length - 3);
  });
});

describe('failures', () => {
  test('that may pass are tried again, with a fresh stream', async () => {
    const failed = new Set<Digest>();
    const target = new RecordingStore('target', log, ({ verb, digest }) => {
      if (verb !== 'push' || failed.has(digest)) return;
      failed.add(digest);
      throw registryError(503);
    });
    const retried: CopyEvent[] = [];
    await run([route(app, target)], { onEvent: (event) => void (event.type === 'retrying' && retried.push(event)) });
    expect(retried).toHaveLength(piecesOf(app).size);
    await expectComplete(target, app);
  });

  test('of content that comes damaged or cut are tried again', async () => {
    const attempts = new Map<Digest, number>();
    const flaky = new (class extends RecordingStore {
      override async *fetch(target: Descriptor, options?: FetchOptions): Bytes {
        const attempt = (attempts.get(target.digest) ?? 0) + 1;
        attempts.set(target.digest, attempt);
        for await (const chunk of super.fetch(target, options)) {
          if (attempt === 1) yield Buffer.from(chunk).fill(1, 0, 1);
          else if (attempt === 2) yield chunk.subarray(1);
          else yield chunk;
        }
      }
    })('source', log);
    await fill(flaky, app);
    const target = new RecordingStore('target');
    const result = await run([route(app, target, '1', flaky)]);
    await expectComplete(target, app);
    expect(new Set(attempts.values())).toEqual(new Set([3]));
    expect(result.copied).toBe(piecesOf(app).size);
  });

  test('that stay are given up, and nothing is tagged', async () => {
    let pushes = 0;
    const target = new RecordingStore('target', log, ({ verb, digest }) => {
      if (verb !== 'push' || digest !== base.descriptor.digest) return;
      pushes++;
      throw registryError(500);
    });
    await expect(run([route(app, target)])).rejects.toBeInstanceOf(RegistryError);
    expect(pushes).toBe(retry.tries);
    expect(
      log.filter(
        ({ store, verb, kind }) => store === 'target' && (verb === 'tag' || (verb === 'push' && kind === 'manifest')),
      ),
    ).toEqual([]);
  });

  test.each<[string, Error]>([
    ['a refusal', registryError(403, 'DENIED')],
    ['a bug', new TypeError('a bug')],
  ])('that will not pass, such as %s, are not tried again', async (_, failure) => {
    let pushes = 0;
    const target = new RecordingStore('target', log, ({ verb }) => {
      if (verb !== 'push') return;
      pushes++;
      throw failure;
    });
    await expect(run([route(app, target)], { concurrency: 1 })).rejects.toBe(failure);
    expect(pushes).toBe(1);
  });

  test('while tagging are tried again', async () => {
    let failures = 0;
    const target = new RecordingStore('target', log, ({ verb }) => {
      if (verb === 'tag' && failures++ === 0) throw registryError(429, 'TOOMANYREQUESTS', true);
    });
    expect((await run([route(app, target)])).tagged).toBe(1);
    expect((await target.resolve('1')).digest).toBe(app.descriptor.digest);
  });

  test('leave what a second run goes on from', async () => {
    let isBroken = true;
    const target = new RecordingStore('target', [], ({ verb, kind }) => {
      if (isBroken && verb === 'push' && kind === 'manifest') throw registryError(403, 'DENIED');
    });
    await expect(run([route(app, target)])).rejects.toBeInstanceOf(RegistryError);
    isBroken = false;
    log.length = 0;
    const result = await run([route(app, target)]);
    expect(allOf(log, ({ kind }) => kind === 'manifest')).toBe(true);
    expect(result.tagged).toBe(1);
    await expectComplete(target, app);
  });
});

describe('before anything is published', () => {
  test('proof is awaited, with all blobs in place and no manifest', async () => {
    const target = new RecordingStore('target', log);
    let seen: readonly Entry[] = [];
    await run([route(app, target)], {
      beforePublish: async () => {
        await Promise.resolve();
        seen = log.filter(({ store, verb }) => store === 'target' && verb === 'push');
      },
    });
    expect(allOf(seen, ({ kind }) => kind === 'blob')).toBe(true);
    expect(new Set(seen.map(({ digest }) => digest))).toEqual(
      new Set(graph.blobs.map(({ digest }) => digest).filter((digest) => piecesOf(app).has(digest))),
    );
  });

  test('proof that fails leaves no manifest and no tag', async () => {
    const target = new RecordingStore('target', log);
    const failure = new Error('not proved');
    await expect(run([route(app, target)], { beforePublish: () => Promise.reject(failure) })).rejects.toBe(failure);
    expect(
      log.filter(
        ({ store, verb, kind }) => store === 'target' && (verb === 'tag' || (verb === 'push' && kind === 'manifest')),
      ),
    ).toEqual([]);
    await expect(target.resolve('1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a manifest whose content a target misses', () => {
  const missing = (): Error => registryError(404, 'MANIFEST_BLOB_UNKNOWN', false, true);
  const image = app.children[0] as SampleNode;

  test('is stored after what the target only said to hold', async () => {
    const blobs = new Set(graph.blobs.map(({ digest }) => digest).filter((digest) => piecesOf(image).has(digest)));
    const stored = new Set<Digest>();
    const target = new (class extends RecordingStore {
      override async exists(descriptor: Descriptor, options?: CallOptions): Promise<boolean> {
        return blobs.has(descriptor.digest) || super.exists(descriptor, options);
      }
      override async push(expected: Descriptor, content: Bytes, options?: PushOptions): Promise<void> {
        if (blobs.has(expected.digest)) expect(options?.evenIfHeld).toBe(true);
        const isEarly = expected.digest === image.descriptor.digest && [...blobs].some((digest) => !stored.has(digest));
        if (isEarly) throw missing();
        await super.push(expected, content, options);
        stored.add(expected.digest);
      }
    })('target', log);
    await run([route(image, target)]);
    await expectComplete(target, image);
  });

  test('is tried again while the target does not see what it was given', async () => {
    let refusals = 0;
    const target = new RecordingStore('target', log, ({ verb, digest }) => {
      if (verb === 'push' && digest === image.descriptor.digest && ++refusals < retry.tries) throw missing();
    });
    await run([route(image, target)]);
    await expectComplete(target, image);
    const blobs = log.filter(({ store, verb, kind }) => store === 'target' && verb === 'push' && kind === 'blob');
    expect(new Set(blobs.map(({ digest }) => digest)).size).toBe(blobs.length);
  });

  test('is given up in the end', async () => {
    const target = new RecordingStore('target', log, ({ verb, digest }) => {
      if (verb === 'push' && digest === image.descriptor.digest) throw missing();
    });
    await expect(run([route(image, target)])).rejects.toMatchObject({ failure: { missesContent: true } });
    await expect(target.resolve('1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('evidence that a target does not take', () => {
  const signature = makeArtifact('application/vnd.example.signature', 'signed', { subject: app });
  const statement = makeArtifact('application/vnd.example.statement', 'about the signature', { subject: signature });
  const evidence = [
    { subject: app.descriptor.digest, digest: signature.descriptor.digest, kind: 'signature' as const },
    { subject: signature.descriptor.digest, digest: statement.descriptor.digest, kind: 'artifact' as const },
  ];

  async function runSigned(target: RecordingStore, options: CopyOptions): Promise<CopyResult> {
    await fill(source, signature, statement);
    const images = [{ reference: 'registry.example/app:1', digest: app.descriptor.digest, evidence }];
    const parts = [];
    for (const { descriptor } of [app, signature, statement])
      parts.push(await discoverImage(source, descriptor, { platforms: 'all', reference: 'r' }));
    const signed = mergeGraphs(images, parts);
    const routes = [statement, signature, app].map((node) => ({
      digest: node.descriptor.digest,
      source,
      target,
      ...(node === app ? { tag: '1' } : {}),
    }));
    return copy(await assess(planCopy(signed, routes), { concurrency: 4 }), { retry, ...options });
  }

  const refusing = (status: number, digest: Digest = signature.descriptor.digest): RecordingStore =>
    new RecordingStore('target', log, (entry) => {
      if (entry.verb === 'push' && entry.digest === digest) throw registryError(status);
    });

  test.each([400, 405, 415, 422])('with %i stops the copy, and the error names the way on', async (status) => {
    await expect(runSigned(refusing(status), {})).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining(signature.descriptor.digest) as string,
      hint: expect.stringContaining('--skip-refused-evidence') as string,
    });
  });

  test('is left out with what depends on it where that is asked for, and named', async () => {
    const target = refusing(415);
    const result = await runSigned(target, { skipRefusedEvidence: true });
    await expectComplete(target, app);
    expect((await target.resolve('1')).digest).toBe(app.descriptor.digest);
    expect(result.refused.map(({ digest, why }) => [digest, why])).toEqual([
      [signature.descriptor.digest, 'answered 415'],
      [statement.descriptor.digest, `it depends on ${signature.descriptor.digest}`],
    ]);
    expect(await target.exists(statement.descriptor)).toBe(false);
  });

  test('says nothing about images: what they are made of is never left out', async () => {
    await expect(runSigned(refusing(415, app.descriptor.digest), { skipRefusedEvidence: true })).rejects.toMatchObject({
      failure: { status: 415 },
    });
  });

  test('is an error all the same where it is refused for another reason', async () => {
    for (const status of [401, 403, 413, 500])
      await expect(runSigned(refusing(status), { skipRefusedEvidence: true })).rejects.toMatchObject({ failure: { status } }); // prettier-ignore
  });
});

describe('an index that a target refuses', () => {
  const amd64 = app.children[0] as SampleNode;
  const rebuilt = makeIndex([amd64]);
  const substitute = {
    descriptor: rebuilt.descriptor,
    source: new FileSource('rebuilt', new Map([[rebuilt.descriptor.digest, { bytes: rebuilt.bytes }]])),
  };

  function strict(code: string): RecordingStore {
    return new RecordingStore('target', log, ({ verb, digest }) => {
      if (verb === 'push' && digest === app.descriptor.digest) throw registryError(404, code, false, code !== 'DENIED');
    });
  }

  test.each(['MANIFEST_BLOB_UNKNOWN', 'MANIFEST_UNKNOWN', 'MANIFEST_INVALID'])(
    'with %s is replaced, and the tag goes to what took its place',
    async (code) => {
      const target = strict(code);
      const lenient = new RecordingStore('lenient', log);
      const substitutes = new Map([[app.descriptor.digest, substitute]]);
      const events: CopyEvent[] = [];
      const routes = [route(app, target), route(app, lenient)];
      const result = await run(routes, { onEvent: (event) => events.push(event) }, substitutes);
      const expected = [{ target, original: app.descriptor.digest, descriptor: rebuilt.descriptor }];
      expect(result.substituted).toEqual(expected);
      expect((await target.resolve('1')).digest).toBe(rebuilt.descriptor.digest);
      expect((await lenient.resolve('1')).digest).toBe(app.descriptor.digest);
      expect(events.filter(({ type }) => type === 'substituted')).toHaveLength(1);

      const again = await assess(planCopy(graph, routes, substitutes), { concurrency: 4 });
      expect(isComplete(again)).toBe(true);
      expect(again.substituted).toEqual(expected);
    },
  );

  test('is tagged when an interrupted run had only pushed what takes its place', async () => {
    const target = strict('MANIFEST_UNKNOWN');
    for (const { descriptor, bytes } of [...piecesOf(amd64).values(), rebuilt])
      await target.push(descriptor, bytesOf(bytes));
    await run([route(app, target)], {}, new Map([[app.descriptor.digest, substitute]]));
    expect((await target.resolve('1')).digest).toBe(rebuilt.descriptor.digest);
  });

  test('is an error where nothing may take its place', async () => {
    await expect(run([route(app, strict('MANIFEST_UNKNOWN'))])).rejects.toMatchObject({ code: 'REGISTRY' });
    const others = new Map([[sha256('other'), substitute]]);
    await expect(run([route(app, strict('MANIFEST_UNKNOWN'))], {}, others)).rejects.toMatchObject({ code: 'REGISTRY' });
  });

  test('for another reason is an error all the same', async () => {
    const substitutes = new Map([[app.descriptor.digest, substitute]]);
    await expect(run([route(app, strict('DENIED'))], {}, substitutes)).rejects.toMatchObject({ code: 'REGISTRY' });
  });
});

describe('a target that keeps what came', () => {
  test('gets only the rest, and only the rest is fetched', async () => {
    const large = makeImage({ layers: [makeLayer({ large: noise('large', 200_000) }, { compression: 'none' })] });
    const { descriptor, bytes } = large.blobs[1] as { descriptor: Descriptor; bytes: Buffer };
    let hasBroken = false;
    const breaking = new (class extends RecordingStore {
      override async *fetch(target: Descriptor, options?: FetchOptions): Bytes {
        for await (const chunk of super.fetch(target, options)) {
          if (target.digest !== descriptor.digest || hasBroken) yield chunk;
          else {
            yield chunk.subarray(0, 150_000);
            hasBroken = true;
            throw registryError(0, undefined, true);
          }
        }
      }
    })('source', log);
    await fill(breaking, large);
    const part = await discoverImage(breaking, large.descriptor, { platforms: 'all', reference: 'r' });
    const target = new ResumingStore('target');
    const plan = planCopy(mergeGraphs([], [part]), [route(large, target, '1', breaking)]);
    log.length = 0;
    const events: CopyEvent[] = [];
    const result = await copy(await assess(plan, { concurrency: 1 }), {
      retry,
      onEvent: (event) => events.push(event),
    });
    expect(log.filter(({ digest }) => digest === descriptor.digest).map(({ offset }) => offset)).toEqual([0, 150_000]);
    expect(events).toContainEqual({
      type: 'resumed',
      descriptor: { ...descriptor, mediaType: descriptor.mediaType },
      target: 'target',
      bytes: 150_000,
    });
    expect(result.copiedBytes).toBe(sizeOf(large));
    expect((await contentOf(target, descriptor)).equals(bytes)).toBe(true);
  });
});

describe('an abort', () => {
  test('in the middle stops the streams, and publishes nothing', async () => {
    const controller = new AbortController();
    let [opened, closed] = [0, 0];
    const endless = new (class extends RecordingStore {
      override async *fetch(_target: Descriptor, options?: FetchOptions): Bytes {
        try {
          for (opened += 1; ;) {
            options?.signal?.throwIfAborted();
            yield Buffer.alloc(1);
            if (opened === 2) controller.abort();
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        } finally {
          closed++;
        }
      }
    })('source');
    const target = new RecordingStore('target', log);
    const copying = run([route(app, target, '1', endless)], { signal: controller.signal, concurrency: 2 });
    await expect(copying).rejects.toMatchObject({ name: 'AbortError' });
    expect(closed).toBe(2);
    expect(log.filter(({ kind, verb }) => verb === 'tag' || (verb === 'push' && kind === 'manifest'))).toEqual([]);
  });

  test('during the wait before another try ends the wait', async () => {
    const controller = new AbortController();
    const target = new RecordingStore('target', log, ({ verb }) => {
      if (verb === 'push') throw registryError(503);
    });
    const slow = { tries: 5, baseMs: 60_000, maxMs: 60_000 };
    const options = {
      signal: controller.signal,
      retry: slow,
      onEvent: (event: CopyEvent) => void (event.type === 'retrying' && controller.abort()),
    };
    await expect(run([route(app, target)], options)).rejects.toMatchObject({ name: 'AbortError' });
  });

  test.each([
    ['once the last manifest is there sets no tag', 'copied', 0],
    ['after the first tag sets no other', 'tagged', 1],
  ] as const)('%s', async (_, type, tagged) => {
    const controller = new AbortController();
    const target = new RecordingStore('target', log);
    let left = type === 'copied' ? new Map([...piecesOf(app), ...piecesOf(web)]).size : 1;
    const options = {
      signal: controller.signal,
      concurrency: 1,
      onEvent: (event: CopyEvent) => void (event.type === type && (left -= 1) === 0 && controller.abort()),
    };
    const copying = run([route(app, target, '1'), route(web, target, '2')], options);
    await expect(copying).rejects.toMatchObject({ name: 'AbortError' });
    await expectComplete(target, app);
    await expectComplete(target, web);
    expect(log.filter(({ verb }) => verb === 'tag')).toHaveLength(tagged);
    expect((await run([route(app, target, '1'), route(web, target, '2')])).tagged).toBe(2 - tagged);
  });

  test('beforehand touches nothing', async () => {
    const target = new RecordingStore('target');
    const pending = await assess(planCopy(graph, [route(app, target)]), { concurrency: 4 });
    target.log.length = 0;
    await expect(copy(pending, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(target.log).toEqual([]);
  });
});

test('blobs and manifests keep their types on the way', async () => {
  const target = new RecordingStore('target');
  await run([route(app, target)]);
  expect((await target.resolve(app.descriptor.digest)).mediaType).toBe(MediaType.index);
  for (const child of app.children)
    expect((await target.resolve(child.descriptor.digest)).mediaType).toBe(child.descriptor.mediaType);
});
