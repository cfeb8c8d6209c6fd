/** Key files on disk: modes, never overwriting, both or neither. */
import { readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { writeKeyPair } from '../../../src/trust/keys/key-files.ts';
import { generateKeyPair, keyId, loadPublicKey } from '../../../src/trust/keys/public-key.ts';
import { loadPrivateKey } from '../../../src/trust/keys/private-key.ts';
import { runOk } from '../../helpers/run.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { failure } from '../failures.ts';

const pair = generateKeyPair('ed25519');
const exists = failure('UsageError', 'USAGE', 'exists already');
const temp = useTempDir();

it('writes an encrypted private key for its owner only, and a public key', async () => {
  const umask = process.umask(0);
  const written = await writeKeyPair(temp.join('ci'), pair, 'secret').finally(() => process.umask(umask));
  expect(written).toEqual({
    privateKeyPath: temp.join('ci.key'),
    publicKeyPath: temp.join('ci.pub'),
    keyId: keyId(pair.publicKey),
  });
  expect((await stat(written.privateKeyPath)).mode & 0o777).toBe(0o600);
  expect((await stat(written.publicKeyPath)).mode & 0o777).toBe(0o644);
  const privateKey = loadPrivateKey(await readFile(written.privateKeyPath, 'utf8'), { passphrase: 'secret' });
  expect(privateKey.equals(pair.privateKey)).toBe(true);
  expect(loadPublicKey(await readFile(written.publicKeyPath, 'utf8')).equals(pair.publicKey)).toBe(true);
});

it.each(['ci.key', 'ci.pub'])('leaves an existing %s alone and writes nothing', async (name) => {
  await writeFile(temp.join(name), 'precious');
  await expect(writeKeyPair(temp.join('ci'), pair, 'secret')).rejects.toThrow(exists);
  expect(await readdir(temp.path)).toEqual([name]);
  expect(await readFile(temp.join(name), 'utf8')).toBe('precious');
});

it('does not write through a symbolic link, a dangling one included', async () => {
  await symlink(temp.join('elsewhere'), temp.join('ci.pub'));
  await expect(writeKeyPair(temp.join('ci'), pair, 'secret')).rejects.toThrow(exists);
  expect(await readdir(temp.path)).toEqual(['ci.pub']);
  expect(await readlink(temp.join('ci.pub'))).toBe(temp.join('elsewhere'));
});

it('gives one winner when two write at once, and leaves a whole pair', async () => {
  const pairs = Array.from({ length: 4 }, () => generateKeyPair('ed25519'));
  const outcomes = await Promise.allSettled(pairs.map((each) => writeKeyPair(temp.join('ci'), each, 'secret')));
  expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
  const winner = pairs[outcomes.findIndex((outcome) => outcome.status === 'fulfilled')];
  const publicKey = loadPublicKey(await readFile(temp.join('ci.pub'), 'utf8'));
  expect(publicKey.equals(winner?.publicKey ?? pair.publicKey)).toBe(true);
  const privateKey = loadPrivateKey(await readFile(temp.join('ci.key'), 'utf8'), { passphrase: 'secret' });
  expect(privateKey.equals(winner?.privateKey ?? pair.privateKey)).toBe(true);
});

it('says that the directory is missing, and refuses an empty passphrase before writing', async () => {
  const noDirectory = failure('UsageError', 'USAGE', 'directory does not exist');
  await expect(writeKeyPair(temp.join('no', 'ci'), pair, 'secret')).rejects.toThrow(noDirectory);
  await expect(writeKeyPair(temp.join('ci'), pair, '')).rejects.toThrow(failure('UsageError', 'USAGE', 'empty'));
  expect(await readdir(temp.path)).toEqual([]);
});

it('opens a key that OpenSSL encrypted with bytes that are no text, and with no others', async () => {
  const bytes = Buffer.from([0x61, 0xe9, 0xff]);
  await writeFile(temp.join('passphrase'), bytes);
  const plain = temp.join('plain.key');
  await runOk('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', plain]);
  const { stdout } = await runOk('openssl', ['pkcs8', '-topk8', '-in', plain, '-passout', `file:${temp.join('passphrase')}`]);
  expect(loadPrivateKey(stdout, { passphrase: bytes }).asymmetricKeyType).toBe('ec');
  for (const other of [Buffer.from([0x61, 0xe8, 0xff]), bytes.toString('utf8')]) {
    expect(() => loadPrivateKey(stdout, { passphrase: other })).toThrow(failure('AuthError', 'DENIED', 'wrong'));
  }
}); // prettier-ignore
