/** Files of this machine as a source: each under its digest, from any offset on, and nothing else. */
import { writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../../src/content/verified.ts';
import { sha256 } from '../../src/oci/digest.ts';
import { FileSource } from '../../src/stores/files.ts';
import { useTempDir } from '../helpers/temp.ts';
import { failureOf } from './contract.ts';

const temp = useTempDir();
const bytes = Buffer.from('the content of a file');
const descriptor = { mediaType: 'application/octet-stream', digest: sha256(bytes), size: bytes.length };

beforeEach(() => writeFile(temp.join('a'), bytes));

describe.each(['path', 'bytes'])('content that is known by its %s', (kind) => {
  const source = (): FileSource =>
    new FileSource('files', new Map([[descriptor.digest, kind === 'path' ? { path: temp.join('a') } : { bytes }]]));

  test.each([0, 1, bytes.length - 1, bytes.length])('is read from byte %i on', async (offset) => {
    expect(await collect(source().fetch(descriptor, { offset }))).toEqual(bytes.subarray(offset));
  });

  test('is all that is there, and has no names', async () => {
    expect(await source().exists(descriptor)).toBe(true);
    const other = { ...descriptor, digest: sha256('other') };
    expect(await source().exists(other)).toBe(false);
    expect(await failureOf(collect(source().fetch(other)))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await failureOf(source().resolve('latest'))).toMatchObject({ code: 'NOT_FOUND' });
  });
});
