/** The files beside release.yaml: image lists, pinned files, directories. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseImageList } from '../../../src/release/spec/image-list.ts';
import { pinned } from '../../../src/release/spec/integrity.ts';
import { listSpecFiles, resolveSpecPath } from '../../../src/release/spec/spec-paths.ts';
import { nearest } from '../../../src/base/suggestion.ts';
import { useTempDir } from '../../helpers/temp.ts';

describe('parseImageList', () => {
  it('reads references with comments, blank lines and both line ends', () => {
    const list = parseImageList('\uFEFF# all\r\nnginx:1 # web\r\n\r\n  docker-daemon:app:dev\nnginx:1\n', 'images.txt');
    expect(list.map(({ at, origin, reference }) => [at, origin, reference.repository])).toEqual([
      ['images.txt:2:1', 'registry', 'library/nginx'],
      ['images.txt:4:3', 'docker-daemon', 'library/app'],
    ]);
  });
  it('names every bad line', () => {
    expect(() => parseImageList('a/b:1\nA B\n  x:y:z\n', 'images.txt')).toThrow(/images.txt:2:1: [^]*images.txt:3:3: /);
  });
});

describe('pinned', () => {
  async function* stream(...parts: string[]): AsyncGenerator<Uint8Array> {
    for (const part of parts) yield Buffer.from(part);
  }
  async function read(integrity: string): Promise<string> {
    const parts: Uint8Array[] = [];
    for await (const part of pinned(stream('ab', 'c'), integrity, 'f')) parts.push(part);
    return Buffer.concat(parts).toString();
  }
  const sri = (algorithm: string, text = 'abc'): string =>
    `${algorithm}-${createHash(algorithm).update(text).digest('base64')}`;

  it.each(['sha256', 'sha384', 'sha512'])('passes what %s pins and refuses the rest', async (algorithm) => {
    expect(await read(sri(algorithm))).toBe('abc');
    await expect(read(sri(algorithm, 'abd'))).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
  it.each([
    '',
    'sha256-',
    sri('md5'),
    sri('sha1'),
    `${sri('sha256')} ${sri('sha256', 'x')}`,
    `${sri('sha256')}?x`,
    `sha256-${'a'.repeat(64)}`,
  ])('refuses %j outright', async (integrity) => {
    await expect(read(integrity)).rejects.toMatchObject({ code: 'INVALID_SPEC' });
  });
});

describe('listSpecFiles', () => {
  const temp = useTempDir();
  beforeEach(async () => {
    await mkdir(temp.join('m/sub'), { recursive: true });
    for (const name of ['m/b.yaml', 'm/a.yaml', 'm/sub/c.yaml', 'm/.hidden', 'one.yaml'])
      await writeFile(temp.join(name), '');
    await mkdir(temp.join('bad'));
    await symlink('/etc/passwd', temp.join('bad/passwd'));
    await mkdir(temp.join('loop'));
    await symlink('.', temp.join('loop/again'));
    await mkdir(temp.join('odd'));
    await writeFile(temp.join('odd/a b'), '');
  });

  it('lists a directory in order, without hidden files, and a file as itself', async () => {
    expect((await listSpecFiles(temp.path, 'm')).map(({ path }) => path)).toEqual([
      'm/a.yaml',
      'm/b.yaml',
      'm/sub/c.yaml',
    ]);
    expect((await listSpecFiles(temp.path, 'one.yaml')).map(({ path }) => path)).toEqual(['one.yaml']);
  });
  it.each([
    ['bad', 'leads out'],
    ['loop', 'nested too deep'],
    ['odd', 'a name that cannot be carried'],
    ['none', 'does not exist'],
  ])('refuses %s', async (path, message) => {
    await expect(listSpecFiles(temp.path, path)).rejects.toThrow(message);
  });
  it('resolves one path', async () => {
    expect(await resolveSpecPath(temp.path, 'm/a.yaml')).toMatch(/m\/a\.yaml$/);
    await expect(resolveSpecPath(temp.path, 'bad/passwd')).rejects.toThrow('leads out');
  });
});

describe('nearest', () => {
  it.each([
    ['imgaes', 'images'],
    ['Charts', 'charts'],
    ['manifest', 'manifests'],
    ['zzz', undefined],
    ['x'.repeat(1000), undefined],
  ])('%s', (word, expected) => {
    expect(nearest(word, ['images', 'imageLists', 'charts', 'manifests'])).toBe(expected);
  });
});
