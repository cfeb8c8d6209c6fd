/** One signature of an image: what is believed, and every way in which a stranger could have made something like it. */
import type { KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/oci/digest.ts';
import {
  evaluateImageSignature,
  type ImageSignature,
  type ImageSigner,
  type RequiredKey,
} from '../../../src/trust/evidence/image-signature.ts';
import { nameSignedBy } from '../../../src/release/policy/image-signers.ts';
import { generateKeyPair, keyId, type KeyAlgorithm, type KeyPair } from '../../../src/trust/keys/public-key.ts';
import { preAuthenticationEncoding } from '../../../src/trust/signatures/dsse.ts';
import { processorTimeOf } from '../../helpers/processor-time.ts';
import { makePayload, makeSignatureBundle, makeSignStatement, signBytes } from '../../helpers/signed-image.ts';

const image = sha256('the image');
const other = sha256('another image');
const toSigner = ({ publicKey }: KeyPair, key = 'keys/acme.pub'): RequiredKey => ({
  key,
  keyId: keyId(publicKey),
  publicKey,
});

const simple = (payload: Buffer, key: KeyObject): ImageSignature => ({
  form: 'simple',
  payload,
  signature: signBytes(payload, key).toString('base64'),
});
const bundle = (statement: Buffer, key: KeyObject, payloadType?: string): ImageSignature => ({
  form: 'bundle',
  bundle: makeSignatureBundle(statement, key, payloadType),
});
const faultOf = (signature: ImageSignature, signers: readonly ImageSigner[]): string => {
  const verdict = evaluateImageSignature(signature, image, signers);
  return 'fault' in verdict ? verdict.fault : `signed by ${nameSignedBy(verdict.by)}`;
};

describe.each<KeyAlgorithm>(['ecdsa-p256', 'ed25519'])('a signature by a key of kind %s', (algorithm) => {
  const pair = generateKeyPair(algorithm);
  const stranger = generateKeyPair(algorithm);
  const signer = toSigner(pair);
  const { privateKey } = pair;

  it.each([
    ['as payload and annotation', simple(makePayload(image), privateKey)],
    ['as a bundle', bundle(makeSignStatement(image), privateKey)],
  ])('is accepted %s, whatever other keys count too', (_, signature) => {
    expect(evaluateImageSignature(signature, image, [toSigner(stranger, 'other.pub'), signer])).toEqual({
      by: { key: signer.key, keyId: signer.keyId },
    });
    expect(faultOf(signature, [toSigner(stranger)])).toContain('is by none of the keys that count');
    expect(faultOf(signature, [])).toContain('is by none of the keys that count');
  });

  it.each([
    ['over another image', simple(makePayload(other), privateKey), `is over another image, "${other}"`],
    ['over another image, as a bundle', bundle(makeSignStatement(other), privateKey), 'is over another image'],
    ['over another kind of payload', simple(makePayload(image, 'atomic container signature'), privateKey), 'of type'],
    [
      'over an attestation about the image',
      bundle(makeSignStatement(image, 'https://slsa.dev/provenance/v1'), privateKey),
      'is an attestation ("https://slsa.dev/provenance/v1"), not a signature',
    ],
    ['over a statement of another media type', bundle(makeSignStatement(image), privateKey, 'text/plain'), 'of type'],
    ['over a payload in the other form', bundle(makePayload(image), privateKey), 'has a payload of another form'],
    [
      'over a digest twice, of which tools read one or the other',
      simple(
        Buffer.from(
          makePayload(other).toString().replace('"image":{', `"image":{"docker-manifest-digest":"${image}",`),
        ),
        privateKey,
      ),
      'repeats the key "docker-manifest-digest"',
    ],
    [
      'over a digest in another spelling of the key, which Go takes for it',
      simple(Buffer.from(makePayload(image).toString().replace('"type"', '"Type":"x","type"')), privateKey),
      'has a key "Type"',
    ],
    ['over no JSON', simple(Buffer.from('hello'), privateKey), 'is not JSON'],
    ['over nothing', simple(Buffer.alloc(0), privateKey), 'is not JSON'],
    ['over JSON of another shape', simple(Buffer.from('[]'), privateKey), 'has a payload of another form'],
    ['over a digest and more', simple(makePayload(`${image} `), privateKey), 'is over another image'],
    [
      'over a statement without subjects',
      bundle(
        Buffer.from(
          makeSignStatement(image)
            .toString()
            .replace(/"subject":\[.*?\}\]/, '"subject":[]'),
        ),
        privateKey,
      ),
      'has a payload of another form',
    ],
  ])('counts for nothing when it is %s', (_, signature, fault) => {
    expect(faultOf(signature, [signer])).toContain(fault);
  });

  it('counts for nothing when it was moved to another payload', () => {
    const signed = simple(makePayload(other), privateKey);
    expect(faultOf({ ...signed, payload: makePayload(image) } as ImageSignature, [signer])).toContain('by none');
  });

  it('made over an envelope is none over a payload, and the other way round', () => {
    const statement = makeSignStatement(image);
    const asPayload = preAuthenticationEncoding('application/vnd.in-toto+json', statement);
    expect(faultOf(simple(asPayload, privateKey), [signer])).toContain('is not JSON');
  });

  it('with any bit changed is by nobody', () => {
    const payload = makePayload(image);
    const signature = signBytes(payload, privateKey);
    for (let at = 0; at < signature.length; at += 7) {
      const changed = Buffer.from(signature);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const judged = faultOf({ form: 'simple', payload, signature: changed.toString('base64') }, [signer]);
      expect(judged).toContain('by none');
    }
  });

  it.each(['', '=', '!!!!', 'AAAA', 'A'.repeat(800), 'A'.repeat(5_000_000)])(
    '%# is no signature',
    async (signature) => {
      const time = await processorTimeOf(() =>
        expect(faultOf({ form: 'simple', payload: makePayload(image), signature }, [signer])).toMatch(
          /none|size limit/,
        ),
      );
      expect(time).toBeLessThan(500);
    },
  );
});

describe('a bundle', () => {
  const pair = generateKeyPair('ecdsa-p256');
  const signer = toSigner(pair);
  const text = makeSignatureBundle(makeSignStatement(image), pair.privateKey).toString();
  const changed = (from: string | RegExp, to: string): ImageSignature => ({
    form: 'bundle',
    bundle: Buffer.from(text.replace(from, to)),
  });

  it.each([
    ['no JSON', changed(/.$/, ''), 'is not JSON'],
    ['JSON with a key twice', changed('{', '{"mediaType":"x",'), 'repeats the key "mediaType"'],
    ['of an older version', changed('bundle.v0.3+json', 'bundle+json;version=0.2'), ''],
    ['without a signature', changed(/"signatures":\[.*?\]/, '"signatures":[]'), ''],
    ['with two signatures', changed(/"signatures":\[(.*?)\]/, '"signatures":[$1,$1]'), ''],
    [
      'with a signature over a digest and no statement',
      changed(
        /"dsseEnvelope".*$/,
        `"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"${Buffer.from(image.slice(7), 'hex').toString('base64')}"},"signature":"${signBytes(Buffer.from('x'), pair.privateKey).toString('base64')}"}}`,
      ),
      'holds a messageSignature, not a dsseEnvelope',
    ],
  ])('counts for nothing when it is %s', (_, signature, fault) => {
    expect(faultOf(signature, [signer])).toContain(fault);
    expect(faultOf(signature, [signer])).not.toContain('signed by');
  });

  it('is read whatever key it names: a hint is nobody’s word', () => {
    const stranger = generateKeyPair('ecdsa-p256');
    const hint = /"hint":"[^"]*"/;
    const named = hint.exec(makeSignatureBundle(Buffer.from('x'), stranger.privateKey).toString())?.[0] ?? '';
    expect(faultOf(changed(hint, named), [signer])).toBe('signed by keys/acme.pub');
    const forged = makeSignatureBundle(makeSignStatement(image), stranger.privateKey).toString();
    const claimed: ImageSignature = {
      form: 'bundle',
      bundle: Buffer.from(forged.replace(hint, hint.exec(text)?.[0] ?? '')),
    };
    expect(faultOf(claimed, [signer])).toBe(`is by none of the keys that count; it names key ${signer.keyId}`);
  });
});
