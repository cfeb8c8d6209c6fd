/** Bundles: one canonical form, everything else refused. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseBundle, serializeBundle } from '../../../src/trust/signatures/bundle.ts';
import { keyHint, keyId } from '../../../src/trust/keys/public-key.ts';
import { failure } from '../failures.ts';
import { forge, signWith, type BundleJson } from '../signatures.ts';

const data = Buffer.from('0123  release.json\n');
const { bundle, publicKey } = await signWith(data, 'ecdsa-p256');
const text = bundle.toString();
const stamp = (json: BundleJson, tokens: readonly string[]): void => {
  const rfc3161Timestamps = tokens.map((signedTimestamp) => ({ signedTimestamp }));
  json.verificationMaterial['timestampVerificationData'] = { rfc3161Timestamps };
};
const refused = (reason: string): Error => failure('TrustError', 'SIGNATURE_INVALID', reason);

/** A bundle whose signature leaves bits of its last base64 digit unused: one ECDSA signature in four leaves none. */
async function signPadded(): Promise<Buffer> {
  for (;;) {
    const signed = await signWith(data, 'ecdsa-p256');
    const { signature } = (JSON.parse(signed.bundle.toString()) as BundleJson).messageSignature;
    if (signature.endsWith('=')) return signed.bundle;
  }
}

describe('the canonical form', () => {
  it('is the complete Sigstore bundle of version 0.3, without white space', () => {
    const parsed = parseBundle(bundle);
    expect(serializeBundle(parsed.bundle)).toEqual(bundle);
    expect(parsed.signer).toEqual({ keyId: keyId(publicKey) });
    const signature: unknown = expect.stringMatching(/^[A-Za-z0-9+/]+=*$/);
    expect(JSON.parse(text)).toEqual({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: keyHint(publicKey) }, timestampVerificationData: {} },
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: createHash('sha256').update(data).digest('base64') },
        signature,
      },
    });
    expect(text).not.toMatch(/\s/);
  });

  it('is read from a view into larger memory', () => {
    const around = Buffer.concat([Buffer.from('xx'), bundle, Buffer.from('yy')]);
    expect(() => parseBundle(new Uint8Array(around.buffer, around.byteOffset + 2, bundle.length))).not.toThrow();
  });
});

describe('other spellings of the same content', () => {
  const firstField = text.slice(1, text.indexOf(',') + 1);
  it.each([
    ['white space before', ` ${text}`],
    ['white space after', `${text}\n`],
    ['white space within', text.replace(':', ': ')],
    ['an escaped letter', text.replace('mediaType', '\\u006dediaType')],
    ['a duplicate field', text.replace('{', `{${firstField}`)],
    ['an earlier duplicate with another value', text.replace('{', '{"mediaType":"x",')],
    ['an unknown field', text.replace('{', '{"x":1,')],
    ['an unknown field within', text.replace('"messageDigest"', '"x":null,"messageDigest"')],
    ['a __proto__ field', text.replace('{', '{"__proto__":{},')],
    ['other field names of protobuf', text.replace('mediaType', 'media_type')],
    ['fields in another order', `{${text.slice(firstField.length + 1, -1)},${firstField.slice(0, -1)}}`],
    ['the algorithm as a number', text.replace('"SHA2_256"', '1')],
    ['base64 of URLs', text.replace(/\+|\//, '_')],
    ['base64 without padding', text.replace(/=+"/, '"')],
    ['a byte order mark', `\uFEFF${text}`],
    ['a second document', text + text],
  ])('refuses %s', (_name, spelled) => {
    expect(spelled).not.toBe(text);
    expect(() => parseBundle(Buffer.from(spelled))).toThrow(refused(''));
  });

  it('refuses stray bits after the last base64 digit', async () => {
    const padded = await signPadded();
    const { signature } = (JSON.parse(padded.toString()) as BundleJson).messageSignature;
    const last = signature.replace(/=+$/, '').slice(-1);
    for (const other of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') {
      if (other === last) continue;
      const changed = signature.replace(new RegExp(`${last.replace(/[+/]/, '\\$&')}(=*)$`), `${other}$1`);
      if (!Buffer.from(changed, 'base64').equals(Buffer.from(signature, 'base64'))) continue;
      const bytes = forge(padded, (json) => {
        json.messageSignature.signature = changed;
      });
      expect(() => parseBundle(bytes)).toThrow(refused('canonical'));
    }
  });
});

describe('other content', () => {
  const dsseEnvelope = { payload: 'AA==', payloadType: 'text/plain', signatures: [{ sig: 'AA==', keyid: '' }] };
  const logEntry = {
    logIndex: '1',
    logId: { keyId: 'AA==' },
    kindVersion: { kind: 'hashedrekord', version: '0.0.1' },
    integratedTime: '1',
    inclusionProof: { logIndex: '1', rootHash: 'AA==', treeSize: '1', hashes: [], checkpoint: { envelope: 'x' } },
    canonicalizedBody: 'AA==',
  };
  it.each<[string, string, (json: BundleJson) => unknown]>([
    ['version 0.2', 'media type', (json) => (json.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2')],
    [
      'version 0.3 of old',
      'media type',
      (json) => (json.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.3'),
    ],
    ['version 0.4', 'media type', (json) => (json.mediaType = 'application/vnd.dev.sigstore.bundle.v0.4+json')],
    ['a media type with a tail', 'media type', (json) => (json.mediaType += ';x')],
    ['no key', 'cannot be read', (json) => Reflect.deleteProperty(json.verificationMaterial, 'publicKey')],
    ['an empty hint', 'hint', (json) => (json.verificationMaterial.publicKey.hint = '')],
    ['a free-text hint', 'hint', (json) => (json.verificationMaterial.publicKey.hint = 'release key')],
    ['a short hint', 'hint', (json) => (json.verificationMaterial.publicKey.hint = 'AAAA')],
    [
      'no timestamp list',
      'timestamps',
      (json) => Reflect.deleteProperty(json.verificationMaterial, 'timestampVerificationData'),
    ],
    ['an empty timestamp', 'oversized timestamp', (json) => stamp(json, [''])],
    ['a long timestamp', 'oversized timestamp', (json) => stamp(json, ['A'.repeat(10_924)])],
    ['many timestamps', 'more than 4 timestamps', (json) => stamp(json, Array<string>(5).fill('AA=='))],
    ['a timestamp with unused bits', 'canonical', (json) => stamp(json, ['AB=='])],
    ['a log entry', 'transparency log', (json) => (json.verificationMaterial['tlogEntries'] = [logEntry])],
    ['no message digest', 'cannot be read', (json) => Reflect.deleteProperty(json.messageSignature, 'messageDigest')],
    [
      'an unspecified digest',
      'digest',
      (json) => (json.messageSignature.messageDigest.algorithm = 'HASH_ALGORITHM_UNSPECIFIED'),
    ],
    ['a sha512 digest', 'digest', (json) => (json.messageSignature.messageDigest.algorithm = 'SHA2_512')],
    ['a short digest', 'digest', (json) => (json.messageSignature.messageDigest.digest = 'AAAA')],
    ['no signature', 'cannot be read', (json) => (json.messageSignature.signature = '')],
    [
      'a long signature',
      'oversized',
      (json) => (json.messageSignature.signature = Buffer.alloc(513).toString('base64')),
    ],
    [
      'a DSSE envelope',
      'dsseEnvelope',
      (json) => (Reflect.deleteProperty(json, 'messageSignature'), (json['dsseEnvelope'] = dsseEnvelope)),
    ],
    [
      'a certificate that is none',
      'cannot be used',
      (json) => (json.verificationMaterial = { certificate: { rawBytes: 'AA==' } } as never),
    ],
  ])('refuses %s', (_name, reason, change) => {
    expect(() => parseBundle(forge(bundle, change))).toThrow(refused(reason));
  });

  it.each<[string, string | Buffer]>([
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['an empty object', '{}'],
    ['text', 'MEUCIQ=='],
    ['deep nesting', '['.repeat(60_000)],
    ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['megabytes', Buffer.alloc(1 << 20, 0x20)],
  ])('refuses %s', (_name, bytes) => {
    expect(() => parseBundle(Buffer.from(bytes))).toThrow(refused('the signature'));
    expect(() => parseBundle(Buffer.from(bytes), 'signatures/1.json')).toThrow(refused('signatures/1.json'));
  });
});
