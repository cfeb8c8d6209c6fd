/** Trust documents on disk: which files make a chain, and which directories hold none. */
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  readTrustChain,
  readTrustDirectory,
  readTrustFile,
  writeTrustFile,
} from '../../../src/trust/documents/document-files.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { makeDocument, signTrust, trustBytes } from './trust-documents.ts';

const temp = useTempDir();
const version = (number: number) => signTrust(makeDocument({ version: number }));
const numbers = (chain: readonly { readonly document: { readonly version: number } }[]): readonly number[] =>
  chain.map(({ document }) => document.version);

test('all versions of a directory are read, oldest first, and no file of another name', async () => {
  for (const number of [10, 9, 8]) await writeTrustFile(temp.path, version(number));
  for (const name of ['7.trust.json.bak', '0.trust.json', 'x.trust.json']) await writeFile(temp.join(name), 'no');
  expect(numbers(await readTrustDirectory(temp.path))).toEqual([8, 9, 10]);
  expect(numbers(await readTrustChain(temp.path))).toEqual([8, 9, 10]);
});

test('a file stands for itself and what lies before it without a gap, under its own name', async () => {
  for (const number of [1, 3, 4, 5]) await writeTrustFile(temp.path, version(number));
  await writeFile(temp.join('newest.json'), trustBytes(version(5)));
  expect(numbers(await readTrustChain(temp.join('4.trust.json')))).toEqual([3, 4]);
  expect(numbers(await readTrustChain(temp.join('newest.json')))).toEqual([5]);
  await expect(readTrustDirectory(temp.path)).rejects.toMatchObject({
    code: 'USAGE',
    message: `${temp.path} has 3.trust.json and not 2.trust.json`,
  });
});

test('a name that promises another version is refused with the right one', async () => {
  await writeFile(temp.join('2.trust.json'), trustBytes(version(3)));
  await expect(readTrustFile(temp.join('2.trust.json'))).rejects.toMatchObject({
    message: `${temp.join('2.trust.json')} holds version 3`,
    hint: 'call it 3.trust.json',
  });
});

test('a directory without any, and what is none, are told apart', async () => {
  const refused = (message: string): object => ({
    code: 'NOT_FOUND',
    message: expect.stringContaining(message) as string,
  });
  await expect(readTrustDirectory(temp.path)).rejects.toMatchObject(refused('holds no trust document'));
  await expect(readTrustDirectory(temp.join('no'))).rejects.toMatchObject(
    refused('is not a directory that can be read'),
  );
});

test('a thousand versions are looked at, and one more is too many', async () => {
  for (let number = 1; number <= 1000; number += 1) await writeFile(temp.join(`${number}.trust.json`), '');
  await expect(readTrustDirectory(temp.path)).rejects.toThrow('1.trust.json');
  await writeFile(temp.join('1001.trust.json'), '');
  await expect(readTrustDirectory(temp.path)).rejects.toThrow(`${temp.path} holds more than 1000 versions`);
});
