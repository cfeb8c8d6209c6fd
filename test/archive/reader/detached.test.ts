/** Signatures beside an archive: found by name, read within limits, written whole and never over another. */
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { exitCodeOf } from '../../../src/errors.ts';
import { detachedPath, readDetachedSignatures, writeDetachedSignature } from '../../../src/archive/reader/detached.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const ID = '0123456789abcdef'.repeat(4);
const archive = (): string => temp.join('release.tar');

describe('reading', () => {
  test('finds what is named after the archive, in order', async () => {
    const names = ['release.tar.fedcba9876543210.sigstore.json', 'release.tar.0123456789abcdef.sigstore.json'];
    for (const name of names) await writeFile(temp.join(name), name);
    const found = await readDetachedSignatures(archive());
    expect(found.map(({ keyIdStart }) => keyIdStart)).toEqual(['0123456789abcdef', 'fedcba9876543210']);
    expect(found.map(({ bytes }) => bytes.toString())).toEqual(names.toReversed());
  });

  test.each([
    'release.tar',
    'release.tar.sigstore.json',
    'release.tar.0123456789abcde.sigstore.json',
    'release.tar.0123456789abcdef0.sigstore.json',
    'release.tar.0123456789ABCDEF.sigstore.json',
    'release.tar.0123456789abcdef.sigstore.json~',
    'release.tar.0123456789abcdef.sigstore.json.new-1',
    'release.tarx0123456789abcdef.sigstore.json',
    'other.tar.0123456789abcdef.sigstore.json',
    'a-release.tar.0123456789abcdef.sigstore.json',
  ])('passes by %s', async (name) => {
    await writeFile(temp.join(name), '{}');
    expect(await readDetachedSignatures(archive())).toEqual([]);
  });

  test('takes a name for a name, not for a pattern', async () => {
    await writeFile(temp.join('aXb.tar.0123456789abcdef.sigstore.json'), '{}');
    expect(await readDetachedSignatures(temp.join('a.b.tar'))).toEqual([]);
    expect(await readDetachedSignatures(temp.join('a(.tar'))).toEqual([]);
  });

  test('refuses what is no file, a link wherever it leads, and what is too long', async () => {
    const path = detachedPath(archive(), ID);
    await writeFile(path, Buffer.alloc(64 * 1024));
    expect(await readDetachedSignatures(archive())).toHaveLength(1);
    await writeFile(path, Buffer.alloc(64 * 1024 + 1));
    await expect(readDetachedSignatures(archive())).rejects.toMatchObject({ code: 'MALFORMED' });
    await mkdir(detachedPath(temp.join('b.tar'), ID));
    await expect(readDetachedSignatures(temp.join('b.tar'))).rejects.toMatchObject({ code: 'MALFORMED' });
    for (const [name, target] of [
      ['c.tar', 'nowhere'],
      ['d.tar', path],
    ] as const) {
      await symlink(target, detachedPath(temp.join(name), ID));
      await expect(readDetachedSignatures(temp.join(name))).rejects.toMatchObject({
        code: 'MALFORMED',
        message: expect.stringContaining('not a file of its own') as string,
      });
    }
  });

  test('refuses the archive with more than 32 of them, as one that is not to be loaded', async () => {
    const add = (index: number): Promise<void> =>
      writeFile(detachedPath(archive(), index.toString(16).padStart(16, '0')), '{}');
    for (let index = 0; index < 32; index++) await add(index);
    expect(await readDetachedSignatures(archive())).toHaveLength(32);
    await add(32);
    const refusal = await readDetachedSignatures(archive()).catch((error: unknown) => error);
    expect([exitCodeOf(refusal), (refusal as Error).message]).toEqual([3, expect.stringContaining('33 signatures')]);
  });
});

test('a directory that cannot be read is not taken for one without signatures', async () => {
  await writeFile(temp.join('file'), '');
  await expect(readDetachedSignatures(temp.join('file', 'release.tar'))).rejects.toMatchObject({
    code: 'STORE_IO',
    message: expect.stringContaining(`cannot read ${temp.join('file')}`) as string,
  });
});

describe('writing', () => {
  test('leaves the file and nothing else, and does not replace it', async () => {
    const path = detachedPath(archive(), ID);
    expect(path).toBe(`${archive()}.0123456789abcdef.sigstore.json`);
    await writeDetachedSignature(path, Buffer.from('first'));
    await expect(writeDetachedSignature(path, Buffer.from('second'))).rejects.toMatchObject({ code: 'USAGE' });
    expect(await readFile(path, 'utf8')).toBe('first');
    expect(await readdir(temp.path)).toEqual(['release.tar.0123456789abcdef.sigstore.json']);
  });

  test('at the same time, leaves one whole file', async () => {
    const path = detachedPath(archive(), ID);
    const contents = ['a', 'b', 'c'].map((letter) => letter.repeat(400));
    const results = await Promise.allSettled(contents.map((text) => writeDetachedSignature(path, Buffer.from(text))));
    expect(results.map(({ status }) => status)).toContain('fulfilled');
    expect(contents).toContain(await readFile(path, 'utf8'));
    expect(await readdir(temp.path)).toHaveLength(1);
  });

  test('fails where nothing can be written', async () => {
    const path = detachedPath(temp.join('missing', 'release.tar'), ID);
    await expect(writeDetachedSignature(path, Buffer.from('x'))).rejects.toMatchObject({ code: 'USAGE' });
  });
});
