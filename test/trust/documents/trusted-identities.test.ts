/** Identities in a trust document: who counts, how often, and what no document may say of them. */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { BUNDLE_V03_MEDIA_TYPE } from '@sigstore/bundle';
import type { TrustDocument, TrustIdentity } from '../../../src/trust/documents/trust-document-schema.ts';
import { serializeBundle } from '../../../src/trust/signatures/bundle.ts';
import { serializeCanonically } from '../../../src/base/json/canonical-json.ts';
import { describeChanges } from '../../../src/trust/documents/changes.ts';
import { parseTrust } from '../../../src/trust/documents/trust-document.ts';
import { beginTrust, changeTrust } from '../../../src/trust/documents/draft.ts';
import { anchorTrust, toLink, walkChain } from '../../../src/trust/documents/trust-chain.ts';
import {
  evaluateSignatures,
  toProvenancePolicy,
  toReleasePolicy,
  type ReleaseVerdict,
} from '../../../src/trust/documents/release-policy.ts';
import { countSigners } from '../../../src/trust/signatures/principals.ts';
import { advanceState, evaluateRollback } from '../../../src/trust/rollback/evaluate-rollback.ts';
import { createKeySigner } from '../../../src/trust/signing/signer.ts';
import { ISSUER, startSigningServices, type SigningServices } from '../../helpers/signing-services.ts';
import { failure } from '../failures.ts';
import { digestOfText, entryOf, makeDocument, pairOf, signTrust } from './trust-documents.ts';

const DATA = Buffer.from('a'.repeat(64) + '  release.json\n');
const ANNA = 'https://ci.example/anna';
const BERT = 'https://ci.example/bert';
const EVERYBODY = 'https://ci.example/**';

let services: SigningServices;
const bundles: Record<string, Buffer> = {};
beforeAll(async () => {
  services = await startSigningServices();
  for (const [name, sub] of Object.entries({ anna: ANNA, again: ANNA, bert: BERT })) bundles[name] = await sign(sub);
  bundles['key'] = Buffer.from(await createKeySigner(pairOf('release').privateKey).sign(DATA));
});
afterAll(() => services[Symbol.asyncDispose]());

async function sign(sub: string): Promise<Buffer> {
  const bundle = await services.sign(DATA, { sub });
  const { content } = bundle.verificationMaterial;
  const [certificate] = content.$case === 'x509CertificateChain' ? content.x509CertificateChain.certificates : [];
  if (certificate === undefined) throw new Error('the services make chains');
  const verificationMaterial = {
    ...bundle.verificationMaterial,
    content: { $case: 'certificate', certificate } as const,
  };
  return serializeBundle({ ...bundle, mediaType: BUNDLE_V03_MEDIA_TYPE, verificationMaterial });
}

type Changes = Partial<TrustDocument>;
const trusting = (identities: readonly TrustIdentity[], changes: Changes = {}): TrustDocument =>
  makeDocument({ identities: [...identities], trustedRoot: services.trustedRoot, ...changes });
const entry = (subject: string, roles: TrustIdentity['roles'] = ['release'], window = {}): TrustIdentity => ({
  issuer: ISSUER,
  ...(subject.includes('*') ? { subjectPattern: subject } : { subject }),
  roles,
  ...window,
});
const judge = (document: TrustDocument, ...names: readonly string[]): ReleaseVerdict =>
  evaluateSignatures(
    DATA,
    names.map((name) => bundles[name] ?? Buffer.alloc(0)),
    toReleasePolicy(document, new Date()),
  );
const two = { thresholds: { release: 2, root: 1 } };
const check = (document: TrustDocument): TrustDocument => parseTrust(serializeCanonically(document), 'trust');

describe('counting', () => {
  it('takes a key and an identity for two', () => {
    const { accepted, unchecked } = judge(trusting([entry(ANNA)], two), 'key', 'anna', 'bert');
    expect(accepted).toMatchObject([{ algorithm: 'ed25519' }, { issuer: ISSUER, subject: ANNA }]);
    expect(unchecked).toEqual([`${BERT} (${ISSUER})`]);
  });

  it('takes two certificates of one identity for one', () => {
    const only = { keys: [entryOf('root', ['root'])], ...two };
    const document = trusting([entry(EVERYBODY), entry(ANNA)], only);
    expect(() => judge(document, 'anna', 'again')).toThrow(failure('TrustError', 'UNTRUSTED_SIGNER', '1 of 2'));
    expect(judge(document, 'anna', 'again', 'bert').accepted).toHaveLength(2);
  });

  it('takes one pattern for one signer, however many match it', () => {
    const only = { keys: [entryOf('root', ['root'])], ...two };
    const document = trusting([entry(EVERYBODY), entry('https://ci.example/nobody')], only);
    expect(() => judge(document, 'anna', 'bert')).toThrow(failure('TrustError', 'UNTRUSTED_SIGNER', '1 of 2'));
  });

  it('finds the pairing that counts most, in whatever order they come', () => {
    const credit = (subject: string, ...entries: readonly number[]): Parameters<typeof countSigners>[0][number] => ({
      kind: 'accepted',
      signer: { issuer: ISSUER, subject, signedAt: new Date() },
      entries,
    });
    expect(countSigners([credit('a', 0, 1), credit('b', 0)])).toBe(2);
    expect(countSigners([credit('b', 0), credit('a', 0, 1)])).toBe(2);
    expect(countSigners([credit('a', 0, 1, 2), credit('b', 0, 1), credit('c', 0)])).toBe(3);
    expect(countSigners([credit('a', 0, 1), credit('b', 0, 1), credit('c', 0, 1)])).toBe(2);
    expect(countSigners([])).toBe(0);
  });
});

describe('an identity', () => {
  it('counts for what it signed inside of its window', () => {
    const window = { validFrom: '2020-01-01T00:00:00Z', validUntil: '2099-01-01T00:00:00Z' };
    const document = trusting([entry(ANNA, ['release'], window)]);
    const later = toReleasePolicy(document, new Date('2100-01-01T00:00:00Z'));
    expect(evaluateSignatures(DATA, [bundles['anna'] ?? DATA], later).accepted).toHaveLength(1);
  });

  test.each([
    [{ validUntil: '2020-01-01T00:00:00Z' }, 'EXPIRED', 'is expired: it signed at 20'],
    [{ validFrom: '2090-01-01T00:00:00Z' }, 'UNTRUSTED_SIGNER', 'is not yet valid: it signed at 20'],
  ] as const)('does not count outside of %j', (window, code, message) => {
    const refusal = failure('TrustError', code, `${ANNA} (${ISSUER}), which signed, ${message}`);
    expect(() => judge(trusting([entry(ANNA, ['release'], window)]), 'anna')).toThrow(refusal);
  });

  it('does not count when it is revoked, by itself or by a pattern, whatever else matches it', () => {
    for (const revoked of [
      { issuer: ISSUER, subject: ANNA },
      { issuer: ISSUER, subjectPattern: 'https://ci.example/a*' },
    ]) {
      const document = trusting([entry(EVERYBODY)], { revokedIdentities: [revoked] });
      expect(() => judge(document, 'anna')).toThrow(failure('TrustError', 'REVOKED', `${ANNA} (${ISSUER})`));
      expect(judge(document, 'anna', 'bert')).toMatchObject({
        accepted: [{ subject: BERT }],
        setAside: [{ subject: ANNA, reason: 'revoked' }],
      });
    }
  });

  it('signs what it has the role for', () => {
    const document = trusting([entry(ANNA, ['provenance'])], { thresholds: { provenance: 1, release: 1, root: 1 } });
    expect(() => judge(document, 'anna')).toThrow(failure('TrustError', 'UNTRUSTED_SIGNER', 'is not for releases'));
    expect(toProvenancePolicy(document, new Date())).toMatchObject({
      keys: [],
      identities: [{ identity: { issuer: ISSUER, subject: ANNA } }],
      threshold: 1,
    });
  });

  it('refuses the archive when it is named and did not sign', () => {
    const json = JSON.parse((bundles['anna'] ?? DATA).toString()) as { messageSignature: { signature: string } };
    json.messageSignature.signature = Buffer.alloc(70, 1).toString('base64');
    const forged = Buffer.from(JSON.stringify(json));
    const policy = toReleasePolicy(trusting([entry(ANNA)]), new Date());
    expect(() => evaluateSignatures(DATA, [bundles['key'] ?? DATA, forged], policy)).toThrow(
      failure('TrustError', 'SIGNATURE_INVALID', 'pinned trusted root'),
    );
  });

  it('that set the highest mark of a site and is revoked since shuts nobody out', () => {
    const facts = { product: 'sample', channel: 'stable', version: '9', sequence: 9, digest: digestOfText('9') };
    const stolen = { ...facts, signers: [], identities: [{ issuer: ISSUER, subject: ANNA }] };
    const now = new Date();
    const empty = { stateVersion: 1 as const, lines: [], exceptions: [] };
    const state = advanceState(empty, stolen, { kind: 'first', overrode: [] }, { now });
    const genuine = { ...facts, version: '2', sequence: 2, digest: digestOfText('2'), signers: ['x'] };
    const judgeWith = (revokedIdentities: TrustDocument['revokedIdentities']): unknown => {
      const document = makeDocument({ revokedIdentities });
      return evaluateRollback(genuine, { now, state, trust: anchorTrust(signTrust(document)) }).kind;
    };
    expect(() => judgeWith(undefined)).toThrow(failure('TrustError', 'ROLLBACK'));
    expect(judgeWith([{ issuer: ISSUER, subjectPattern: 'https://ci.example/a*' }])).toBe('renewed');
  });
});

describe('a document', () => {
  it('without identities is spelled as it always was', () => {
    const text = serializeCanonically(check(makeDocument())).toString();
    expect(text).not.toMatch(/identit|trustedRoot/i);
    expect(Object.keys(JSON.parse(text) as object)).toEqual([
      ...['formatVersion', 'product', 'channel', 'version', 'expires', 'thresholds', 'keys', 'revokedKeys'],
      ...['revokedReleases', 'minSequence'],
    ]);
  });

  test.each<[string, string, () => TrustDocument]>([
    ['identities without a trusted root', 'no trusted root', () => trusting([entry(ANNA)], { trustedRoot: undefined })],
    [
      'a root without a signature log',
      'no trusted root with',
      () => trusting([entry(ANNA)], { trustedRoot: { ...services.trustedRoot, tlogs: undefined } }),
    ],
    ['one identity twice', 'not sorted', () => trusting([entry(ANNA), entry(ANNA)])],
    ['identities out of order', 'not sorted', () => trusting([entry(BERT), entry(ANNA)])],
    [
      'roles out of order',
      'not sorted',
      () => trusting([entry(ANNA, ['release', 'provenance'])], { thresholds: { provenance: 1, release: 1, root: 1 } }),
    ],
    [
      'a reversed window',
      'end before it begins',
      () =>
        trusting([entry(ANNA, ['release'], { validFrom: '2027-01-01T00:00:00Z', validUntil: '2026-01-01T00:00:00Z' })]),
    ],
    [
      'a day that does not exist',
      'which is not a time',
      () => trusting([entry(ANNA, ['release'], { validFrom: '2027-02-30T00:00:00Z' })]),
    ],
    [
      'an identity that it revokes',
      'which it revokes',
      () => trusting([entry(ANNA)], { revokedIdentities: [{ issuer: ISSUER, subjectPattern: EVERYBODY }] }),
    ],
    [
      'a threshold beyond keys and identities',
      '2 keys and identities',
      () => trusting([entry(ANNA)], { thresholds: { release: 3, root: 1 } }),
    ],
    ['a role without a threshold', 'no threshold', () => trusting([entry(ANNA, ['provenance'])])],
    ['an identity as root', 'identities.0', () => trusting([entry(ANNA, ['root' as never])])],
    ['an empty list', 'identities', () => trusting([])],
    ['an unknown field', 'nrecognized', () => trusting([{ ...entry(ANNA), more: 1 } as never])],
  ])('is refused with %s', (_, message, make) => {
    expect(() => check(make())).toThrow(failure('IntegrityError', 'MALFORMED', message));
  });

  it('never takes a revocation back', () => {
    const revoked = makeDocument({ revokedIdentities: [{ issuer: ISSUER, subject: ANNA }] });
    const next = signTrust(makeDocument({ version: 2 }));
    expect(() => walkChain(anchorTrust(signTrust(revoked)), [toLink(next)])).toThrow(
      failure('TrustError', 'ROLLBACK', `no longer revokes ${ANNA}`),
    );
  });
});

describe('a change', () => {
  const anna = { issuer: ISSUER, subject: ANNA };
  const line = { product: 'sample', channel: 'stable', expires: '2030-01-01T00:00:00Z' };
  const addKeys = [
    { publicKey: pairOf('root').publicKey, roles: ['root' as const] },
    { publicKey: pairOf('release').publicKey, roles: ['release' as const] },
  ];

  it('adds, alters, removes and revokes, in words', () => {
    const first = beginTrust(line, { addKeys });
    const added = changeTrust([first], {
      addIdentities: [{ identity: anna, roles: ['release'] }],
      trustedRoot: services.trustedRoot,
    });
    const words = describeChanges(first.document, added.document);
    expect(words).toContain(`+ ${ANNA} (${ISSUER}) signs releases`);
    expect(words.filter((word) => word.startsWith('+ '))).toHaveLength(4);
    expect(words).toContain('1 of 1 keys must sign releases → 1 of 2 keys and identities must sign releases');
    const altered = changeTrust([added], {
      addIdentities: [{ identity: anna, roles: ['release', 'provenance'], validUntil: '2029-01-01T00:00:00Z' }],
    });
    expect(describeChanges(added.document, altered.document)).toContain(
      `~ ${ANNA} (${ISSUER}) signs releases → provenance and releases until 2029-01-01T00:00:00Z`,
    );
    const removed = changeTrust([altered], { removeIdentities: [anna] });
    expect(describeChanges(altered.document, removed.document)).toContainEqual(
      expect.stringMatching(/^- .*: no longer$/),
    );
    const revoked = changeTrust([altered], { revokeIdentities: [{ issuer: ISSUER, subjectPattern: EVERYBODY }] });
    expect(revoked.document).toMatchObject({ revokedIdentities: [{ subjectPattern: EVERYBODY }] });
    expect(revoked.document.identities).toBeUndefined();
    expect(describeChanges(altered.document, revoked.document)).toContainEqual(
      expect.stringMatching(/^! https:\/\/ci\.example\/\*\* .* is revoked permanently/),
    );
    expect(() => changeTrust([revoked], { addIdentities: [{ identity: anna, roles: ['release'] }] })).toThrow(
      failure('UsageError', 'USAGE', 'is revoked permanently'),
    );
    expect(() => changeTrust([removed], { removeIdentities: [anna] })).toThrow(
      failure('UsageError', 'USAGE', 'does not list'),
    );
  });

  it('that replaces the trusted root says so', async () => {
    await using others = await startSigningServices();
    const before = beginTrust(line, { addKeys, trustedRoot: services.trustedRoot });
    const after = changeTrust([before], { trustedRoot: others.trustedRoot });
    const words = describeChanges(before.document, after.document);
    expect(words.filter((word) => word.startsWith('+ ') && word.includes(others.url))).toHaveLength(3);
    expect(words.filter((word) => word.startsWith('- ') && word.includes(services.url))).toHaveLength(3);
  });
});
