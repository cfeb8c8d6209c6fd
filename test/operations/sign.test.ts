/** A further signature on a finished archive: where it is written, and what is refused before anything is. */
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { beforeEach, expect, test } from 'vitest';
import { trustArchive } from '../../src/archive/verification/trusted-archive.ts';
import { signArchive } from '../../src/operations/sign.ts';
import { createKeySigner } from '../../src/trust/signing/signer.ts';
import { contentsOf, fixedKeyPair, forgeArchive } from '../archive/forge.ts';
import { makeRelease } from '../archive/sample-release.ts';
import { useTempDir } from '../helpers/temp.ts';

const temp = useTempDir();
const [maker, second] = [fixedKeyPair('maker'), fixedKeyPair('second')];
const signers = [maker, second].map(({ privateKey }) => createKeySigner(privateKey));
let whole: Buffer;
let path: string;

beforeEach(async () => {
  if (whole === undefined) {
    const release = await makeRelease();
    whole = await forgeArchive(release.inventory, contentsOf(release), signers[0]);
  }
  path = temp.join('a.tar');
  await writeFile(path, whole);
});

/** Of both keys, so that neither signature alone is enough. */
async function expectBothAccepted(): Promise<void> {
  using trusted = await trustArchive(path, { keys: [maker.publicKey, second.publicKey], threshold: 2 });
  expect(trusted.release.signers).toHaveLength(2);
}

test('a second key signs in the free slot of the archive, and nothing else of it changes', async () => {
  const steps: (readonly [number, number])[] = [];
  const report = await signArchive(path, signers[1]!, { onProgress: (...step) => steps.push(step) });
  expect(report).toMatchObject({ path, place: 'signatures/2.sigstore.json', others: [expect.any(String)] });
  const bytes = await readFile(path);
  const changed = [...bytes.keys()].filter((at) => bytes[at] !== whole[at]);
  expect(bytes).toHaveLength(whole.length);
  expect((changed.at(-1) ?? Infinity) - (changed[0] ?? 0)).toBeLessThan(512);
  const [done, total] = steps.at(-1) ?? [];
  expect([done, steps.every(([, all]) => all === total)]).toEqual([total, true]);
  expect(await readdir(temp.path)).toEqual(['a.tar']);
  await expectBothAccepted();
});

test('a detached signature lies beside the archive, which is left alone', async () => {
  const { place } = await signArchive(path, signers[1]!, { detached: true });
  expect(await readFile(path)).toEqual(whole);
  expect((await readdir(temp.path)).map((name) => temp.join(name))).toEqual([path, place]);
  await expectBothAccepted();
});

test.each([false, true])('a key that has signed already is refused, and nothing is written; detached: %s', async (detached) => {
  await expect(signArchive(path, signers[0]!, { detached })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('already, in signatures/1.sigstore.json') as string,
  });
  expect([await readdir(temp.path), await readFile(path)]).toEqual([['a.tar'], whole]);
}); // prettier-ignore

test('an archive without a free slot is refused, and takes a signature beside it', async () => {
  await signArchive(path, signers[1]!);
  const third = createKeySigner(fixedKeyPair('third').privateKey);
  await expect(signArchive(path, third)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('no free slot') as string,
    hint: expect.stringContaining('--detached') as string,
  });
  expect((await signArchive(path, third, { detached: true })).others).toHaveLength(2);
});

test.each([0o444, 0o555])('an archive that is marked read-only is left alone, though the superuser could write it (%o)', async (mode) => {
  await chmod(path, mode);
  await expect(signArchive(path, signers[1]!)).rejects.toMatchObject({ code: 'USAGE', message: `${path} is read-only` });
  expect(await readdir(temp.path)).toEqual(['a.tar']);
  await signArchive(path, signers[1]!, { detached: true });
  expect(await readFile(path)).toEqual(whole);
}); // prettier-ignore

test('an archive with one wrong byte at its end is not signed', async () => {
  const damaged = Buffer.from(whole);
  const last = damaged.findLastIndex((byte) => byte !== 0);
  damaged[last] = (damaged[last] ?? 0) ^ 1;
  await writeFile(path, damaged);
  await expect(signArchive(path, signers[1]!)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  expect(await readFile(path)).toEqual(damaged);
});
