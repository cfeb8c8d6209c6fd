/** The signed text: what `sha256sum -c` reads, and nothing that two readers could read differently. */
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { checksumsBytes, formatChecksums, parseChecksums } from '../../../src/archive/layout/checksums.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { runOk } from '../../helpers/run.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { toolPath } from '../../helpers/tools.ts';
import { rejectionOf } from '../failures.ts';

const temp = useTempDir();
const lines = [
  { path: 'a.txt', digest: sha256('a') },
  { path: 'b+c_d-1.tar', digest: sha256('b') },
];
const hex = sha256('a').slice(7);

test('format and parse are inverse, and the size is known beforehand', () => {
  const bytes = formatChecksums(lines);
  expect([...parseChecksums(bytes)]).toEqual(lines.map(({ path, digest }) => [path, digest]));
  expect(bytes).toHaveLength(checksumsBytes(lines.map(({ path }) => path)));
  expect(parseChecksums(Buffer.alloc(0)).size).toBe(0);
});

test('sha256sum checks it', async () => {
  await writeFile(temp.join('a.txt'), 'a');
  await writeFile(temp.join('b+c_d-1.tar'), 'b');
  await writeFile(temp.join('checksums.txt'), formatChecksums(lines));
  const { stdout } = await runOk(toolPath('sha256sum'), ['--strict', '-c', 'checksums.txt'], { cwd: temp.path });
  expect(stdout).toBe('a.txt: OK\nb+c_d-1.tar: OK\n');
});

describe('refused:', () => {
  test.each([
    ['no line feed at the end', `${hex}  a`],
    ['CRLF', `${hex}  a\r\n`],
    ['a blank line', `${hex}  a\n\n`],
    ['a comment', `# sums\n${hex}  a\n`],
    ['a binary mark', `${hex} *a\n`],
    ['one space', `${hex} a\n`],
    ['three spaces', `${hex}   a\n`],
    ['an escaped name', `\\${hex}  a\\nb\n`],
    ['upper-case digits', `${hex.toUpperCase()}  a\n`],
    ['a short digest', `${hex.slice(1)}  a\n`],
    ['a long digest', `${hex}0  a\n`],
    ['an algorithm', `sha256:${hex}  a\n`],
    ['BSD style', `SHA256 (a) = ${hex}\n`],
    ['a repeated path', `${hex}  a\n${hex}  a\n`],
    ['no path', `${hex}  \n`],
    ['a NUL', `${hex}  a\0\n`],
    ['a byte order mark', `\uFEFF${hex}  a\n`],
    ['a letter that is not ASCII', `${hex}  ä\n`],
    ['a path that is too long', `${hex}  ${'a'.repeat(256)}\n`],
    ['a leading space', ` ${hex}  a\n`],
    ['a trailing space', `${hex}  a \n`],
  ])('%s', async (_, text) => {
    expect(await rejectionOf(() => parseChecksums(Buffer.from(text)))).toMatchObject({
      name: 'IntegrityError',
      code: 'MALFORMED',
    });
  });
});
