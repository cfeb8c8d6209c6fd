/** Provenance files of charts: who signed, whether that counts today, and whether it is about this package. */
import { createCleartextMessage, generateKey, readKey, reformatKey, revokeKey, sign, type PrivateKey } from 'openpgp';
import { beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/oci/digest.ts';
import { verifyChartProvenance, type ProvenanceSigner } from '../../../src/trust/evidence/chart-provenance.ts';

const NOW = new Date('2026-06-01T00:00:00Z');
const MADE = new Date('2026-01-01T00:00:00Z');
const SUM = sha256('the package').slice('sha256:'.length);
const textFor = (sums: string): string => `apiVersion: v2\nname: app\nversion: 1.0.0\n\n...\nfiles:\n${sums}`;
const TEXT = textFor(`  app-1.0.0.tgz: sha256:${SUM}\n`);

let alice: PrivateKey;
let mallory: PrivateKey;
let shortLived: PrivateKey;

const makeKey = async (name: string, seconds = 0): Promise<PrivateKey> => {
  const userIDs = [{ name, email: `${name}@example.com` }];
  const options = { type: 'ecc', curve: 'ed25519Legacy', userIDs, date: MADE, format: 'object' } as const;
  return (await generateKey({ ...options, keyExpirationTime: seconds })).privateKey;
};

beforeAll(async () => {
  [alice, mallory, shortLived] = await Promise.all([makeKey('alice'), makeKey('mallory'), makeKey('short', 24 * 3600)]);
});

async function provenance(text = TEXT, signer = alice, date = MADE): Promise<string> {
  const message = await createCleartextMessage({ text });
  return sign({ message, signingKeys: signer, date: new Date(date.getTime() + 1000) });
}

const binary = (...keys: readonly PrivateKey[]): Buffer => Buffer.concat(keys.map((key) => key.toPublic().write()));

function verify(text: string | Uint8Array, keyring: Uint8Array, now = NOW): Promise<ProvenanceSigner> {
  return verifyChartProvenance({
    provenance: Buffer.from(text),
    shownAs: 'app-1.0.0.tgz.prov',
    keyring,
    keyringName: 'keys/pubring.gpg',
    fileName: 'app-1.0.0.tgz',
    sha256: SUM,
    now,
  });
}

describe('a provenance file that a key of the keyring signed', () => {
  test('names its signer, with the keyring armoured or not', async () => {
    const signer = { fingerprint: alice.getFingerprint(), userIds: ['alice <alice@example.com>'] };
    expect(await verify(await provenance(), binary(mallory, alice))).toEqual(signer);
    expect(await verify(await provenance(), Buffer.from(alice.toPublic().armor()))).toEqual(signer);
    expect(await verify((await provenance()).replaceAll('\n', '\r\n'), binary(alice))).toEqual(signer);
  });

  test.for<[string, string, RegExp]>([
    [
      'about a file of another name',
      textFor(`  app-1.0.1.tgz: sha256:${SUM}\n`),
      /does not contain a SHA for a file named "app-1.0.0.tgz"/,
    ],
    [
      'about other bytes',
      textFor(`  app-1.0.0.tgz: sha256:${'0'.repeat(64)}\n`),
      /sha256 sum does not match for app-1.0.0.tgz/,
    ],
  ])('%s is refused', async ([, text, message]) => {
    const attempt = verify(await provenance(text), binary(alice));
    await expect(attempt).rejects.toMatchObject({
      code: 'SUBJECT_MISMATCH',
      message: expect.stringMatching(message) as string,
    });
  });

  test.for<[string, string]>([
    ['without sums', 'name: app\n'],
    ['with sums that are none', textFor('  - 1\n')],
    ['with sums that are no YAML', `a\n...\nfiles: {`],
  ])('%s is refused', async ([, text]) => {
    await expect(verify(await provenance(text), binary(alice))).rejects.toMatchObject({ code: 'MALFORMED' });
  });
});

describe('what vouches for nothing', () => {
  test('a key that is not in the keyring', async () => {
    await expect(verify(await provenance(TEXT, mallory), binary(alice))).rejects.toMatchObject({
      code: 'UNTRUSTED_SIGNER',
      message: `app-1.0.0.tgz.prov: signature made by unknown entity: no key ${mallory.getKeyID().toHex().toUpperCase()} in keys/pubring.gpg`,
    });
  });

  test('a message that was changed after it was signed', async () => {
    const changed = (await provenance()).replace('name: app', 'name: apq');
    await expect(verify(changed, binary(alice))).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
  });

  test('a signature that was taken from another message', async () => {
    const [mine, other] = [await provenance(), await provenance('other\n')];
    const at = '-----BEGIN PGP SIGNATURE-----';
    const mixed = `${mine.split(at)[0] ?? ''}${at}${other.split(at)[1] ?? ''}`;
    await expect(verify(mixed, binary(alice))).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
  });

  test('a key that has expired since', async () => {
    const signed = await provenance(TEXT, shortLived);
    await expect(verify(signed, binary(shortLived), new Date('2026-01-01T12:00:00Z'))).resolves.toBeDefined();
    await expect(verify(signed, binary(shortLived))).rejects.toMatchObject({
      code: 'EXPIRED',
      message: 'app-1.0.0.tgz.prov: signed by short <short@example.com>, whose key expired on 2026-01-02',
    });
  });

  test('a key that was revoked', async () => {
    const { publicKey } = await revokeKey({ key: mallory, date: new Date('2026-02-01T00:00:00Z'), format: 'armored' });
    const revoked = await readKey({ armoredKey: publicKey });
    const attempt = verify(await provenance(TEXT, mallory), Buffer.from(revoked.write()));
    await expect(attempt).rejects.toMatchObject({ code: 'REVOKED' });
  });

  test('a signature from the future', async () => {
    const signed = await provenance(TEXT, alice, new Date('2026-07-01T00:00:00Z'));
    await expect(verify(signed, binary(alice))).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
  });

  test('another key in the name of the same person', async () => {
    const { privateKey } = await reformatKey({
      privateKey: mallory,
      userIDs: [{ name: 'alice' }],
      date: MADE,
      format: 'object',
    });
    await expect(verify(await provenance(), Buffer.from(privateKey.toPublic().write()))).rejects.toMatchObject({
      code: 'UNTRUSTED_SIGNER',
    });
  });
});

describe('what is no such file', () => {
  test.for<[string, Buffer]>([
    ['a page', Buffer.from('<!DOCTYPE html>')],
    ['nothing', Buffer.alloc(0)],
    ['bytes', Buffer.from([0xff, 0xfe, 0])],
    ['a message that ends early', Buffer.from('-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nhello\n')],
  ])('%s is refused', async ([, bytes]) => {
    await expect(verify(bytes, binary(alice))).rejects.toMatchObject({ code: 'MALFORMED' });
  });

  test.for<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /holds no key|is no keyring/],
    ['text', Buffer.from('hello'), /is no keyring/],
    ['a keybox', Buffer.concat([Buffer.alloc(8), Buffer.from('KBXf'), Buffer.alloc(20)]), /is a keybox of GnuPG/],
  ])('%s is no keyring', async ([, keyring, message]) => {
    await expect(verify(await provenance(), keyring)).rejects.toMatchObject({
      code: 'INVALID_SPEC',
      message: expect.stringMatching(message) as string,
      hint: 'write one with: gpg --export KEY > keys/pubring.gpg',
    });
  });
});

test.each<[string, Uint8Array, string]>([
  ['bytes that are no text', Buffer.from([0xff, 0xfe]), 'is not text'],
  ['text without a signature', Buffer.from(TEXT), 'is no message signed with OpenPGP'],
])('a provenance file of %s is malformed', async (_, bytes, words) => {
  await expect(verify(bytes, binary(alice))).rejects.toMatchObject({
    code: 'MALFORMED',
    message: expect.stringContaining(words) as string,
  });
});
