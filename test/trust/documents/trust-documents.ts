/** Trust documents for tests: keys by name, documents with any field changed, and envelopes signed by whoever is named. */
import { createHash, sign, type KeyObject } from 'node:crypto';
import { TrustDocument, type TrustKey, type TrustRole } from '../../../src/trust/documents/trust-document-schema.ts';
import { serializeCanonically } from '../../../src/base/json/canonical-json.ts';
import {
  encodePublicKey,
  toTrustRecord,
  TRUST_PAYLOAD_TYPE,
  type TrustRecord,
} from '../../../src/trust/documents/trust-document.ts';
import {
  addSignature,
  preAuthenticationEncoding,
  serializeEnvelope,
  type Envelope,
} from '../../../src/trust/signatures/dsse.ts';
import { algorithmOf, generateKeyPair, keyId, publicKeyOf, type KeyPair } from '../../../src/trust/keys/public-key.ts';

const pairs = new Map<string, KeyPair>();

/** The key pair of a name, the same for the whole run: P-256 for names of even length, else Ed25519. */
export function pairOf(name: string): KeyPair {
  const known = pairs.get(name);
  if (known !== undefined) return known;
  const pair = generateKeyPair(name.length % 2 === 0 ? 'ecdsa-p256' : 'ed25519');
  pairs.set(name, pair);
  return pair;
}

/** The key id of a name. */
export function idOf(name: string): string {
  return keyId(pairOf(name).publicKey);
}

/** An entry of a document. */
export function entryOf(name: string, roles: readonly TrustRole[], window: Partial<TrustKey> = {}): TrustKey {
  return {
    keyId: idOf(name),
    publicKey: encodePublicKey(pairOf(name).publicKey),
    roles: [...roles].sort(),
    ...window,
  };
}

/** Sorted by key id, as documents want them. */
export function sortKeys(keys: readonly TrustKey[]): TrustKey[] {
  return keys.toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1));
}

/** A valid document of one root and one release key, with fields changed; keys are sorted. */
export function makeDocument(changes: Partial<TrustDocument> = {}): TrustDocument {
  const { keys = [entryOf('root', ['root']), entryOf('release', ['release'])], ...others } = changes;
  const document: TrustDocument = {
    formatVersion: 1,
    product: 'sample',
    channel: 'stable',
    version: 1,
    expires: '2030-01-01T00:00:00Z',
    thresholds: { release: 1, root: 1 },
    keys: sortKeys(keys),
    revokedKeys: [],
    revokedReleases: [],
    minSequence: 0,
    ...others,
  };
  // The order of the schema is the order of the bytes.
  const order = Object.keys(TrustDocument.shape) as (keyof TrustDocument)[];
  const known = order.filter((field) => document[field] !== undefined).map((field) => [field, document[field]]);
  return Object.fromEntries(known) as TrustDocument;
}

/** Adds a signature by a private key. */
export function signEnvelope(envelope: Envelope, privateKey: KeyObject): Envelope {
  const data = preAuthenticationEncoding(envelope.payloadType, envelope.payload);
  const hash = algorithmOf(privateKey) === 'ed25519' ? null : 'sha256';
  const signature = sign(hash, data, { key: privateKey, dsaEncoding: 'der' });
  return addSignature(envelope, publicKeyOf(privateKey), signature);
}

/** An envelope around any payload, signed by the named keys. */
export function seal(payload: Buffer, signers: readonly string[], payloadType: string = TRUST_PAYLOAD_TYPE): Envelope {
  const empty: Envelope = { payloadType, payload, signatures: new Map() };
  return signers.reduce((envelope, name) => signEnvelope(envelope, pairOf(name).privateKey), empty);
}

/** A signed document, as a record. */
export function signTrust(document: TrustDocument, signers: readonly string[] = ['root']): TrustRecord {
  const name = `${document.version}.trust.json`;
  return toTrustRecord(seal(serializeCanonically(document), signers), name);
}

/** The bytes of its file. */
export function trustBytes(record: TrustRecord): Buffer {
  return serializeEnvelope(record.envelope);
}

/** `sha256:` of a text, to name things that do not exist. */
export function digestOfText(text: string): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
