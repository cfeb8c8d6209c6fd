/** What a load left is read back: its mapping, its report, or the directory of both. */
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { formatReference } from '../../../src/oci/reference.ts';
import { readMapping } from '../../../src/release/mapping/mapping-file.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const digest = `sha256:${'a'.repeat(64)}`;
const pushed = `sha256:${'b'.repeat(64)}`;

async function read(content: string, name = 'mapping.txt'): Promise<readonly (string | undefined)[][]> {
  await writeFile(temp.join(name), content);
  const images = await readMapping(name === 'mapping.txt' ? temp.path : temp.join(name));
  return images.map(({ original, internal, digest: known }) => [
    ...[formatReference(original), formatReference(internal)],
    ...(known === undefined ? [] : [known]),
  ]);
}

test('a mapping, from its directory; comments and empty lines say nothing', async () => {
  expect(await read(`# of 1.0\n\na.example/x:1=in.example/x:1\r\nnginx@${digest}=in.example/n@${digest}\n`)).toEqual([
    ['a.example/x:1', 'in.example/x:1'],
    [`docker.io/library/nginx@${digest}`, `in.example/n@${digest}`],
  ]);
});

test('a report says which digest is there: that of a rebuilt index where there is one', async () => {
  const place = { original: 'a.example/x:1', internal: 'in.example/x:1' };
  const images = [{ ...place, digest, result: 'loaded' }, { ...place, digest, pushedDigest: pushed }, place];
  expect(await read(`\n ${JSON.stringify({ kind: 'load', images })}`, 'load-report.json')).toEqual([
    ['a.example/x:1', 'in.example/x:1', digest],
    ['a.example/x:1', 'in.example/x:1', pushed],
    ['a.example/x:1', 'in.example/x:1'],
  ]);
});

test.each([
  ['a line without a place', 'a.example/x:1\n', ':1: not a line of a mapping: a.example/x:1'],
  ['a line that is no reference', 'a.example/x:1=in.example/x:1\nA=b\n', ':2: not a line of a mapping: A=b'],
  ['an empty file', '\n', 'names no image'],
  ['a report without images', '{"images":[]}', 'names no image'],
  ['a report of tarballs', '{"images":[{"path":"a.tar"}]}', 'is no report of images in a registry'],
  ['a report of no images', '{"images":[{"original":"A","internal":"b"}]}', 'A at b is no image'],
  ['broken JSON', '{"images":', 'is not JSON'],
])('%s is refused with the name of the file', async (_, content, message) => {
  await expect(read(content)).rejects.toMatchObject({
    code: 'INVALID_SPEC',
    message: expect.stringMatching(/mapping\.txt/) as string,
  });
  await expect(read(content)).rejects.toThrow(message);
});

test('a directory without a mapping is said to have none', async () => {
  await expect(readMapping(temp.path)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('mapping.txt') as string,
  });
});
