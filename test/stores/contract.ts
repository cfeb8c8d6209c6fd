/** The laws every store obeys, and the content they are tried with. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Bytes } from '../../src/base/bytes.ts';
import type { Source, Target } from '../../src/content/store.ts';
import { bytesOf, collect } from '../../src/content/verified.ts';
import { AirgapError, isAbort } from '../../src/errors.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { sha256 } from '../../src/oci/digest.ts';
import { MediaType } from '../../src/oci/media-types.ts';

/** A store under test, new and empty each time it is opened. */
export interface StoreFactory {
  readonly name: string;
  /** Starts, once, what all of the stores share. */
  start?(): Promise<void>;
  open(): Promise<OpenStore>;
  stop?(): Promise<void>;
  /** Two names the store takes as tags. @defaultValue `one` and `two` */
  readonly tags?: readonly [string, string];
  /** The tags were given to the index when the store was planned, and name it as soon as it is held. */
  readonly hasFixedTags?: boolean;
  /** Content that takes no room is held without being pushed. */
  readonly holdsNothing?: boolean;
}

/** What {@link StoreFactory.open} gives. */
export interface OpenStore {
  readonly store: Target;
  /** The same content seen by a process that starts later; absent where content does not outlive the store. */
  reopen?(): Promise<Source>;
  close(): Promise<void>;
}

/** One piece of content with what it is. */
export interface Content {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** More than is kept to be sent again, and more than one piece of any store. */
const LAYER_BYTES = 1_500_000;
const CHUNK_BYTES = 64 * 1024;

/** Everything the laws ever store, so that a store that must know its content beforehand can be built for it. */
export const corpus = createCorpus();

function createCorpus() {
  const layer = content(MediaType.layerGzip, noise(LAYER_BYTES, 1));
  const small = content(MediaType.layerGzip, Buffer.from('a small layer'));
  const empty = content('application/octet-stream', Buffer.alloc(0));
  const config = content(MediaType.config, Buffer.from('{"os":"linux","architecture":"amd64"}'));
  const other = content(MediaType.config, Buffer.from('{"os":"linux","architecture":"arm64"}'));
  const manifest = json(MediaType.manifest, {
    config: config.descriptor,
    layers: [layer.descriptor, small.descriptor],
  });
  const second = json(MediaType.manifest, { config: other.descriptor, layers: [small.descriptor] });
  const index = json(MediaType.index, {
    manifests: [
      { ...manifest.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
      { ...second.descriptor, platform: { os: 'linux', architecture: 'arm64' } },
    ],
  });
  return { layer, small, empty, config, other, manifest, second, index };
}

/** In the order they must be pushed. */
export const everything: readonly Content[] = Object.values(corpus);

function content(mediaType: string, bytes: Buffer): Content {
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes };
}

function json(mediaType: string, value: object): Content {
  return content(mediaType, Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...value })));
}

/** Bytes that do not compress and are the same in every run. */
export function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes.writeUInt32LE(state, at);
  }
  return bytes;
}

/** A producer that reuses its one buffer, as the contract allows: a chunk is gone once the next is asked for. */
export async function* borrowed(bytes: Buffer, chunkBytes = CHUNK_BYTES): Bytes {
  const buffer = Buffer.alloc(chunkBytes);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const length = bytes.copy(buffer, 0, at, at + chunkBytes);
    yield buffer.subarray(0, length);
    buffer.fill(0xff);
    await sleep(0);
  }
}

/** What the promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('should have failed'),
    (error: unknown) => error,
  );
}

async function pushAll(store: Target): Promise<void> {
  for (const { descriptor, bytes } of everything) await store.push(descriptor, bytesOf(bytes));
}

async function expectHeld(store: Source, { descriptor, bytes }: Content): Promise<void> {
  expect(await store.exists(descriptor)).toBe(true);
  // Compared by Buffer#equals: a diff of megabytes helps nobody.
  expect((await collect(store.fetch(descriptor))).equals(bytes)).toBe(true);
}

async function expectAbsent(store: Source, { descriptor }: Content): Promise<void> {
  expect(await store.exists(descriptor)).toBe(false);
  expect(await failureOf(collect(store.fetch(descriptor)))).toMatchObject({ code: 'NOT_FOUND' });
}

/** Declares the laws for one store; call it inside `describe`. */
export function declareLaws(factory: StoreFactory): void {
  const [tag, otherTag] = factory.tags ?? ['one', 'two'];
  const isHeldAlways = ({ bytes }: Content): boolean => factory.holdsNothing === true && bytes.length === 0;
  let opened: OpenStore;
  let store: Target;
  beforeAll(() => factory.start?.());
  afterAll(() => factory.stop?.());
  beforeEach(async () => {
    opened = await factory.open();
    store = opened.store;
  });
  afterEach(async () => {
    await opened.close();
  });

  test('gives back what was pushed, bit by bit', async () => {
    for (const piece of everything) {
      expect(await store.exists(piece.descriptor)).toBe(isHeldAlways(piece));
      await store.push(piece.descriptor, bytesOf(piece.bytes));
      await expectHeld(store, piece);
    }
  });

  test('resolves manifests and indexes by digest', async () => {
    await pushAll(store);
    for (const { descriptor } of [corpus.manifest, corpus.second, corpus.index]) {
      expect(await store.resolve(descriptor.digest)).toMatchObject(descriptor);
    }
  });

  test('takes the same content twice', async () => {
    await pushAll(store);
    await pushAll(store);
    for (const piece of everything) await expectHeld(store, piece);
  });

  test('takes the same content from several at once', async () => {
    const { descriptor, bytes } = corpus.layer;
    await Promise.all(Array.from({ length: 4 }, () => store.push(descriptor, borrowed(bytes))));
    await expectHeld(store, corpus.layer);
  });

  test('keeps no reference to borrowed chunks', async () => {
    await store.push(corpus.layer.descriptor, borrowed(corpus.layer.bytes));
    await expectHeld(store, corpus.layer);
  });

  test.each([
    ['a flipped byte', Buffer.from(corpus.layer.bytes).fill(0, 1_000_000, 1_000_001)],
    ['a missing byte', corpus.layer.bytes.subarray(0, -1)],
    ['a byte too many', Buffer.concat([Buffer.alloc(1), corpus.layer.bytes])],
    ['nothing', Buffer.alloc(0)],
  ])('refuses content with %s and keeps nothing of it', async (_what, bytes) => {
    expect(bytes.equals(corpus.layer.bytes)).toBe(false);
    expect(await failureOf(store.push(corpus.layer.descriptor, borrowed(bytes)))).toBeInstanceOf(AirgapError);
    await expectAbsent(store, corpus.layer);
    await store.push(corpus.layer.descriptor, bytesOf(corpus.layer.bytes));
    await expectHeld(store, corpus.layer);
  });

  test('refuses content with a byte after its end, and shows it whole or not at all', async () => {
    const bytes = Buffer.concat([corpus.layer.bytes, Buffer.alloc(1)]);
    expect(await failureOf(store.push(corpus.layer.descriptor, borrowed(bytes)))).toBeInstanceOf(AirgapError);
    // A far side that was promised the right length may have stored the right bytes before the wrong one came.
    const visible = await collect(store.fetch(corpus.layer.descriptor)).catch((error: unknown) => error);
    if (Buffer.isBuffer(visible)) expect(visible.equals(corpus.layer.bytes)).toBe(true);
    else expect(visible).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('refuses a manifest under another digest', async () => {
    for (const piece of [corpus.config, corpus.small, corpus.layer])
      await store.push(piece.descriptor, bytesOf(piece.bytes));
    const bytes = Buffer.from(corpus.manifest.bytes.toString().replace('"schemaVersion":2', '"schemaVersion": 2'));
    expect(await failureOf(store.push(corpus.manifest.descriptor, bytesOf(bytes)))).toBeInstanceOf(AirgapError);
    await expectAbsent(store, corpus.manifest);
  });

  test('passes on the failure of a producer and keeps nothing', async () => {
    const failure = new Error('the producer broke');
    async function* broken(): Bytes {
      yield corpus.layer.bytes.subarray(0, CHUNK_BYTES);
      throw failure;
    }
    const thrown = await failureOf(store.push(corpus.layer.descriptor, broken()));
    expect([thrown, (thrown as Error).cause]).toContain(failure);
    await expectAbsent(store, corpus.layer);
  });

  test.each([1, CHUNK_BYTES, 1_234_567, LAYER_BYTES - 1])('fetches from offset %i on', async (offset) => {
    await store.push(corpus.layer.descriptor, bytesOf(corpus.layer.bytes));
    const tail = await collect(store.fetch(corpus.layer.descriptor, { offset }));
    expect(tail.equals(corpus.layer.bytes.subarray(offset))).toBe(true);
  });

  test('says NOT_FOUND for what it does not hold', async () => {
    for (const piece of everything) if (!isHeldAlways(piece)) await expectAbsent(store, piece);
    expect(await failureOf(store.resolve(tag))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await failureOf(store.resolve(corpus.index.descriptor.digest))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('resolves a tag once it is set, and moves it, unless tags were planned', async () => {
    await pushAll(store);
    if (factory.hasFixedTags === true) {
      await store.tag(corpus.index.descriptor, tag);
      expect(await failureOf(store.tag(corpus.manifest.descriptor, tag))).toMatchObject({ code: 'UNSUPPORTED' });
      expect(await failureOf(store.tag(corpus.index.descriptor, 'another'))).toMatchObject({ code: 'UNSUPPORTED' });
      expect(await failureOf(store.resolve('another'))).toMatchObject({ code: 'NOT_FOUND' });
    } else {
      await store.tag(corpus.manifest.descriptor, tag);
      expect(await store.resolve(tag)).toMatchObject(corpus.manifest.descriptor);
      expect(await failureOf(store.resolve(otherTag))).toMatchObject({ code: 'NOT_FOUND' });
      await store.tag(corpus.index.descriptor, tag);
    }
    expect(await store.resolve(tag)).toMatchObject(corpus.index.descriptor);
    await expectHeld(store, corpus.manifest);
  });

  test('sets several tags on one digest, at once too', async () => {
    await pushAll(store);
    await Promise.all([store.tag(corpus.index.descriptor, tag), store.tag(corpus.index.descriptor, otherTag)]);
    expect(await store.resolve(tag)).toMatchObject(corpus.index.descriptor);
    expect(await store.resolve(otherTag)).toMatchObject(corpus.index.descriptor);
  });

  test('refuses to tag what it does not hold', async () => {
    expect(await failureOf(store.tag(corpus.manifest.descriptor, tag))).toBeInstanceOf(AirgapError);
    expect(await failureOf(store.resolve(tag))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('does nothing once the signal is aborted', async () => {
    await pushAll(store);
    const signal = AbortSignal.abort();
    const { descriptor, bytes } = corpus.manifest;
    const outcomes = await Promise.allSettled([
      store.resolve(descriptor.digest, { signal }),
      store.exists(descriptor, { signal }),
      collect(store.fetch(descriptor, { signal })),
      store.push(descriptor, bytesOf(bytes), { signal }),
      store.tag(descriptor, tag, { signal }),
    ]);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && isAbort(outcome.reason))).toEqual(
      Array.from(outcomes, () => true),
    );
    if (factory.hasFixedTags === true) return;
    expect(await failureOf(store.resolve(tag))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('stops a push that is aborted half-way and keeps nothing of it', async () => {
    const abort = new AbortController();
    async function* interrupted(): Bytes {
      for await (const chunk of borrowed(corpus.layer.bytes)) {
        yield chunk;
        abort.abort();
      }
    }
    const push = store.push(corpus.layer.descriptor, interrupted(), { signal: abort.signal });
    expect(await failureOf(push)).toSatisfy(isAbort);
    await expectAbsent(store, corpus.layer);
  });

  test('stops a fetch that is aborted half-way', async () => {
    await store.push(corpus.layer.descriptor, bytesOf(corpus.layer.bytes));
    const abort = new AbortController();
    let chunks = 0;
    const read = async (): Promise<void> => {
      for await (const _chunk of store.fetch(corpus.layer.descriptor, { signal: abort.signal })) {
        chunks += 1;
        abort.abort();
      }
    };
    const outcome = await read().catch((error: unknown) => error);
    expect(chunks).toBeGreaterThan(0);
    // A store that hands out everything in one chunk has nothing left to stop.
    if (chunks !== 1 || outcome !== undefined) expect(outcome).toSatisfy(isAbort);
  });

  test('holds its content for the next process', async () => {
    expect(opened.reopen === undefined).toBe(factory.name === 'memory');
    if (opened.reopen === undefined) return;
    await pushAll(store);
    await store.tag(corpus.index.descriptor, tag);
    const later = await opened.reopen();
    for (const piece of everything) await expectHeld(later, piece);
    expect(await later.resolve(tag)).toMatchObject(corpus.index.descriptor);
  });
}
