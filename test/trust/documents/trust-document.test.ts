/** What a trust document must not be: every rule, broken one at a time. */
import { describe, expect, test } from 'vitest';
import type { TrustDocument } from '../../../src/trust/documents/trust-document-schema.ts';
import { serializeCanonically } from '../../../src/base/json/canonical-json.ts';
import {
  keysOf,
  parseTrust,
  parseTrustFile,
  serializeTrust,
  toKeyObject,
} from '../../../src/trust/documents/trust-document.ts';
import { serializeEnvelope } from '../../../src/trust/signatures/dsse.ts';
import { encodePublicKey } from '../../../src/trust/documents/trust-document.ts';
import { keyId } from '../../../src/trust/keys/public-key.ts';
import { failure } from '../failures.ts';
import { compressedForm } from '../signatures.ts';
import { digestOfText, entryOf, idOf, makeDocument, pairOf, seal, signTrust, trustBytes } from './trust-documents.ts';

const refused = (message = ''): Error => failure('IntegrityError', 'MALFORMED', message);
const parse = (document: unknown): TrustDocument => parseTrust(serializeCanonically(document), 'trust');
const [root, release] = [entryOf('root', ['root']), entryOf('release', ['release'])];

test('a document is read back as it was written', () => {
  const document = makeDocument({
    keys: [entryOf('both', ['release', 'root']), entryOf('p', ['provenance']), release],
    thresholds: { provenance: 1, release: 2, root: 1 },
    revokedKeys: [idOf('gone')],
    revokedReleases: [digestOfText('bad')],
    minSequence: 7,
  });
  expect(parse(document)).toEqual(document);
  expect(parseTrust(serializeTrust(document), 'trust')).toEqual(document);
  expect([...keysOf(document, 'release').keys()]).toEqual([idOf('both'), idOf('release')].sort());
  for (const key of document.keys) expect(keyId(toKeyObject(key))).toBe(key.keyId);
});

test('its file is an envelope of our own type', () => {
  const record = signTrust(makeDocument());
  expect(parseTrustFile(trustBytes(record), 'x')).toMatchObject({ digest: record.digest, document: record.document });
  const payload = serializeTrust(makeDocument());
  const foreign = seal(payload, ['root'], 'application/vnd.in-toto+json');
  expect(() => parseTrustFile(serializeEnvelope(foreign), 'x')).toThrow(refused('not a trust document'));
});

describe('refused is a document', () => {
  const compressed = {
    ...entryOf('p256', ['release']),
    publicKey: compressedForm(pairOf('p256').publicKey).export({ type: 'spki', format: 'der' }).toString('base64'),
  };
  const cases: [string, Partial<Record<keyof TrustDocument, unknown>>, string][] = [
    ['of another format', { formatVersion: 2 }, 'formatVersion'],
    ['without a version', { version: 0 }, 'version'],
    ['with a fraction for a version', { version: 1.5 }, 'version'],
    ['with an unsafe number', { minSequence: 2 ** 53 }, 'minSequence'],
    ['with a negative floor', { minSequence: -1 }, 'minSequence'],
    ['with a name that leads elsewhere', { product: '../x' }, 'product'],
    ['without a product', { product: '' }, 'product'],
    ['with threshold 0 for releases', { thresholds: { release: 0, root: 1 } }, 'thresholds.release'],
    ['with threshold 0 for the root', { thresholds: { release: 1, root: 0 } }, 'thresholds.root'],
    ['without a threshold for the root', { thresholds: { release: 1 } }, 'thresholds.root'],
    [
      'with a threshold above the number of keys',
      { thresholds: { release: 2, root: 1 } },
      'asks for 2 signatures for release',
    ],
    ['with a root threshold above the number of keys', { thresholds: { release: 1, root: 2 } }, 'for root'],
    ['with a threshold for an unknown role', { thresholds: { release: 1, root: 1, admin: 1 } }, 'thresholds'],
    ['with a role nobody has', { thresholds: { provenance: 1, release: 1, root: 1 } }, 'lists 0 keys for it'],
    ['without root keys', { keys: [release] }, 'for root'],
    ['without release keys', { keys: [root] }, 'for release'],
    ['without keys', { keys: [] }, 'keys'],
    ['with a role without threshold', { keys: [root, release, entryOf('p', ['provenance'])] }, 'no threshold'],
    ['with an unknown role', { keys: [root, { ...release, roles: ['admin'] }] }, 'roles'],
    ['with a key without a role', { keys: [root, { ...release, roles: [] }] }, 'roles'],
    ['with a role twice', { keys: [root, { ...release, roles: ['release', 'release'] }] }, 'roles of key'],
    ['with roles not sorted', { keys: [{ ...root, roles: ['root', 'release'] }] }, 'not sorted'],
    ['with one key twice', { keys: [root, release, release] }, 'not sorted, or'],
    [
      'with one key under two ids',
      { keys: [root, release, { ...release, keyId: 'f'.repeat(64) }] },
      'whose fingerprint is',
    ],
    ['with a key under another id', { keys: [root, { ...release, keyId: '0'.repeat(64) }] }, 'whose fingerprint is'],
    [
      'with the id of another key',
      { keys: [{ ...root, publicKey: release.publicKey }, release] },
      'whose fingerprint is',
    ],
    ['with a compressed spelling of a key', { keys: [root, compressed] }, 'spells key'],
    ['with something that is no key', { keys: [root, { ...release, publicKey: 'AAAA' }] }, 'not a P-256 or Ed25519'],
    [
      'with a window that ends before it begins',
      {
        keys: [root, { ...release, validFrom: '2027-01-01T00:00:00Z', validUntil: '2026-01-01T00:00:00Z' }],
      },
      'end before it begins',
    ],
    [
      'with a window of no time',
      {
        keys: [root, { ...release, validFrom: '2027-01-01T00:00:00Z', validUntil: '2027-01-01T00:00:00Z' }],
      },
      'end before it begins',
    ],
    [
      'with a window on a root key',
      { keys: [{ ...root, validUntil: '2027-01-01T00:00:00Z' }, release] },
      'root key cannot',
    ],
    ['with a day that does not exist', { expires: '2027-02-30T00:00:00Z' }, 'not a time'],
    [
      'with a window on a day that does not exist',
      {
        keys: [root, { ...release, validUntil: '2027-13-01T00:00:00Z' }],
      },
      'not a time',
    ],
    ['that never ends', { expires: undefined }, 'expires'],
    ['with a key it revokes', { revokedKeys: [idOf('release')] }, 'which it revokes'],
    ['with revocations not sorted', { revokedKeys: ['b'.repeat(64), 'a'.repeat(64)] }, 'not sorted'],
    ['with a release revoked twice', { revokedReleases: [digestOfText('x'), digestOfText('x')] }, 'not sorted'],
    ['with a shortened release digest', { revokedReleases: ['sha256:abc'] }, 'revokedReleases'],
    ['with a field nobody knows', { keyless: [] } as never, 'nrecognized'],
  ];
  test.each(cases)('%s', (_, changes, message) => {
    const { keys, ...others } = changes as Partial<TrustDocument>;
    const document = { ...makeDocument(keys === undefined ? {} : { keys }), ...others };
    expect(() => parse(document)).toThrow(refused(message));
  });

  test('whose keys are in another order', () => {
    const document = makeDocument();
    expect(() => parse({ ...document, keys: document.keys.toReversed() })).toThrow(refused('not sorted'));
  });

  test('of a kind of key that is not signed with', async () => {
    const { generateKeyPairSync } = await import('node:crypto');
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    expect(() => parse(makeDocument({ keys: [root, { ...release, publicKey: spki }] }))).toThrow(
      refused('not a P-256'),
    );
  });

  const text = serializeCanonically(makeDocument()).toString();
  test.each([
    ['with a duplicate key', text.replace('"version": 1,', '"version": 9,\n "version": 1,')],
    ['with an escaped duplicate key', text.replace('"version": 1,', '"versio\\u006e": 9,\n "version": 1,')],
    ['with a duplicate key inside a key', text.replace('"roles": [', '"keyId": "x",\n   "roles": [')],
    ['with __proto__', text.replace('"version": 1,', '"__proto__": {"version": 2},\n "version": 1,')],
    ['with constructor', text.replace('"version": 1,', '"constructor": {},\n "version": 1,')],
    ['with another spelling of a number', text.replace('"version": 1,', '"version": 1.0,')],
    ['with an exponent', text.replace('"version": 1,', '"version": 1e0,')],
    ['with minus zero', text.replace('"minSequence": 0', '"minSequence": -0')],
    ['with an escape', text.replace('"sample"', '"s\\u0061mple"')],
    [
      'with keys in another order',
      text.replace(' "product": "sample",\n "channel": "stable",', ' "channel": "stable",\n "product": "sample",'),
    ],
    ['with other white space', text.replace('"version": 1,', '"version":  1,')],
    ['with something behind', `${text}{}`],
    ['with a comment', text.replace('"version": 1,', '/* */ "version": 1,')],
    ['nested too deep', `${'{"a":'.repeat(100_000)}`],
  ])('%s', (_, changed) => {
    expect(changed).not.toBe(text);
    expect(() => parseTrust(Buffer.from(changed), 'trust')).toThrow(refused('trust'));
  });
});

test('a public key in a document is the middle of its PEM file', () => {
  const { publicKey } = pairOf('root');
  const pem = String(publicKey.export({ type: 'spki', format: 'pem' }));
  expect(pem.replaceAll('\n', '')).toContain(encodePublicKey(publicKey));
});
