/** Signatures made with a certificate: accepted from whom they are expected, and from nobody else. */
import type { Bundle } from '@sigstore/bundle';
import { readFile } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { claimedIdentity, verifyCertificateSignature } from '../../../src/trust/signatures/certificate-identity.ts';
import { openAuthorities, type Authorities } from '../../../src/trust/signatures/pinned-root.ts';
import { runOk } from '../../helpers/run.ts';
import { ISSUER, startSigningServices, WORKFLOW, type SigningServices } from '../../helpers/signing-services.ts';
import { makeTempDir } from '../../helpers/temp.ts';
import { failure } from '../failures.ts';

const DATA = Buffer.from('what is signed\n');
const SIGNER = { issuer: ISSUER, subject: WORKFLOW };
const INVALID = failure('TrustError', 'SIGNATURE_INVALID');

let services: SigningServices;
let others: SigningServices;
let authorities: Authorities;
let message: Bundle;
let attestation: Bundle;
beforeAll(async () => {
  [services, others] = await Promise.all([startSigningServices(), startSigningServices()]);
  authorities = openAuthorities(services.trustedRoot, 'root');
  message = await services.sign(DATA);
  attestation = await services.attest(DATA, 'text/plain');
});
afterAll(async () => {
  await services[Symbol.asyncDispose]();
  await others[Symbol.asyncDispose]();
});

/** The same bundle with its material or content changed. */
function change(bundle: Bundle, edit: (copy: Bundle) => void): Bundle {
  const copy = structuredClone(bundle);
  for (const entry of copy.verificationMaterial.tlogEntries) restoreBuffers(entry);
  restoreBuffers(copy);
  edit(copy);
  return copy;
}

/** A clone has plain byte arrays where buffers were. */
function restoreBuffers(value: object): void {
  for (const [key, each] of Object.entries(value)) {
    if (each instanceof Uint8Array) Object.assign(value, { [key]: Buffer.from(each) });
    else if (typeof each === 'object' && each !== null) restoreBuffers(each as object);
  }
}

describe('a signature by whom it is expected', () => {
  it('is accepted over data, and says who and when', () => {
    const proven = verifyCertificateSignature(message, DATA, [SIGNER], authorities);
    expect(proven).toMatchObject(SIGNER);
    expect(Math.abs(proven.signedAt.getTime() - Date.now())).toBeLessThan(15 * 60_000);
    expect(proven.times).toEqual([proven.signedAt]);
  });

  it('is accepted around an envelope', () => {
    const pattern = { issuer: ISSUER, subjectPattern: 'https://ci.example/acme/app/**@refs/tags/*' };
    expect(verifyCertificateSignature(attestation, undefined, [pattern], authorities)).toMatchObject(SIGNER);
  });

  it('is accepted without a proof of inclusion, as older bundles are', () => {
    const old = change(message, ({ verificationMaterial }) => {
      for (const entry of verificationMaterial.tlogEntries) entry.inclusionProof = undefined;
    });
    expect(verifyCertificateSignature(old, DATA, [SIGNER], authorities)).toMatchObject(SIGNER);
  });

  it('is not spoiled by a timestamp of an authority that is not pinned, nor by one that is none', () => {
    const stamped = change(message, ({ verificationMaterial }) => {
      const signedTimestamp = Buffer.from('3003020100', 'hex');
      verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp }] };
    });
    expect(verifyCertificateSignature(stamped, DATA, [SIGNER], authorities).times).toHaveLength(1);
  });
});

describe('a signature by somebody else', () => {
  test.each([
    ['another subject', { issuer: ISSUER, subject: `${WORKFLOW}0` }],
    ['another issuer', { ...SIGNER, issuer: 'https://issuer.example.evil' }],
    ['a beginning of the subject', { issuer: ISSUER, subject: WORKFLOW.slice(0, -1) }],
    [
      'a subject with another character where a pattern would have any',
      { issuer: ISSUER, subject: WORKFLOW.replace('.', 'x') },
    ],
    ['a pattern that does not reach the end', { issuer: ISSUER, subjectPattern: 'https://ci.example/acme/*' }],
  ])('is refused: %s', (_, identity) => {
    expect(() => verifyCertificateSignature(message, DATA, [identity], authorities)).toThrow(
      failure('TrustError', 'UNTRUSTED_SIGNER', WORKFLOW, `issuer ${ISSUER} and the subject ${WORKFLOW}`),
    );
  });

  it('is refused when nobody is trusted', () => {
    expect(() => verifyCertificateSignature(message, DATA, [], authorities)).toThrow(
      failure('TrustError', 'UNTRUSTED_SIGNER'),
    );
  });
});

describe('a signature that does not hold', () => {
  const verify = (bundle: Bundle, data: Buffer | undefined = DATA, by: Authorities = authorities): unknown =>
    verifyCertificateSignature(bundle, data, [SIGNER], by);

  test.each<[string, (copy: Bundle) => void]>([
    [
      'another signature',
      ({ content }) => {
        if (content.$case === 'messageSignature') content.messageSignature.signature[20] = 0;
      },
    ],
    [
      'a digest of other data',
      ({ content }) => {
        if (content.$case === 'messageSignature') content.messageSignature.messageDigest.digest[0] = 0;
      },
    ],
    [
      'no log entry',
      ({ verificationMaterial }) => {
        verificationMaterial.tlogEntries = [];
      },
    ],
    [
      'a log entry twice',
      ({ verificationMaterial }) => {
        verificationMaterial.tlogEntries.push(...verificationMaterial.tlogEntries);
      },
    ],
    [
      'another time',
      ({ verificationMaterial }) => {
        for (const entry of verificationMaterial.tlogEntries) entry.integratedTime = '1700000000';
      },
    ],
    [
      'a time that nobody promised',
      ({ verificationMaterial }) => {
        for (const entry of verificationMaterial.tlogEntries) entry.inclusionPromise = undefined;
      },
    ],
    [
      'a log entry that is not in the tree',
      ({ verificationMaterial }) => {
        for (const entry of verificationMaterial.tlogEntries) entry.inclusionProof?.hashes.push(Buffer.alloc(32));
      },
    ],
  ])('is refused with %s', (_, edit) => {
    expect(() => verify(change(message, edit))).toThrow(INVALID);
  });

  it('is refused over other data', () => {
    expect(() => verify(message, Buffer.from('other'))).toThrow(
      failure('TrustError', 'SIGNATURE_INVALID', 'other data'),
    );
  });

  it('is refused with the log entry of another signature by the same', async () => {
    const [entry] = (await services.sign(DATA)).verificationMaterial.tlogEntries;
    const moved = change(message, ({ verificationMaterial }) => {
      verificationMaterial.tlogEntries = entry === undefined ? [] : [entry];
    });
    expect(() => verify(moved)).toThrow(INVALID);
  });

  it('is refused when the payload or its type were changed', () => {
    for (const field of ['payload', 'payloadType'] as const) {
      const changed = change(attestation, ({ content }) => {
        if (content.$case !== 'dsseEnvelope') return;
        Object.assign(content.dsseEnvelope, { [field]: field === 'payload' ? Buffer.from('other') : 'text/html' });
      });
      expect(() => verifyCertificateSignature(changed, undefined, [SIGNER], authorities)).toThrow(INVALID);
    }
  });

  it('is refused as another kind than it is', () => {
    expect(() => verify(attestation)).toThrow(INVALID);
    expect(() => verifyCertificateSignature(message, undefined, [SIGNER], authorities)).toThrow(INVALID);
  });

  it('is refused by other authorities, whichever of them differs', () => {
    const theirs = openAuthorities(others.trustedRoot, 'root');
    expect(() => verify(message, DATA, theirs)).toThrow(INVALID);
    for (const kind of ['certificateAuthorities', 'tlogs', 'ctlogs'] as const) {
      expect(() => verify(message, DATA, { ...authorities, [kind]: theirs[kind] })).toThrow(INVALID);
      expect(() => verify(message, DATA, { ...authorities, [kind]: [] })).toThrow(INVALID);
    }
  });

  it('is refused when its authorities were not to be believed at the time', () => {
    const end = new Date(Date.now() - 1_800_000).toISOString();
    const { tlogs = [], certificateAuthorities = [] } = services.trustedRoot;
    const closed = [
      {
        certificateAuthorities: certificateAuthorities.map((each) => ({
          ...each,
          validFor: { ...each.validFor, end },
        })),
      },
      {
        tlogs: tlogs.map((each) => ({
          ...each,
          publicKey: { ...each.publicKey, validFor: { ...each.publicKey.validFor, end } },
        })),
      },
    ];
    for (const part of closed) {
      const root = openAuthorities({ ...services.trustedRoot, ...part }, 'root');
      expect(() => verify(message, DATA, root)).toThrow(INVALID);
    }
  });
});

describe('a certificate', () => {
  const issuer = `1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:${ISSUER}`;
  const use = 'extendedKeyUsage=codeSigning';

  test.each<[string, readonly string[], string]>([
    [
      'two subjects',
      [issuer, use, 'subjectAltName=URI:https://a.example,URI:https://b.example'],
      'exactly one subject',
    ],
    ['no subject', [issuer, use], 'does not name'],
    ['no issuer', [use, 'subjectAltName=URI:https://a.example'], 'does not name'],
    ['a subject of another kind', [issuer, use, 'subjectAltName=DNS:a.example'], 'does not name'],
    [
      'another purpose',
      [issuer, 'extendedKeyUsage=timeStamping', 'subjectAltName=URI:https://a.example'],
      'signing code',
    ],
    [
      'bytes that become letters when a bit is dropped',
      [issuer, use, 'subjectAltName=DER:30:03:86:01:E8'],
      'exactly one subject',
    ],
    ['a control character', [issuer, use, 'subjectAltName=DER:30:04:86:02:41:1B'], 'does not name'],
    ['a long subject', [issuer, use, `subjectAltName=URI:${'x'.repeat(513)}`], 'does not name'],
  ])('with %s is refused', async (_, extensions, why) => {
    const bundle = await withCertificate(extensions);
    expect(() => claimedIdentity(bundle, 'it')).toThrow(failure('TrustError', 'SIGNATURE_INVALID', why));
  });

  it('names a mail address as well as a workflow', async () => {
    const bundle = await withCertificate([issuer, use, 'subjectAltName=email:anna@acme.example']);
    expect(claimedIdentity(bundle, 'it')).toEqual({ issuer: ISSUER, subject: 'anna@acme.example' });
  });

  it('that is none, or has something behind it, is refused', () => {
    for (const tail of [Buffer.alloc(0), Buffer.from([0])]) {
      const bundle = change(message, ({ verificationMaterial: { content } }) => {
        if (content.$case !== 'x509CertificateChain') return;
        for (const each of content.x509CertificateChain.certificates) {
          each.rawBytes = tail.length === 0 ? Buffer.from('30820000', 'hex') : Buffer.concat([each.rawBytes, tail]);
        }
      });
      expect(() => claimedIdentity(bundle, 'it')).toThrow(INVALID);
    }
  });

  it('that nobody issued names whom it likes and proves nothing', async () => {
    const forged = await withCertificate([issuer, use, `subjectAltName=URI:${WORKFLOW}`]);
    expect(claimedIdentity(forged, 'it')).toEqual(SIGNER);
    expect(() => verifyCertificateSignature(forged, DATA, [SIGNER], authorities)).toThrow(INVALID);
  });
});

/** The bundle with a self-made certificate in place of the one that was issued. */
async function withCertificate(extensions: readonly string[]): Promise<Bundle> {
  await using temp = await makeTempDir();
  const [key, file] = [temp.join('key.pem'), temp.join('certificate.pem')];
  await runOk('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=x'],
    ...['-keyout', key, '-out', file, ...extensions.flatMap((extension) => ['-addext', extension])],
  ]);
  const { raw } = new X509Certificate(await readFile(file));
  return change(message, ({ verificationMaterial }) => {
    verificationMaterial.content = { $case: 'certificate', certificate: { rawBytes: raw } };
  });
}
