/** Making and changing trust documents: versions, signatures that are needed, and words a person can agree to. */
import { describe, expect, test } from 'vitest';
import { describeChanges, describeDocument } from '../../../src/trust/documents/changes.ts';
import { toTrustRecord, type TrustRecord, type TrustVersions } from '../../../src/trust/documents/trust-document.ts';
import {
  beginTrust,
  changeTrust,
  isFinished,
  verifyChain,
  signatureNeeds,
  type KeyGrant,
} from '../../../src/trust/documents/draft.ts';
import { failure } from '../failures.ts';
import { digestOfText, idOf, pairOf, signEnvelope } from './trust-documents.ts';

const grant = (name: string, ...roles: KeyGrant['roles']): KeyGrant => ({ publicKey: pairOf(name).publicKey, roles });
const sign = (record: TrustRecord, ...names: readonly string[]): TrustRecord =>
  toTrustRecord(
    names.reduce((envelope, name) => signEnvelope(envelope, pairOf(name).privateKey), record.envelope),
    record.name,
  );
const DRAFT = beginTrust(
  { product: 'sample', channel: 'stable', expires: '2030-01-01T00:00:00Z' },
  { addKeys: [grant('root', 'root'), grant('release', 'release')] },
);
const V1: TrustVersions = [sign(DRAFT, 'root')];
const usage = (message = ''): Error => failure('UsageError', 'USAGE', message);

describe('a draft', () => {
  test('begins with version 1, signed by nobody', () => {
    expect(DRAFT.document).toMatchObject({ version: 1, thresholds: { release: 1, root: 1 }, minSequence: 0 });
    expect(isFinished([DRAFT])).toBe(false);
    expect(isFinished(V1)).toBe(true);
    expect(() => verifyChain([DRAFT])).toThrow(failure('TrustError', 'UNSIGNED'));
  });

  test('follows a finished version; a draft itself is changed and loses its signatures', () => {
    const second = changeTrust(V1, { addKeys: [grant('new', 'release')] });
    expect(second.document.version).toBe(2);
    const half = sign(second, 'root');
    const finished: TrustVersions = [...V1, half];
    expect(isFinished(finished)).toBe(true);
    const two = changeTrust([V1[0], second], { minSequence: 4 });
    expect(two.document).toMatchObject({ version: 2, minSequence: 4 });
    expect(two.document.keys).toHaveLength(3);
    expect(two.envelope.signatures.size).toBe(0);
    expect(changeTrust(finished, { minSequence: 4 }).document.version).toBe(3);
    const first = changeTrust([DRAFT], { minSequence: 2 });
    expect(first.document).toMatchObject({ version: 1, minSequence: 2 });
    expect(changeTrust([first], { minSequence: 1 }).document.minSequence).toBe(1);
  });

  test('says who has to sign it: the root before and its own', () => {
    const next = changeTrust(V1, { addKeys: [grant('root2', 'root')], removeKeys: [idOf('root')] });
    const chain = (record: TrustRecord): TrustVersions => [...V1, record];
    expect(signatureNeeds(chain(next))).toEqual([
      { whose: 'version 1', threshold: 1, signed: [], missing: [idOf('root')] },
      { whose: 'version 2', threshold: 1, signed: [], missing: [idOf('root2')] },
    ]);
    expect(isFinished(chain(sign(next, 'root2')))).toBe(false);
    expect(isFinished(chain(sign(next, 'root')))).toBe(false);
    const done = chain(sign(next, 'root', 'root2'));
    expect(isFinished(done)).toBe(true);
    expect(verifyChain(done).document.version).toBe(2);
  });

  test('revokes permanently', () => {
    const revoked = changeTrust(V1, {
      addKeys: [grant('new', 'release')],
      revokeKeys: [idOf('release')],
      revokeReleases: [digestOfText('bad')],
    });
    expect(revoked.document.keys.map(({ keyId }) => keyId)).not.toContain(idOf('release'));
    expect(revoked.document).toMatchObject({
      revokedKeys: [idOf('release')],
      revokedReleases: [digestOfText('bad')],
    });
    const chain: TrustVersions = [...V1, sign(revoked, 'root')];
    expect(() => changeTrust(chain, { addKeys: [grant('release', 'release')] })).toThrow(usage('revoked permanently'));
  });

  test('knows provenance only while a key signs it', () => {
    const withIt = changeTrust(V1, { addKeys: [grant('builder', 'provenance')] });
    expect(withIt.document.thresholds.provenance).toBe(1);
    const chain: TrustVersions = [...V1, sign(withIt, 'root')];
    expect(changeTrust(chain, { removeKeys: [idOf('builder')] }).document.thresholds.provenance).toBeUndefined();
  });

  test.each([
    ['the last release key removed', { removeKeys: [idOf('release')] }, 'for release'],
    ['the last root key revoked', { revokeKeys: [idOf('root')] }, 'for root'],
    ['a key that is not there', { removeKeys: [idOf('other')] }, 'does not list'],
    ['a threshold nobody can reach', { thresholds: { release: 2 } }, 'asks for 2 signatures for release and lists 1'],
    ['threshold 0', { thresholds: { root: 0 } }, 'thresholds.root'],
    [
      'a window on a root key',
      { addKeys: [{ ...grant('root', 'root'), validUntil: '2028-01-01T00:00:00Z' }] },
      'root key',
    ],
    ['a key without a role', { addKeys: [grant('new')] }, 'roles'],
    ['an end that is no time', { expires: '2030-02-31T00:00:00Z' }, 'not a time'],
  ])('with %s is not made', (_, changes, message) => {
    expect(() => changeTrust(V1, changes)).toThrow(usage(message));
  });

  test('does not lower the floor', () => {
    const chain: TrustVersions = [...V1, sign(changeTrust(V1, { minSequence: 5 }), 'root')];
    expect(() => changeTrust(chain, { minSequence: 4 })).toThrow(usage('can only rise'));
  });
});

describe('in words', () => {
  test('the first version is all new', () => {
    const lines = describeChanges(undefined, DRAFT.document);
    expect(lines[0]).toBe('begins version 1 for sample/stable');
    expect(lines.toSorted()).toEqual(
      [
        'begins version 1 for sample/stable',
        `+ key ${idOf('root')} (ecdsa-p256) signs this document`,
        `+ key ${idOf('release')} (ed25519) signs releases`,
        '1 of 1 keys must sign releases',
        '1 of 1 keys must sign this document',
        'expires 2030-01-01T00:00:00Z',
      ].toSorted(),
    );
  });

  test('every kind of change has its line, and nothing else has', () => {
    const next = changeTrust(V1, {
      addKeys: [
        { ...grant('new', 'release'), validUntil: '2029-01-01T00:00:00Z' },
        grant('root', 'release', 'root'),
        grant('builder', 'provenance'),
      ],
      revokeKeys: [idOf('release')],
      revokeReleases: [digestOfText('bad')],
      thresholds: { release: 2 },
      expires: '2031-01-01T00:00:00Z',
      minSequence: 9,
    });
    const lines = describeChanges(V1[0].document, next.document);
    expect(lines.toSorted()).toEqual(
      [
        'version 1 → 2 for sample/stable',
        `+ key ${idOf('new')} (ed25519) signs releases until 2029-01-01T00:00:00Z`,
        `+ key ${idOf('builder')} (ed25519) signs provenance`,
        `~ key ${idOf('root')} signs this document → releases and this document`,
        `! key ${idOf('release')} is revoked permanently: its signatures no longer count`,
        `! release ${digestOfText('bad')} is revoked permanently: no site may load it`,
        '1 of 1 keys must sign releases → 2 of 2 keys must sign releases',
        'no key has to sign provenance → 1 of 1 keys must sign provenance',
        'expires 2030-01-01T00:00:00Z → 2031-01-01T00:00:00Z',
        'lowest accepted sequence: 0 → 9',
      ].toSorted(),
    );
    expect(describeChanges(V1[0].document, V1[0].document)).toEqual([
      'version 1 → 1 for sample/stable',
      'nothing else changes',
    ]);
  });

  test('a retired key is told from a revoked one', () => {
    const next = changeTrust(V1, { addKeys: [grant('new', 'release')], removeKeys: [idOf('release')] });
    expect(describeChanges(V1[0].document, next.document)).toContain(
      `- key ${idOf('release')} (ed25519) signs releases: no longer`,
    );
  });

  test('a whole document says all it has', () => {
    const next = changeTrust(V1, { revokeReleases: [digestOfText('bad')], minSequence: 3 });
    const lines = describeDocument(next.document).join('\n');
    for (const text of [
      idOf('root'),
      idOf('release'),
      digestOfText('bad'),
      'lowest accepted sequence: 3',
      'until 2030',
    ]) {
      expect(lines).toContain(text);
    }
  });
});
