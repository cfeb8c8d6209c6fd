/** Bundles with a certificate: one canonical form, of which no byte can change unnoticed. */
import { generateKeyPairSync, sign as signBytes, X509Certificate } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { RekorWitness } from '@sigstore/sign';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { parseAttestation } from '../../../src/trust/signatures/attestation.ts';
import { canonicalBundle, parseBundle } from '../../../src/trust/signatures/bundle.ts';
import { openAuthorities } from '../../../src/trust/signatures/pinned-root.ts';
import { createCertificateSigner } from '../../../src/trust/signing/certificate-signer.ts';
import type { ReleaseSigner } from '../../../src/trust/signing/signer.ts';
import { fillSlot } from '../../../src/trust/signatures/slot.ts';
import { verifySignatures, type TrustPolicy } from '../../../src/trust/signatures/evaluate-signatures.ts';
import { createKeylessSigner } from '../../../src/trust/signing/keyless-signer.ts';
import { createTimestamper } from '../../../src/trust/signing/timestamps.ts';
import { ISSUER, startSigningServices, WORKFLOW, type SigningServices } from '../../helpers/signing-services.ts';
import { startTimestampAuthority, type TimestampAuthority } from '../../helpers/timestamp-authority.ts';
import { failure } from '../failures.ts';

const data = Buffer.from('0123  release.json\n');
/** Every byte takes a minute and a half, and was tried; some of each field are enough to tell. */
const STRIDE = 43;
const refused = (reason = ''): Error => failure('TrustError', 'SIGNATURE_INVALID', reason);
const SIGNER = { issuer: ISSUER, subject: WORKFLOW };

let services: SigningServices;
let clock: TimestampAuthority;
let policy: TrustPolicy;
let signer: ReleaseSigner;
let bundle: Buffer;
beforeAll(async () => {
  [services, clock] = await Promise.all([startSigningServices(), startTimestampAuthority({ keys: 'rsa' })]);
  const root = { ...services.trustedRoot, timestampAuthorities: [clock.pinned] };
  const authorities = openAuthorities(root, 'root');
  policy = { keys: [], identities: [{ identity: SIGNER }], authorities, threshold: 1 };
  const url = new URL(services.url);
  const environment = { SIGSTORE_ID_TOKEN: services.token() };
  const timestamp = createTimestamper(new URL(clock.url), { environment });
  const now = (): Date => new Date();
  signer = createKeylessSigner({ fulcioUrl: url, rekorUrl: url, environment, now, authorities, timestamp });
  bundle = Buffer.from(await signer.sign(data));
});
afterAll(async () => {
  await services[Symbol.asyncDispose]();
  await clock[Symbol.asyncDispose]();
});

interface Material {
  certificate?: { rawBytes: string };
  x509CertificateChain?: unknown;
  tlogEntries: [Record<string, unknown> & { inclusionProof: Record<string, unknown> }];
  timestampVerificationData: { rfc3161Timestamps?: { signedTimestamp: string }[] };
}

/** The bundle with its material changed, still in compact JSON. */
function forge(change: (material: Material) => void): Buffer {
  const json = JSON.parse(bundle.toString()) as { verificationMaterial: Material };
  change(json.verificationMaterial);
  return Buffer.from(JSON.stringify(json));
}

it('is version 0.3 with one certificate, its log entry and its timestamp, and fits a slot', () => {
  const json = JSON.parse(bundle.toString()) as { mediaType: string; verificationMaterial: Material };
  expect(json.mediaType).toBe('application/vnd.dev.sigstore.bundle.v0.3+json');
  expect(Object.keys(json.verificationMaterial)).toEqual(['certificate', 'tlogEntries', 'timestampVerificationData']);
  expect(json.verificationMaterial.timestampVerificationData.rfc3161Timestamps).toHaveLength(1);
  expect(parseBundle(bundle).signer).toEqual(SIGNER);
  expect(fillSlot(bundle, 16 * 1024)).toHaveLength(16 * 1024);
  expect(() => fillSlot(bundle, 1024)).toThrow(failure('UsageError', 'UNSUPPORTED', 'its slot has 1024'));
});

it('is accepted by whoever trusts the identity, and by nobody else', () => {
  const { accepted } = verifySignatures(data, [bundle], policy);
  expect(accepted).toMatchObject([{ ...SIGNER, signedAt: expect.any(Date) as Date }]);
  const other = { ...policy, identities: [{ identity: { issuer: ISSUER, subject: 'somebody' } }] };
  expect(() => verifySignatures(data, [bundle], other)).toThrow(
    failure('TrustError', 'UNTRUSTED_SIGNER', '0 of 1', `${WORKFLOW} (${ISSUER}); you trust somebody`),
  );
});

it('is a statement as well', async () => {
  const attestation = await signer.attest(data, 'text/plain');
  expect(parseAttestation(attestation, 'it')).toMatchObject({ signer: SIGNER, payloadType: 'text/plain' });
});

it('is brought into this form from the spelling of other tools', async () => {
  const spelled = JSON.parse(bundle.toString()) as object;
  expect(canonicalBundle(Buffer.from(JSON.stringify(spelled, null, 2)), 'it')).toEqual(bundle);
});

test('no bit of it changes unnoticed', () => {
  const accepted: number[] = [];
  // What of a timestamp its authority did not sign is compared with nothing: another time is proved, and it is left out.
  const text = bundle.toString('latin1');
  const [from, to] = [text.indexOf('"signedTimestamp":"') + 19, text.indexOf('"}]}},"messageSignature"')];
  for (let at = 0; at < bundle.length; at += STRIDE) {
    if (at >= from && at < to) continue;
    const changed = Buffer.from(bundle);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 7));
    try {
      verifySignatures(data, [changed], policy);
      accepted.push(at);
    } catch (error) {
      expect(error).toMatchObject({ name: 'TrustError' });
    }
  }
  expect(accepted.map((at) => text.slice(Math.max(0, at - 40), at + 10))).toEqual([]);
});

describe('another form', () => {
  test.each<[string, string, (material: Material) => void]>([
    [
      'a chain',
      'cannot be read',
      (material) => {
        material.x509CertificateChain = { certificates: [material.certificate] };
        delete material.certificate;
      },
    ],
    [
      'an oversized certificate',
      'cannot be used',
      (material) => {
        material.certificate = { rawBytes: Buffer.alloc(9000).toString('base64') };
      },
    ],
    [
      'no log entry',
      'exactly one',
      (material) => {
        material.tlogEntries.length = 0 as 1;
      },
    ],
    [
      'two log entries',
      'exactly one',
      ({ tlogEntries }) => {
        tlogEntries.push(tlogEntries[0]);
      },
    ],
    [
      'a number with a zero in front',
      'number',
      ({ tlogEntries: [entry] }) => {
        entry['logIndex'] = `0${String(entry['logIndex'])}`;
      },
    ],
    [
      'a negative number',
      'number',
      ({ tlogEntries: [entry] }) => {
        entry['integratedTime'] = '-1';
      },
    ],
    [
      'no proof of inclusion',
      'cannot be read',
      ({ tlogEntries: [entry] }) => {
        Reflect.deleteProperty(entry, 'inclusionProof');
      },
    ],
    [
      'another root hash than the checkpoint',
      'checkpoint',
      ({ tlogEntries: [entry] }) => {
        entry.inclusionProof['rootHash'] = Buffer.alloc(32).toString('base64');
      },
    ],
    [
      'another size than the checkpoint',
      'checkpoint',
      ({ tlogEntries: [entry] }) => {
        entry.inclusionProof['treeSize'] = '2';
      },
    ],
    [
      'a checkpoint with more behind it',
      'exactly one signature',
      ({ tlogEntries: [entry] }) => {
        const checkpoint = entry.inclusionProof['checkpoint'] as { envelope: string };
        checkpoint.envelope += '\u2014 other AAAAAAAA\n';
      },
    ],
    [
      'a short hash',
      'malformed hash',
      ({ tlogEntries: [entry] }) => {
        entry.inclusionProof['hashes'] = ['AAAA'];
      },
    ],
    [
      'many hashes',
      'malformed log entry',
      ({ tlogEntries: [entry] }) => {
        entry.inclusionProof['hashes'] = Array(65).fill(Buffer.alloc(32).toString('base64'));
      },
    ],
    [
      'a time that its log does not promise',
      'does not promise',
      ({ tlogEntries: [entry] }) => {
        Reflect.deleteProperty(entry, 'inclusionPromise');
      },
    ],
    [
      'an oversized body',
      'oversized log entry',
      ({ tlogEntries: [entry] }) => {
        entry['canonicalizedBody'] = Buffer.alloc(17_000).toString('base64');
      },
    ],
    [
      'an oversized promise',
      'oversized promise',
      ({ tlogEntries: [entry] }) => {
        entry['inclusionPromise'] = { signedEntryTimestamp: Buffer.alloc(513).toString('base64') };
      },
    ],
    [
      'five timestamps',
      'more than 4',
      ({ timestampVerificationData }) => {
        const [token] = timestampVerificationData.rfc3161Timestamps ?? [];
        if (token !== undefined) timestampVerificationData.rfc3161Timestamps = [token, token, token, token, token];
      },
    ],
  ])('is refused: %s', (_, reason, change) => {
    expect(() => parseBundle(forge(change))).toThrow(refused(reason));
  });
});

it('signs nothing with what the pinned authorities do not bear out', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [stolen] = await Promise.all([services.sign(data)]);
  const { content } = stolen.verificationMaterial;
  const chain = content.$case === 'x509CertificateChain' ? content.x509CertificateChain.certificates : [];
  const certificate = chain[0]?.rawBytes ?? Buffer.alloc(0);
  const witness = new RekorWitness({ rekorBaseURL: services.url });
  const { authorities } = policy;
  if (authorities === undefined) throw new Error('pinned above');
  const forged = createCertificateSigner({
    // A certificate of somebody, with another key than it certifies.
    certify: async () => ({ certificate, sign: async (bytes) => signBytes('sha256', bytes, privateKey) }),
    log: async (logged, der) => {
      const { tlogEntries = [] } = await witness.testify(logged, new X509Certificate(der).toString());
      return tlogEntries[0] as TransparencyLogEntry;
    },
    authorities,
  });
  await expect(forged.sign(data)).rejects.toThrow(refused('pinned trusted root'));
  await expect(forged.attest(data, 'text/plain')).rejects.toThrow(refused('pinned trusted root'));
});
