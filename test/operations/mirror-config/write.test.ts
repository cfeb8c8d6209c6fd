/** Files of mirror configuration stand below a new directory, in folders that everybody may read, or not at all. */
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { writeMirrorFiles } from '../../../src/operations/mirror-config/write.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const files = [
  { path: 'node/etc/containers/registries.conf.d/airgap.conf', content: 'a\n' },
  { path: 'readme.txt', content: 'b\n' },
];

test('each file is in its place, and every folder may be entered by those who install them', async () => {
  await writeMirrorFiles(temp.join('out'), files);
  for (const { path, content } of files) expect(await readFile(temp.join('out', path), 'utf8')).toBe(content);
  for (const folder of ['node', 'node/etc', 'node/etc/containers']) {
    const { mode } = await stat(temp.join('out', folder));
    expect(mode & 0o777).toBe(0o755 & ~process.umask());
  }
  expect((await readdir(temp.path)).sort()).toEqual(['out']);
});

test('a directory that is there is left as it is, and one that fails is not there', async () => {
  await writeMirrorFiles(temp.join('out'), files);
  await expect(writeMirrorFiles(temp.join('out'), [])).rejects.toMatchObject({ code: 'USAGE' });
  expect(await readFile(temp.join('out/readme.txt'), 'utf8')).toBe('b\n');
  const clash = [files[1] as (typeof files)[number], { path: 'readme.txt/below', content: 'c' }];
  await expect(writeMirrorFiles(temp.join('new'), clash)).rejects.toMatchObject({ name: 'StoreError' });
  await writeFile(temp.join('file'), '');
  await expect(writeMirrorFiles(temp.join('file'), files)).rejects.toMatchObject({ code: 'USAGE' });
  expect((await readdir(temp.path)).sort()).toEqual(['file', 'out']);
});
