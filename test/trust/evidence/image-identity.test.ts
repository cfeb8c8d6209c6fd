/** Signatures of images with a certificate, in cosign's two forms: by whom they are, and in which ways they are not. */
import type { Bundle } from '@sigstore/bundle';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/oci/digest.ts';
import type { CosignAnnotations } from '../../../src/trust/evidence/cosign-annotations.ts';
import {
  evaluateImageSignature,
  type ImageSignature,
  type ImageSigner,
  type ImageSignatureVerdict,
} from '../../../src/trust/evidence/image-signature.ts';
import { generateKeyPair, keyId } from '../../../src/trust/keys/public-key.ts';
import { openAuthorities } from '../../../src/trust/signatures/pinned-root.ts';
import { processorTimeOf } from '../../helpers/processor-time.ts';
import { makeBundleBy, makePayload, makeSignStatement, toAnnotations } from '../../helpers/signed-image.ts';
import { ISSUER, startSigningServices, WORKFLOW, type SigningServices } from '../../helpers/signing-services.ts';

const image = sha256('the image');
const other = sha256('another image');
const WHO = { issuer: ISSUER, subject: WORKFLOW };

let services: SigningServices;
let foreign: SigningServices;
let signer: ImageSigner;
let signed: Bundle;
let simple: Extract<ImageSignature, { form: 'simple' }>;
let bundle: Buffer;

beforeAll(async () => {
  [services, foreign] = await Promise.all([startSigningServices(), startSigningServices()]);
  signer = { identity: WHO, authorities: openAuthorities(services.trustedRoot, 'root') };
  signed = await services.sign(makePayload(image));
  simple = toSimple(signed, makePayload(image));
  bundle = await makeBundleBy(services, makeSignStatement(image));
});
afterAll(async () => {
  await services[Symbol.asyncDispose]();
  await foreign[Symbol.asyncDispose]();
});

function toSimple(from: Bundle, payload: Buffer): typeof simple {
  const { signature, ...annotations } = toAnnotations(from);
  return { form: 'simple', payload, signature, annotations };
}

const judge = (signature: ImageSignature, signers: readonly ImageSigner[] = [signer]): ImageSignatureVerdict =>
  evaluateImageSignature(signature, image, signers);
const faultOf = (signature: ImageSignature, signers?: readonly ImageSigner[]): string => {
  const verdict = judge(signature, signers);
  return 'fault' in verdict ? verdict.fault : 'accepted';
};

describe('a signature with a certificate', () => {
  it('is accepted in both forms from whom it is expected, whoever else may sign', () => {
    const { publicKey } = generateKeyPair('ed25519');
    const key: ImageSigner = { key: 'a.pub', keyId: keyId(publicKey), publicKey };
    const pattern: ImageSigner = {
      ...signer,
      identity: { issuer: ISSUER, subjectPattern: 'https://ci.example/acme/app/**@refs/tags/*' },
    };
    for (const signature of [simple, { form: 'bundle', bundle } as const]) {
      expect(judge(signature)).toEqual({ by: WHO });
      expect(judge(signature, [key, pattern])).toEqual({ by: WHO });
      expect(faultOf(signature, [key])).toBe(`is by ${WORKFLOW} (${ISSUER}), and only keys count`);
    }
  });

  it('is by somebody else, who is named', () => {
    const another: ImageSigner = { ...signer, identity: { issuer: ISSUER, subject: `${WORKFLOW}1` } };
    for (const signature of [simple, { form: 'bundle', bundle } as const]) {
      expect(faultOf(signature, [another])).toBe(
        `it is by ${WORKFLOW} (${ISSUER}), which is not among the trusted signers`,
      );
    }
  });

  it('counts for nothing with authorities that are not pinned, which anybody can be', async () => {
    const same = toSimple(await foreign.sign(makePayload(image)), makePayload(image));
    expect(faultOf(same)).toContain('does not verify with the pinned trusted root');
    const forged = await makeBundleBy(foreign, makeSignStatement(image));
    expect(faultOf({ form: 'bundle', bundle: forged })).toContain('does not verify with the pinned trusted root');
  });

  it('counts for nothing over another image, another document or an attestation', async () => {
    const payload = makePayload(other);
    expect(faultOf(toSimple(await services.sign(payload), payload))).toContain('is over another image');
    const wrong = makePayload(image, 'atomic container signature');
    expect(faultOf(toSimple(await services.sign(wrong), wrong))).toContain('has a payload of type');
    const moved = await makeBundleBy(services, makeSignStatement(other));
    expect(faultOf({ form: 'bundle', bundle: moved })).toContain('is over another image');
    const attested = await makeBundleBy(services, makeSignStatement(image, 'https://slsa.dev/provenance/v1'));
    expect(faultOf({ form: 'bundle', bundle: attested })).toContain('is an attestation');
  });

  it('counts for nothing with the payload, the entry or the certificate of another signature', async () => {
    const second = toSimple(await services.sign(makePayload(other)), makePayload(other));
    const mixed: readonly (typeof simple)[] = [
      { ...simple, payload: makePayload(other) },
      { ...simple, signature: second.signature },
      { ...simple, annotations: { ...simple.annotations, bundle: second.annotations?.bundle } as CosignAnnotations },
      { ...simple, annotations: { ...second.annotations, bundle: simple.annotations?.bundle } as CosignAnnotations },
    ];
    for (const signature of mixed) expect(faultOf(signature)).toContain('does not verify');
  });
});

describe('what stands beside a payload counts for nothing when it', () => {
  /** The last part is of what is said, where that tells causes apart. */
  const cases: readonly [string, (annotations: CosignAnnotations) => CosignAnnotations, string?][] = [
    ['has no entry of a log', ({ bundle: _, ...rest }) => rest],
    ['has a certificate that is none', (all) => ({ ...all, certificate: 'hello' })],
    [
      'has a certificate of other bytes',
      (all) => ({ ...all, certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }),
    ],
    ['has an entry that is no JSON', (all) => ({ ...all, bundle: '{' }), 'that is not JSON'],
    ['has an entry with a key twice', (all) => ({ ...all, bundle: all.bundle?.replace('{', '{"Payload":{},') })],
    ['has an entry of another form', (all) => ({ ...all, bundle: '{"Payload":{}}' }), 'of another form'],
    [
      'has an entry with another time',
      (all) => ({ ...all, bundle: all.bundle?.replace(/("integratedTime":)\d+/, '$11') }),
    ],
    ['has an entry of another log', (all) => ({ ...all, bundle: all.bundle?.replace(/("logID":")\w{4}/, '$10000') })],
    [
      'has an entry with a body that is none',
      (all) => ({ ...all, bundle: all.bundle?.replace(/("body":")[^"]*/, '$1AAAA') }),
    ],
    [
      'has a promise that is none',
      (all) => ({ ...all, bundle: all.bundle?.replace(/("SignedEntryTimestamp":")[^"]{4}/, '$1AAAA') }),
    ],
    ['has a timestamp that is none', (all) => ({ ...all, timestamp: '{}' })],
    ['is huge', (all) => ({ ...all, certificate: all.certificate.padEnd(5_000_000, '\n') })],
  ];

  it.each(cases)('%s', async (_, change, words = '') => {
    const time = await processorTimeOf(() => {
      const fault = faultOf({ ...simple, annotations: change(simple.annotations as CosignAnnotations) });
      expect(fault).not.toBe('accepted');
      expect(fault).toContain(words);
      expect(fault.length).toBeLessThan(1_000);
    });
    expect(time).toBeLessThan(1_000);
  });
});
