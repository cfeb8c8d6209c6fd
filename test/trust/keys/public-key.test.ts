/** Keys: made, encrypted, read back, read by OpenSSL, and every other thing refused with a reason. */
import { spawnSync } from 'node:child_process';
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encryptPrivateKey } from '../../../src/trust/keys/key-encryption.ts';
import {
  algorithmOf,
  generateKeyPair,
  keyHint,
  keyId,
  loadPublicKey,
  publicKeyOf,
  toPublicKeyPem,
  type KeyAlgorithm,
} from '../../../src/trust/keys/public-key.ts';
import { isEncryptedPrivateKey, loadPrivateKey } from '../../../src/trust/keys/private-key.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { failure } from '../failures.ts';
import { compressedForm } from '../signatures.ts';

const ALGORITHMS: readonly KeyAlgorithm[] = ['ecdsa-p256', 'ed25519'];
const SPKI = { type: 'spki', format: 'der' } as const;
const openssl = requireTool('openssl');

describe.each(ALGORITHMS)('a key of kind %s', (algorithm) => {
  const pair = generateKeyPair(algorithm);
  const passphrase = 'correct horse ü 馬';
  const encrypted = encryptPrivateKey(pair.privateKey, passphrase);

  it('is read back from its encrypted and its plain form', () => {
    const plain = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    expect(isEncryptedPrivateKey(encrypted)).toBe(true);
    expect(isEncryptedPrivateKey(plain)).toBe(false);
    expect(loadPrivateKey(encrypted, { passphrase }).equals(pair.privateKey)).toBe(true);
    expect(loadPrivateKey(plain).equals(pair.privateKey)).toBe(true);
    expect(loadPublicKey(toPublicKeyPem(pair.publicKey)).equals(pair.publicKey)).toBe(true);
    expect(publicKeyOf(pair.privateKey).equals(pair.publicKey)).toBe(true);
    expect(algorithmOf(pair.publicKey)).toBe(algorithm);
  });

  it('is named by the sha256 of its SubjectPublicKeyInfo', () => {
    const digest = createHash('sha256').update(pair.publicKey.export(SPKI)).digest();
    expect(keyId(pair.publicKey)).toBe(digest.toString('hex'));
    expect(keyHint(pair.publicKey)).toBe(digest.toString('base64'));
  });

  it('is written as PEM asks for: 64 characters a line, but for the last', () => {
    const [begin, ...lines] = encrypted.trim().split('\n');
    expect([begin, lines.pop()]).toEqual([
      '-----BEGIN ENCRYPTED PRIVATE KEY-----',
      '-----END ENCRYPTED PRIVATE KEY-----',
    ]);
    expect(new Set(lines.slice(0, -1).map((line) => line.length))).toEqual(new Set([64]));
    expect(lines.at(-1)?.length).toBeLessThanOrEqual(64);
  });

  it('never gives the same encrypted file twice', () => {
    expect(encryptPrivateKey(pair.privateKey, passphrase)).not.toBe(encrypted);
  });

  it('needs its passphrase, and the right one', () => {
    const [missing, wrong] = [
      failure('AuthError', 'UNAUTHENTICATED', 'ci.key'),
      failure('AuthError', 'DENIED', 'ci.key'),
    ];
    expect(() => loadPrivateKey(encrypted, { name: 'ci.key' })).toThrow(missing);
    expect(() => loadPrivateKey(encrypted, { passphrase: 'correct horse', name: 'ci.key' })).toThrow(wrong);
    expect(() => loadPrivateKey(encrypted, { passphrase: '' })).toThrow(failure('UsageError', 'USAGE'));
  });

  it.skipIf(openssl === undefined)('is read by OpenSSL, which shows 600,000 iterations', () => {
    const env = { ...process.env, PASSPHRASE: passphrase };
    const run = (args: readonly string[]): string =>
      spawnSync(openssl ?? '', args, { input: encrypted, env, encoding: 'utf8' }).stdout;
    expect(run(['pkey', '-passin', 'env:PASSPHRASE', '-pubout'])).toBe(toPublicKeyPem(pair.publicKey));
    const structure = run(['asn1parse']);
    expect(structure).toMatch(/:PBES2\n[^]*:PBKDF2\n[^]*:0927C0\n[^]*:hmacWithSHA256\n[^]*:aes-256-cbc\n/);
  });
});

/** Why Node's OpenSSL does not open the key. */
function openSslReason(pem: string, passphrase: string): string | undefined {
  try {
    createPrivateKey({ key: pem, passphrase });
  } catch (error) {
    return (error as { reason?: string }).reason;
  }
  throw new Error(`${passphrase} opens the key`);
}

describe('keys made elsewhere', () => {
  it.skipIf(openssl === undefined).each([
    ['EC', ['-pkeyopt', 'ec_paramgen_curve:P-256']],
    ['ED25519', []],
  ])('reads an encrypted %s key of OpenSSL', (kind, options) => {
    const args = ['genpkey', '-algorithm', kind, ...options, '-aes-256-cbc', '-pass', 'pass:secret'];
    const pem = spawnSync(openssl ?? '', args, { encoding: 'utf8' }).stdout;
    expect(loadPrivateKey(pem, { passphrase: 'secret' }).type).toBe('private');
  });

  it('calls every wrong passphrase wrong, lucky padding included', () => {
    const { privateKey } = generateKeyPair('ed25519');
    const pem = privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'right',
    }) as string;
    // About one wrong passphrase in 256 leaves padding that is right: the search goes on until OpenSSL took one so far.
    let wasLucky = false;
    for (let attempt = 0; !wasLucky; attempt += 1) {
      const passphrase = `wrong ${attempt}`;
      wasLucky = openSslReason(pem, passphrase) !== 'bad decrypt';
      if (attempt > 20 && !wasLucky) continue;
      expect(() => loadPrivateKey(pem, { passphrase })).toThrow(failure('AuthError', 'DENIED'));
    }
  });

  it('gives one fingerprint to one key, however it is spelled', () => {
    const { publicKey } = generateKeyPair('ecdsa-p256');
    const compressed = compressedForm(publicKey);
    expect(compressed.export(SPKI)).not.toEqual(publicKey.export(SPKI));
    expect(keyId(compressed)).toBe(keyId(publicKey));
    expect(toPublicKeyPem(compressed)).toBe(toPublicKeyPem(publicKey));
    const loaded = loadPublicKey(compressed.export({ type: 'spki', format: 'pem' }) as string);
    expect(loaded.export(SPKI)).toEqual(publicKey.export(SPKI));
  });
});

describe('what is not accepted', () => {
  const { privateKey, publicKey } = generateKeyPair('ecdsa-p256');
  const publicPem = toPublicKeyPem(publicKey);
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const usageError = (text: string): Error => failure('UsageError', 'USAGE', text);

  it.each<[string, KeyObject]>([
    ['secp384r1', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey],
    ['rsa', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
    ['x25519', generateKeyPairSync('x25519').privateKey],
    ['ed448', generateKeyPairSync('ed448').privateKey],
  ])('refuses a key of kind %s', (kind, key) => {
    const pem = key.export({ type: 'pkcs8', format: 'pem' }) as string;
    const encrypted = key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }) as string;
    const publicHalf = createPublicKey(key);
    expect(() => loadPrivateKey(pem, { name: 'my.key' })).toThrow(usageError(kind));
    expect(() => loadPrivateKey(pem, { name: 'my.key' })).toThrow(usageError('my.key'));
    expect(() => loadPrivateKey(encrypted, { passphrase: 'x' })).toThrow(usageError(kind));
    expect(() => loadPublicKey(publicHalf.export({ type: 'spki', format: 'pem' }) as string)).toThrow(usageError(kind));
    expect(() => encryptPrivateKey(key, 'x')).toThrow(usageError(kind));
    expect(() => keyId(publicHalf)).toThrow(usageError(kind));
  });

  it('refuses a private key where a public one is needed, and the reverse', () => {
    expect(() => loadPublicKey(privatePem, 'ci.pub')).toThrow(usageError('ci.pub holds a private key'));
    expect(() => loadPublicKey(encryptPrivateKey(privateKey, 'x'))).toThrow(usageError('private key'));
    expect(() => loadPrivateKey(publicPem)).toThrow(usageError('PUBLIC KEY'));
  });

  it('refuses other PEM files and points at the way out', () => {
    const sec1 = privateKey.export({ type: 'sec1', format: 'pem' }) as string;
    expect(() => loadPrivateKey(sec1)).toThrow(failure('UsageError', 'USAGE', 'EC PRIVATE KEY', 'openssl pkcs8'));
    const certificate = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
    expect(() => loadPublicKey(certificate)).toThrow(usageError('CERTIFICATE'));
  });

  it('refuses what is not a key at all', () => {
    const garbage = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n';
    for (const text of ['', 'garbage', garbage, 'x'.repeat(70_000), publicPem + publicPem, publicPem + privatePem]) {
      expect(() => loadPublicKey(text)).toThrow(usageError('the public key'));
      expect(() => loadPrivateKey(text)).toThrow(usageError('the private key'));
    }
    expect(() => loadPrivateKey(garbage.replaceAll('PUBLIC', 'PRIVATE'))).toThrow(usageError('cannot be read'));
  });

  it('refuses to encrypt with a passphrase that could not be used', () => {
    expect(() => encryptPrivateKey(privateKey, '')).toThrow(usageError('empty'));
    expect(() => encryptPrivateKey(privateKey, 'ü'.repeat(513))).toThrow(usageError('1024'));
    const longest = 'ü'.repeat(512);
    expect(loadPrivateKey(encryptPrivateKey(privateKey, longest), { passphrase: longest }).equals(privateKey)).toBe(
      true,
    );
  });
});
