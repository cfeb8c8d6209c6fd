/** What a layout directory does beyond the laws of contract.ts: its files, other people's layouts, hostile ones, its lock. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Bytes } from '../../../src/base/bytes.ts';
import { bytesOf, collect, readVerified } from '../../../src/content/verified.ts';
import { Annotation } from '../../../src/oci/descriptor.ts';
import { hexOf } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/media-types.ts';
import { openLayout, type LayoutStore } from '../../../src/stores/layout/oci-layout.ts';
import { mountTmpfs } from '../../helpers/tmpfs.ts';
import { corpus, everything, failureOf, type Content } from '../contract.ts';

const FULL = 'docker.io/library/postgres:16';
let root: string;
let directory: string;
const opened: LayoutStore[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'airgap-layout-'));
  directory = join(root, 'layout');
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await rm(root, { recursive: true });
});

async function open(create = false): Promise<LayoutStore> {
  const store = await openLayout(directory, { create });
  opened.push(store);
  return store;
}

async function filled(): Promise<LayoutStore> {
  const store = await open(true);
  for (const { descriptor, bytes } of everything) await store.push(descriptor, bytesOf(bytes));
  return store;
}

function blobPath(piece: Content): string {
  return join(directory, 'blobs/sha256', hexOf(piece.descriptor.digest));
}

async function readJson(name: string): Promise<unknown> {
  return JSON.parse(await readFile(join(directory, name), 'utf8')) as unknown;
}

/** A layout as another tool would write it. */
async function writeForeign(index: unknown, contents: readonly Content[] = everything): Promise<void> {
  await mkdir(join(directory, 'blobs/sha256'), { recursive: true });
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion": "1.0.0"}\n');
  await writeFile(join(directory, 'index.json'), JSON.stringify(index));
  for (const piece of contents) await writeFile(blobPath(piece), piece.bytes);
}

describe('files', () => {
  test('are exactly those of the specification once the layout is closed', async () => {
    const store = await filled();
    await store.tag(corpus.index.descriptor, FULL);
    await store.close();
    expect((await readdir(directory)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect((await readdir(join(directory, 'blobs/sha256'))).sort()).toEqual(
      everything.map((piece) => hexOf(piece.descriptor.digest)).sort(),
    );
    expect(await readJson('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
    expect(await readJson('index.json')).toEqual({
      schemaVersion: 2,
      mediaType: MediaType.index,
      manifests: [
        {
          ...corpus.index.descriptor,
          annotations: { [Annotation.containerdImageName]: FULL, [Annotation.refName]: FULL },
        },
      ],
    });
  });

  test('do not depend on the order of tagging', async () => {
    const store = await filled();
    const texts: string[] = [];
    for (const tags of [
      ['b:1', 'a:1', FULL],
      [FULL, 'b:1', 'a:1'],
    ]) {
      await writeFile(join(directory, 'index.json'), '{"schemaVersion":2,"manifests":[]}');
      for (const tag of tags) await store.tag(corpus.manifest.descriptor, tag);
      texts.push(await readFile(join(directory, 'index.json'), 'utf8'));
    }
    expect(texts[0]).toBe(texts[1]);
  });

  test('give a short tag no containerd name, and refuse text that is no reference', async () => {
    const store = await filled();
    await store.tag(corpus.manifest.descriptor, '1.0');
    expect((await store.entries())[0]?.annotations).toEqual({ [Annotation.refName]: '1.0' });
    for (const tag of ['', ' ', 'a b', '-x', 'a\nb', 'é', 'x'.repeat(600)]) {
      expect(await failureOf(store.tag(corpus.manifest.descriptor, tag))).toMatchObject({ code: 'INVALID_REFERENCE' });
    }
  });

  test('keep blobs that are there and replace those of another size', async () => {
    const store = await filled();
    await writeFile(blobPath(corpus.small), 'cut');
    let asked = false;
    async function* unwanted(): Bytes {
      asked = true;
      yield corpus.config.bytes;
    }
    await store.push(corpus.config.descriptor, unwanted());
    expect(asked).toBe(false);
    expect(await store.exists(corpus.small.descriptor)).toBe(false);
    await store.push(corpus.small.descriptor, bytesOf(corpus.small.bytes));
    expect(await readFile(blobPath(corpus.small))).toEqual(corpus.small.bytes);
  });

  test('are hashed once, and again where the medium could not be read', async () => {
    const store = await filled();
    await store.close();
    const { descriptor, bytes } = corpus.small;
    const reading = await open();
    await using probe = await openFile(blobPath(corpus.small));
    const failing = vi
      .spyOn(Object.getPrototypeOf(probe) as FileHandle, 'read')
      .mockRejectedValueOnce(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' }));
    expect(await failureOf(reading.exists(descriptor))).toMatchObject({ code: 'STORE_IO' });
    expect(await reading.exists(descriptor)).toBe(true);
    const reads = failing.mock.calls.length;
    expect(await reading.exists(descriptor)).toBe(true);
    expect(failing.mock.calls.length).toBe(reads);
    failing.mockRestore();
    expect(await readFile(blobPath(corpus.small))).toEqual(bytes);
  });

  test('that are there already are not asked for: who would send them is let go of', async () => {
    const store = await filled();
    let released = 0;
    const content: Bytes = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new Error('asked for')),
        return: async () => {
          released += 1;
          return { done: true, value: undefined };
        },
      }),
    };
    await store.push(corpus.small.descriptor, content);
    expect(released).toBe(1);
  });

  test('count only when they are what their name says, and damaged ones are replaced', async () => {
    await (await filled()).close();
    const [{ descriptor, bytes }] = everything as readonly [Content];
    const path = join(directory, 'blobs/sha256', hexOf(descriptor.digest));
    const damaged = Buffer.from(bytes).fill(0, 0, 1);
    await writeFile(path, damaged);
    const trusting = await openLayout(directory, { trustsContent: true });
    expect(await trusting.exists(descriptor)).toBe(true);
    await trusting.push(descriptor, bytesOf(bytes));
    expect(await readFile(path)).toEqual(damaged);
    await trusting.close();
    const store = await open();
    expect(await store.exists(descriptor)).toBe(false);
    await store.push(descriptor, bytesOf(bytes));
    expect(await store.exists(descriptor)).toBe(true);
    expect(await readFile(path)).toEqual(bytes);
  });

  test('leave nothing in the ingest directory after a refused push', async () => {
    const store = await open(true);
    await failureOf(store.push(corpus.small.descriptor, bytesOf(Buffer.from('something else'))));
    expect(await readdir(join(directory, '.ingest'))).toEqual([]);
  });

  test('of a full disk are as before', async () => {
    await using small = await mountTmpfs({ maxBytes: 1024 * 1024 });
    directory = join(small.path, 'layout');
    const store = await open(true);
    await store.push(corpus.small.descriptor, bytesOf(corpus.small.bytes));
    await store.tag(corpus.small.descriptor, 'kept');
    const failure = await failureOf(store.push(corpus.layer.descriptor, bytesOf(corpus.layer.bytes)));
    expect(failure).toMatchObject({ code: 'NO_SPACE' });
    expect(await readdir(join(directory, '.ingest'))).toEqual([]);
    expect(await store.exists(corpus.layer.descriptor)).toBe(false);
    expect(await store.resolve('kept')).toEqual(corpus.small.descriptor);
    await small.resize(8 * 1024 * 1024);
    await store.push(corpus.layer.descriptor, bytesOf(corpus.layer.bytes));
    await store.close();
  });

  test('are begun where a run that was killed left no more than its lock and what it had not placed', async () => {
    await mkdir(join(directory, '.ingest'), { recursive: true });
    await writeFile(join(directory, '.ingest/half'), 'half');
    await writeFile(join(directory, '.lock'), '');
    const store = await filled();
    await store.close();
    expect((await readdir(directory)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  test('name nothing by a tag that was given up while it waited for its turn', async () => {
    const store = await filled();
    const controller = new AbortController();
    const first = store.tag(corpus.manifest.descriptor, 'first');
    const second = store.tag(corpus.manifest.descriptor, 'second', { signal: controller.signal });
    controller.abort();
    await first;
    expect(await failureOf(second)).toMatchObject({ name: 'AbortError' });
    await store.tag(corpus.manifest.descriptor, 'third');
    const names = (await store.entries()).map(({ annotations }) => annotations?.[Annotation.refName]);
    expect(names).toEqual(['first', 'third']);
  });

  test('of a directory that is not a layout are left alone', async () => {
    await mkdir(directory);
    await writeFile(join(directory, 'notes.txt'), 'mine');
    expect(await failureOf(open(true))).toMatchObject({ code: 'USAGE' });
    expect(await readdir(directory)).toEqual(['notes.txt']);
    expect(await failureOf(open())).toMatchObject({ code: 'NOT_FOUND' });
    directory = join(root, 'nowhere');
    expect(await failureOf(open())).toMatchObject({ code: 'NOT_FOUND' });
    expect(existsSync(directory)).toBe(false);
  });
});

describe('layouts of other tools', () => {
  const { manifest, second, index } = corpus;

  test('name images by reference name first, by containerd name else', async () => {
    await writeForeign({
      schemaVersion: 2,
      manifests: [
        { ...manifest.descriptor, annotations: { [Annotation.refName]: '16', [Annotation.containerdImageName]: FULL } },
        { ...second.descriptor, annotations: { [Annotation.refName]: 'latest' } },
      ],
    });
    const store = await open();
    expect(await store.resolve('16')).toEqual(manifest.descriptor);
    expect(await store.resolve(FULL)).toEqual(manifest.descriptor);
    expect(await store.resolve('latest')).toEqual(second.descriptor);
    expect(await failureOf(store.resolve('late'))).toMatchObject({ code: 'NOT_FOUND' });
    await store.tag(index.descriptor, FULL);
    expect((await store.entries()).map((entry) => entry.digest)).toEqual([
      index.descriptor.digest,
      second.descriptor.digest,
    ]);
  });

  test('resolve digests that only blobs know, manifests as what they are', async () => {
    await writeForeign({ schemaVersion: 2, manifests: null });
    const store = await open();
    expect(await store.resolve(index.descriptor.digest)).toEqual(index.descriptor);
    expect(await store.resolve(manifest.descriptor.digest)).toEqual(manifest.descriptor);
    expect(await store.resolve(corpus.config.descriptor.digest)).toMatchObject({
      mediaType: 'application/octet-stream',
      size: corpus.config.bytes.length,
    });
  });

  test('keep unknown entries and keys when a tag is added', async () => {
    const strange = {
      mediaType: 'application/x-new',
      digest: 'blake3:00',
      size: 7,
      annotations: { a: 'b' },
      more: [1],
    };
    await writeForeign({ schemaVersion: 2, 'x-key': true, manifests: [strange] });
    const store = await open();
    await store.tag(manifest.descriptor, FULL);
    expect(await readJson('index.json')).toMatchObject({ 'x-key': true, manifests: [strange, manifest.descriptor] });
    expect(await store.entries()).toHaveLength(1);
  });

  test('refuse a tag that names several images', async () => {
    const annotations = { [Annotation.refName]: FULL };
    await writeForeign({
      schemaVersion: 2,
      manifests: [
        { ...manifest.descriptor, annotations },
        { ...second.descriptor, annotations },
      ],
    });
    expect(await failureOf((await open()).resolve(FULL))).toMatchObject({
      code: 'UNSUPPORTED',
      hint: expect.stringContaining(second.descriptor.digest) as string,
    });
  });
});

describe('hostile layouts', () => {
  const index = { schemaVersion: 2, manifests: [] };

  test.each([
    ['another version', '{"imageLayoutVersion":"2.0.0"}', 'UNSUPPORTED'],
    ['no version', '{}', 'UNSUPPORTED'],
    ['null', 'null', 'UNSUPPORTED'],
    ['no JSON', 'hello', 'MALFORMED'],
    ['too much', ' '.repeat(5000), 'MALFORMED'],
  ])('with %s in oci-layout are refused', async (_what, text, code) => {
    await writeForeign(index);
    await writeFile(join(directory, 'oci-layout'), text);
    expect(await failureOf(open())).toMatchObject({ code });
  });

  test.each([
    ['no JSON', 'hello'],
    ['a list', '[]'],
    ['another schema', '{"schemaVersion":1,"manifests":[]}'],
    ['a negative size', '{"schemaVersion":2,"manifests":[{"mediaType":"a","digest":"b","size":-1}]}'],
    ['a size that is not exact', '{"schemaVersion":2,"manifests":[{"mediaType":"a","digest":"b","size":1e300}]}'],
    ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['too many bytes', Buffer.alloc(32 * 1024 * 1024 + 1, 0x20)],
  ])('with %s in index.json are refused', async (_what, text) => {
    await writeForeign(index);
    await writeFile(join(directory, 'index.json'), text);
    expect(await failureOf(open())).toMatchObject({ code: 'MALFORMED' });
  });

  test('cannot lead out of their directory by links', async () => {
    const secret = join(root, 'secret');
    await writeFile(secret, corpus.small.bytes);
    await writeForeign(index, []);
    await symlink(secret, blobPath(corpus.small));
    const store = await open();
    expect(await store.exists(corpus.small.descriptor)).toBe(false);
    expect(await failureOf(collect(store.fetch(corpus.small.descriptor)))).toMatchObject({ code: 'MALFORMED' });
    await store.push(corpus.small.descriptor, bytesOf(corpus.small.bytes));
    expect(await store.exists(corpus.small.descriptor)).toBe(true);

    await rm(join(directory, 'index.json'));
    await symlink(secret, join(directory, 'index.json'));
    expect(await failureOf(open())).toMatchObject({ code: 'MALFORMED' });
  });

  test.each(['blobs', 'blobs/sha256'])('cannot lead out of their directory by %s', async (name) => {
    await writeForeign(index, []);
    await rm(join(directory, name), { recursive: true });
    await symlink(root, join(directory, name));
    expect(await failureOf(open())).toMatchObject({ code: 'MALFORMED' });
  });

  test('cannot hang the reader with a pipe', async () => {
    await writeForeign(index, []);
    execFileSync('mkfifo', [blobPath(corpus.small)]);
    const store = await open();
    expect(await failureOf(collect(store.fetch(corpus.small.descriptor)))).toMatchObject({ code: 'MALFORMED' });
  });

  test('with wrong bytes under a digest are caught on reading', async () => {
    await writeForeign(index);
    await writeFile(blobPath(corpus.config), Buffer.alloc(corpus.config.bytes.length));
    const store = await open();
    expect(await failureOf(readVerified(store, corpus.config.descriptor))).toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});

describe('the lock', () => {
  test('keeps a second writer out until the first has closed, and no reader', async () => {
    const first = await filled();
    await first.tag(corpus.index.descriptor, FULL);
    const second = await open();
    expect(await second.resolve(FULL)).toEqual(corpus.index.descriptor);
    expect(await failureOf(second.push(corpus.config.descriptor, bytesOf(corpus.config.bytes)))).toMatchObject({
      code: 'LOCKED',
      hint: expect.stringContaining(join(directory, '.lock')) as string,
    });
    expect(await failureOf(open(true))).toMatchObject({ code: 'LOCKED' });
    await first.close();
    await second.tag(corpus.manifest.descriptor, 'later');
    expect(await second.resolve('later')).toEqual(corpus.manifest.descriptor);
  });
});
