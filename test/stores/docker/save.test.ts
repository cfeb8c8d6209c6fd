/** What an Engine may send for an image, sound and hostile: archives made here, served over a real socket. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { mkdir, readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import tar, { type Header } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readVerified } from '../../../src/content/verified.ts';
import { isAbort } from '../../../src/errors.ts';
import { hexOf, sha256 } from '../../../src/oci/digest.ts';
import { parseManifest } from '../../../src/oci/manifest.ts';
import { MediaType } from '../../../src/oci/media-types.ts';
import { openDockerImage, type DockerImageOptions } from '../../../src/stores/docker/image.ts';
import { tarEntry } from '../../helpers/tar-entry.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { mountTmpfs } from '../../helpers/tmpfs.ts';
import { failureOf, noise } from '../contract.ts';

type Member = readonly [header: Partial<Header> & { name: string }, content?: string | Buffer];

const temp = useTempDir();
let server: Server;
let host: string;
let options: DockerImageOptions;
/** How the Engine answers when asked for the image. */
let send: (response: ServerResponse) => void | Promise<void>;

beforeEach(async () => {
  const spool = temp.join('spool');
  await mkdir(spool);
  const inspected = { Id: sha256('config'), Os: 'linux', Architecture: 'amd64' };
  server = createServer((request, response) => {
    if (request.url?.endsWith('/json') === true) response.end(JSON.stringify(inspected));
    else void send(response);
  });
  server.listen(temp.join('docker.sock'));
  await once(server, 'listening');
  host = `unix://${temp.join('docker.sock')}`;
  options = { host, temporaryDirectory: spool };
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  expect(await readdir(temp.join('spool'))).toEqual([]);
});

async function archiveOf(members: readonly Member[]): Promise<Buffer> {
  const pack = tar.pack();
  for (const [header, content = ''] of members) pack.entry(header, Buffer.from(content));
  pack.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of pack as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function openArchive(members: readonly Member[]) {
  const archive = await archiveOf(members);
  send = (response) => void response.end(archive);
  return openDockerImage('app:1', options);
}

const layers = ['first layer', 'second layer'].map((text) => Buffer.from(text));
const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = layers;
const config = JSON.stringify({
  os: 'linux',
  architecture: 'amd64',
  rootfs: { type: 'layers', diff_ids: [sha256(first), sha256(second), sha256(first)] },
});
const list = [{ Config: 'config.json', RepoTags: ['app:1'], Layers: ['a/layer.tar', 'b/layer.tar', 'c/layer.tar'] }];

/** A classic archive whose third layer is a link to the first. */
const classic: readonly Member[] = [
  [{ name: 'a/', type: 'directory' }],
  [{ name: 'a/VERSION' }, '1.0'],
  [{ name: 'a/layer.tar' }, first],
  [{ name: './b/layer.tar' }, second],
  [{ name: 'c/layer.tar', type: 'symlink', linkname: '../a/layer.tar' }],
  [{ name: 'config.json' }, config],
  [{ name: 'manifest.json' }, JSON.stringify(list)],
];

function without(name: string): readonly Member[] {
  return classic.filter(([header]) => header.name !== name);
}

function replaced(name: string, content: string | Buffer): readonly Member[] {
  return [...without(name), [{ name }, content]];
}

/** `config.json`, which is a link to `l1`, which is one to `l2`, and so on. */
function linkChain(length: number): readonly Member[] {
  return Array.from({ length }, (_, index) => [
    { name: index === 0 ? 'config.json' : `l${index}`, type: 'symlink', linkname: `l${index + 1}` },
  ]);
}

describe('classic archives', () => {
  test('may hold links from one to the next, eight of them', async () => {
    await using source = await openArchive([...without('config.json'), [{ name: 'l8' }, config], ...linkChain(8)]);
    await using direct = await openArchive(classic);
    expect(source.root).toEqual(direct.root);
  });

  test('become the same manifest whatever the order of their members', async () => {
    await using source = await openArchive(classic);
    await using turned = await openArchive(classic.toReversed());
    expect(turned.root).toEqual(source.root);
    expect(source.synthesized).toBe(true);
    const manifest = parseManifest(await readVerified(source, source.root), source.root.mediaType, 'root');
    const layer = (bytes: Buffer) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: sha256(bytes),
      size: bytes.length,
    });
    expect(manifest).toEqual({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config: { mediaType: MediaType.config, digest: sha256(config), size: config.length },
      layers: [layer(first), layer(second), layer(first)],
    });
    if ('layers' in manifest) {
      for (const [index, descriptor] of manifest.layers.entries()) {
        expect(await readVerified(source, descriptor)).toEqual([first, second, first][index]);
      }
    }
  });

  test('may have no layers', async () => {
    const empty = JSON.stringify([{ Config: 'config.json', RepoTags: null, Layers: null }]);
    await using source = await openArchive([
      [{ name: 'config.json' }, '{"rootfs":{"type":"layers"}}'],
      [{ name: 'manifest.json' }, empty],
    ]);
    expect(source.synthesized).toBe(true);
  });

  const shuffled = [{ ...list[0], Layers: ['b/layer.tar', 'a/layer.tar', 'c/layer.tar'] }];
  test.each<[string, readonly Member[], string]>([
    ['no manifest.json', without('manifest.json'), 'manifest.json is missing'],
    ['no config', without('config.json'), 'config.json is missing'],
    ['no layer', without('a/layer.tar'), 'a/layer.tar is missing'],
    ['nothing', [], 'manifest.json is missing'],
    ['two images', replaced('manifest.json', JSON.stringify([...list, ...list])), '2 images'],
    ['no image', replaced('manifest.json', '[]'), '0 images'],
    ['no JSON', replaced('manifest.json', '['), 'not JSON'],
    ['another shape', replaced('manifest.json', '[{"Layers":"a"}]'), 'not a list of images'],
    ['another layer', replaced('a/layer.tar', 'other'), 'the config says'],
    ['layers in another order', replaced('manifest.json', JSON.stringify(shuffled)), 'the config says'],
    ['a layer too many', replaced('config.json', '{"rootfs":{"type":"layers","diff_ids":[]}}'), 'the config names 0'],
    ['no root file system', replaced('config.json', '{}'), "not an image's config"],
    ['an endless config', replaced('config.json', ' '.repeat(17 * 1024 * 1024)), 'at most'],
  ])('with %s are refused', async (_what, members, why) => {
    expect(await failureOf(openArchive(members))).toMatchObject({
      code: 'MALFORMED',
      message: expect.stringContaining(why) as string,
    });
  });
});

describe('archives with a layout', () => {
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config: { mediaType: MediaType.config, digest: sha256(config), size: config.length },
    layers: [],
  });
  const root = { mediaType: MediaType.manifest, digest: sha256(manifest), size: manifest.length };
  const indexOf = (...manifests: readonly object[]): string => JSON.stringify({ schemaVersion: 2, manifests });
  const blob = (content: string): Member => [{ name: `blobs/sha256/${hexOf(sha256(content))}` }, content];
  const layout = (index: string): readonly Member[] => [[{ name: 'index.json' }, index], blob(manifest), blob(config)];

  test('keep their digests, under several names too', async () => {
    await using source = await openArchive(layout(indexOf({ ...root, annotations: { a: 'b' } }, root)));
    expect(source).toMatchObject({ root, synthesized: false });
    expect((await readVerified(source, root)).toString()).toBe(manifest);
  });

  test.each<[string, readonly Member[], string, string]>([
    ['two images', [...layout(indexOf(root, { ...root, digest: sha256('x') }))], 'MALFORMED', 'names 2 images'],
    ['no image', layout(indexOf()), 'MALFORMED', 'names 0 images'],
    ['an image that is not there', layout(indexOf({ ...root, digest: sha256('x') })), 'MALFORMED', 'is missing'],
    ['an image of another size', layout(indexOf({ ...root, size: 1 })), 'MALFORMED', 'another size'],
    ['a broken index', layout('{'), 'MALFORMED', 'not JSON'],
    ['no index at all', layout(manifest), 'MALFORMED', 'names 0 images'],
    [
      'a blob that is not what its name says',
      [...layout(indexOf(root)), [{ name: `blobs/sha256/${'0'.repeat(64)}` }, 'x']],
      'DIGEST_MISMATCH',
      '0000',
    ],
  ])('and %s are refused', async (_what, members, code, why) => {
    expect(await failureOf(openArchive(members))).toMatchObject({
      code,
      message: expect.stringContaining(why) as string,
    });
  });
});

describe('hostile archives', () => {
  const withMember = (header: Partial<Header> & { name: string }): readonly Member[] => [...classic, [header]];

  test.each<[string, readonly Member[]]>([
    ['an absolute name', withMember({ name: '/etc/passwd' })],
    ['a name that leads out', withMember({ name: 'a/../../etc/passwd' })],
    ['a name that comes twice', withMember({ name: 'config.json' })],
    ['a name that comes twice, once with a dot', withMember({ name: './config.json' })],
    ['an endless name', withMember({ name: 'x'.repeat(2000) })],
    ['a hard link', withMember({ name: 'd', type: 'link', linkname: 'config.json' })],
    ['a device', withMember({ name: 'd', type: 'character-device' })],
    ['a pipe', withMember({ name: 'd', type: 'fifo' })],
    ['a link that leads out', withMember({ name: 'd', type: 'symlink', linkname: '../etc/passwd' })],
    ['an absolute link', withMember({ name: 'd', type: 'symlink', linkname: '/etc/passwd' })],
    ['a link to nothing', [...without('config.json'), [{ name: 'config.json', type: 'symlink', linkname: '' }]]],
    ['nine links from one to the next', [...without('config.json'), [{ name: 'l9' }, config], ...linkChain(9)]],
    [
      'links in a circle',
      [
        ...without('config.json'),
        [{ name: 'config.json', type: 'symlink', linkname: 'other.json' }],
        [{ name: 'other.json', type: 'symlink', linkname: 'config.json' }],
      ],
    ],
  ])('with %s are refused', async (_what, members) => {
    expect(await failureOf(openArchive(members))).toMatchObject({ code: 'MALFORMED' });
  });

  // These held up a general reader for ever.
  test.each<[string, readonly Buffer[]]>([
    ['a directory with a size', [tarEntry('d/', { type: '5', content: 'x'.repeat(2_000) })]],
    ['a directory with a size and nothing behind it', [tarEntry('d/', { type: '5', content: 'x'.repeat(2_000) }).subarray(0, 512)]],
    ['a link with a size', [tarEntry('d', { type: '2', link: 'config.json', content: 'x'.repeat(2_000) })]],
    ['an extended header of a negative length', [tarEntry('p', { type: 'x', content: '-5 path=x\n' }), tarEntry('d', {})]],
    ['two sizes', [tarEntry('p', { type: 'x', content: '9 size=0\n' }), tarEntry('d', { content: 'x' })]],
    ['zeros without end', [Buffer.alloc(4 * 1024 * 1024)]],
  ])('with %s are refused', async (_what, entries) => {
    const archive = await archiveOf(classic);
    send = (response) => void response.end(Buffer.concat([archive.subarray(0, -1024), ...entries, Buffer.alloc(1024)]));
    expect(await failureOf(openDockerImage('app:1', options))).toMatchObject({ code: 'MALFORMED' });
  }); // prettier-ignore

  test('that are no archives are refused', async () => {
    send = (response) => void response.end('not an archive '.repeat(1000));
    expect(await failureOf(openDockerImage('app:1', options))).toMatchObject({ code: 'MALFORMED' });
  });

  test.each([1, 700, 1600])('that end after %i bytes are refused', async (length) => {
    const archive = await archiveOf(classic);
    send = (response) => void response.end(archive.subarray(0, length));
    expect(await failureOf(openDockerImage('app:1', options))).toMatchObject({ code: 'MALFORMED' });
  });
});

describe('broken connections and disks', () => {
  test('a connection that breaks in the middle keeps nothing', async () => {
    const archive = await archiveOf([[{ name: 'big' }, noise(1_000_000, 1)], ...classic]);
    send = async (response) => {
      response.write(archive.subarray(0, 500_000));
      await delay(20);
      response.destroy();
    };
    expect(await failureOf(openDockerImage('app:1', options))).toMatchObject({ code: 'STORE_IO' });
  });

  test('the words of an Engine that fails are passed on', async () => {
    send = (response) => void response.writeHead(500).end('{"message":"the store is broken"}');
    expect(await failureOf(openDockerImage('app:1', options))).toMatchObject({
      code: 'STORE_IO',
      message: expect.stringMatching(/refused \(500\): the store is broken$/) as string,
    });
  });

  test.each(['before the answer', 'in the middle of it'])('an abort %s stops at once', async (when) => {
    const abort = new AbortController();
    const archive = await archiveOf([[{ name: 'big' }, noise(1_000_000, 1)], ...classic]);
    send = (response) => {
      if (when !== 'before the answer') response.write(archive.subarray(0, 500_000));
      setTimeout(() => abort.abort(), 20);
    };
    expect(await failureOf(openDockerImage('app:1', { ...options, signal: abort.signal }))).toSatisfy(isAbort);
  });

  test('a full disk is named as such', async () => {
    await using small = await mountTmpfs({ maxBytes: 256 * 1024 });
    const archive = await archiveOf([[{ name: 'big' }, noise(1_000_000, 1)], ...classic]);
    send = (response) => void response.end(archive);
    const opening = openDockerImage('app:1', { host, temporaryDirectory: small.path });
    expect(await failureOf(opening)).toMatchObject({
      code: 'NO_SPACE',
      hint: expect.stringContaining('TMPDIR') as string,
    });
  });
});
