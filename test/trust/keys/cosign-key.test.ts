/** Private key files of cosign itself: opened with their passphrase, and not trusted with our memory. */
import { scryptSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { describe, expect, it } from 'vitest';
import { generateKeyPair, loadPublicKey, publicKeyOf } from '../../../src/trust/keys/public-key.ts';
import { isEncryptedPrivateKey, loadPrivateKey } from '../../../src/trust/keys/private-key.ts';
import { createKeySigner } from '../../../src/trust/signing/signer.ts';
import { processorTimeOf } from '../../helpers/processor-time.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { runOk } from '../../helpers/run.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { failure } from '../failures.ts';

const temp = useTempDir();
const PASSPHRASE = 'correct horse ü 馬';

interface KeyJson {
  kdf: { name: string; params: { N: number; r: number; p: number; [other: string]: number }; salt: string };
  cipher: { name: string; nonce: string };
  ciphertext: string;
  [field: string]: unknown;
}

const { privateKey } = generateKeyPair('ed25519');
const salt = Buffer.alloc(32, 1);
const nonce = Buffer.alloc(24, 2);

/** A key file with parameters that take no time, in which some fields are changed afterwards. */
function keyFile(change: (json: KeyJson) => void = () => undefined, label = 'ENCRYPTED SIGSTORE PRIVATE KEY'): string {
  const secret = scryptSync(PASSPHRASE, salt, 32, { N: 16, r: 8, p: 1 });
  const plain = privateKey.export({ type: 'pkcs8', format: 'der' });
  const json: KeyJson = {
    kdf: { name: 'scrypt', params: { N: 16, r: 8, p: 1 }, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(xsalsa20poly1305(secret, nonce).encrypt(plain)).toString('base64'),
  };
  change(json);
  return toPem(JSON.stringify(json), label);
}

function toPem(text: string, label = 'ENCRYPTED SIGSTORE PRIVATE KEY'): string {
  const lines = Buffer.from(text).toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

describe.each(['cosign2', 'cosign3'])('a key of %s', (name) => {
  const cosign = requireTool(name);

  it.skipIf(cosign === undefined)('signs here as it does there', async () => {
    const env = { COSIGN_PASSWORD: PASSPHRASE, HOME: temp.path };
    await runOk(cosign ?? '', ['generate-key-pair'], { cwd: temp.path, env });
    const pem = await readFile(temp.join('cosign.key'), 'utf8');
    expect(isEncryptedPrivateKey(pem)).toBe(true);
    const key = loadPrivateKey(pem, { passphrase: PASSPHRASE });
    const publicKey = loadPublicKey(await readFile(temp.join('cosign.pub'), 'utf8'));
    expect(publicKeyOf(key).equals(publicKey)).toBe(true);
    await expect(createKeySigner(key).sign(Buffer.from('data'))).resolves.toBeDefined();
    expect(() => loadPrivateKey(pem, { passphrase: 'wrong', name: 'cosign.key' })).toThrow(
      failure('AuthError', 'DENIED', 'cosign.key cannot be decrypted', 'cosign public-key'),
    );
    expect(() => loadPrivateKey(pem)).toThrow(failure('AuthError', 'UNAUTHENTICATED'));
  });
});

it('reads both labels that cosign has used, and line ends of Windows', () => {
  for (const label of ['ENCRYPTED SIGSTORE PRIVATE KEY', 'ENCRYPTED COSIGN PRIVATE KEY']) {
    const pem = keyFile(undefined, label);
    expect(isEncryptedPrivateKey(pem)).toBe(true);
    expect(loadPrivateKey(pem, { passphrase: PASSPHRASE }).equals(privateKey)).toBe(true);
    expect(loadPrivateKey(pem.replaceAll('\n', '\r\n'), { passphrase: PASSPHRASE }).equals(privateKey)).toBe(true);
  }
});

describe('what a key file may not ask for', () => {
  const GIB = 1024 ** 3;

  it.each<[string, { N?: number; r?: number; p?: number }]>([
    ['a gigabyte', { N: GIB / (128 * 8) }],
    ['a gigabyte, the other way', { N: 16, r: GIB / (128 * 16) }],
    ['the largest number', { N: Number.MAX_SAFE_INTEGER }],
    ['hours', { p: 1_000_000 }],
    ['a number that is no power of two', { N: 1000 }],
  ])('%s', async (_, params) => {
    const pem = keyFile((json) => Object.assign(json.kdf.params, params));
    const time = await processorTimeOf(() =>
      expect(() => loadPrivateKey(pem, { passphrase: PASSPHRASE, name: 'k' })).toThrow(
        failure('UsageError', 'USAGE', 'k asks for scrypt with'),
      ),
    );
    // The least of these would take seconds.
    expect(time).toBeLessThan(500);
  });

  it('what cosign asks for is well within', () => {
    const pem = keyFile((json) => Object.assign(json.kdf.params, { N: 65536 }));
    // With other parameters another secret comes out: it was derived, and does not open the box.
    expect(() => loadPrivateKey(pem, { passphrase: PASSPHRASE })).toThrow(failure('AuthError', 'DENIED'));
  });
});

it('opens a key with the shortest salt that is taken', () => {
  const short = keyFile((json) => (json.kdf.salt = Buffer.alloc(8, 1).toString('base64')));
  // It was salted otherwise: what is derived does not open the box.
  expect(() => loadPrivateKey(short, { passphrase: PASSPHRASE })).toThrow(failure('AuthError', 'DENIED'));
});

describe('a file is no key of cosign', () => {
  it.each<[string, (json: KeyJson) => void]>([
    ['another derivation', (json) => (json.kdf.name = 'argon2id')],
    ['another cipher', (json) => (json.cipher.name = 'aes')],
    ['an unknown field', (json) => (json['extra'] = 1)],
    ['an unknown parameter', (json) => (json.kdf.params['extra'] = 1)],
    ['a fraction', (json) => (json.kdf.params.r = 1.5)],
    ['nothing to derive', (json) => (json.kdf.params.N = 1)],
    ['a negative number', (json) => (json.kdf.params.p = -1)],
    ['no salt', (json) => (json.kdf.salt = '')],
    ['a short salt', (json) => (json.kdf.salt = Buffer.alloc(7).toString('base64'))],
    ['a short nonce', (json) => (json.cipher.nonce = 'AAAA')],
    ['no base64', (json) => (json.ciphertext = '????')],
  ])('when it has %s', (_, change) => {
    expect(() => loadPrivateKey(keyFile(change), { passphrase: PASSPHRASE, name: 'k' })).toThrow(
      failure('UsageError', 'USAGE', 'k is labelled as a key of cosign', 'cosign generate-key-pair'),
    );
  });

  it('when it holds no JSON', () => {
    for (const text of ['', 'null', '[]', '{']) {
      expect(() => loadPrivateKey(toPem(text), { passphrase: PASSPHRASE })).toThrow(failure('UsageError', 'USAGE'));
    }
  });

  it('a box with one bit changed, or with something else inside', () => {
    const flipped = keyFile((json) => {
      const box = Buffer.from(json.ciphertext, 'base64');
      box.writeUInt8(box.readUInt8(20) ^ 1, 20);
      json.ciphertext = box.toString('base64');
    });
    expect(() => loadPrivateKey(flipped, { passphrase: PASSPHRASE })).toThrow(failure('AuthError', 'DENIED'));
    const secret = scryptSync(PASSPHRASE, salt, 32, { N: 16, r: 8, p: 1 });
    const garbage = keyFile(
      (json) => (json.ciphertext = Buffer.from(xsalsa20poly1305(secret, nonce).encrypt(salt)).toString('base64')),
    );
    expect(() => loadPrivateKey(garbage, { passphrase: PASSPHRASE })).toThrow(failure('AuthError', 'DENIED'));
  });
});
