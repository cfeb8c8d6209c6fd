/** Reads and writes trust documents in their one canonical form, and holds them to the rules a schema cannot say. */
import { isUtcSeconds } from '../../base/utc-time.ts';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { sha256, type Digest } from '../../oci/digest.ts';
import { TrustDocument, type TrustKey, type TrustRole } from './trust-document-schema.ts';
import { malformed, parseCanonically, serializeCanonically } from '../../base/json/canonical-json.ts';
import { parseEnvelope, type Envelope } from '../signatures/dsse.ts';
import { identityKey, matchesIdentity, nameTrusted } from '../signatures/identity.ts';
import { keyId, loadPublicKey, toPublicKeyPem } from '../keys/public-key.ts';
import { openAuthorities } from '../signatures/pinned-root.ts';

/** What a trust document is signed as; a signature over anything else is none over this. */
export const TRUST_PAYLOAD_TYPE = 'application/vnd.hexabase.airgap.trust+json';

/** Bytes of one document. */
const MAX_DOCUMENT_BYTES = 3 * 1024 * 1024;
const PEM_LINE = /.{1,64}/g;

/** A trust document as it was read: well-formed, its signatures not looked at. */
export interface TrustRecord {
  /** What to call it in errors: its path. */
  readonly name: string;
  /** What it says. */
  readonly document: TrustDocument;
  /** The signatures over it, and the bytes that were signed. */
  readonly envelope: Envelope;
  /** Of the document's bytes, which do not change when signatures are added: what people compare over the phone. */
  readonly digest: Digest;
}

/** Versions of one document, oldest first and without gaps. */
export type TrustVersions = readonly [TrustRecord, ...TrustRecord[]];

/** The bytes that are signed. @throws IntegrityError `MALFORMED` when a rule is broken. */
export function serializeTrust(document: TrustDocument, name = 'the trust document'): Buffer {
  const bytes = serializeCanonically(TrustDocument.parse(document));
  parseTrust(bytes, name);
  return bytes;
}

/**
 * Reads a document.
 * @throws IntegrityError `MALFORMED` when it is not canonical, or a key's id is not its fingerprint, a role is empty or
 *   has fewer keys than its threshold, a window is reversed, or a revoked key is listed.
 */
export function parseTrust(bytes: Uint8Array, name: string): TrustDocument {
  const document = parseCanonically(TrustDocument, bytes, name, MAX_DOCUMENT_BYTES);
  checkTrust(document, name);
  return document;
}

/**
 * Reads a trust file: an envelope around a document.
 * @throws IntegrityError `MALFORMED`
 */
export function parseTrustFile(bytes: Uint8Array, name: string): TrustRecord {
  return toTrustRecord(parseEnvelope(bytes, name), name);
}

/** A record of an envelope at hand. @throws IntegrityError `MALFORMED` */
export function toTrustRecord(envelope: Envelope, name: string): TrustRecord {
  if (envelope.payloadType !== TRUST_PAYLOAD_TYPE) {
    throw malformed(name, `holds ${JSON.stringify(envelope.payloadType)}, not a trust document`);
  }
  return { name, document: parseTrust(envelope.payload, name), envelope, digest: sha256(envelope.payload) };
}

/** A document without signatures yet. @throws IntegrityError `MALFORMED` when it breaks a rule. */
export function draftTrust(document: TrustDocument, name: string): TrustRecord {
  const payload = serializeTrust(document, name);
  return toTrustRecord({ payloadType: TRUST_PAYLOAD_TYPE, payload, signatures: new Map() }, name);
}

/** The keys of a role, by key id. */
export function keysOf(document: TrustDocument, role: TrustRole): ReadonlyMap<string, KeyObject> {
  const keys = document.keys.filter(({ roles }) => roles.includes(role));
  return new Map(keys.map((key) => [key.keyId, publicKeyOfEntry(key, 'the trust document')]));
}

/** A public key as a trust document spells it. */
export function encodePublicKey(publicKey: KeyObject): string {
  return toPublicKeyPem(publicKey).replace(/-----[^-]+-----|\s/g, '');
}

function publicKeyOfEntry({ publicKey }: TrustKey, name: string): KeyObject {
  const lines = publicKey.match(PEM_LINE) ?? [];
  try {
    return loadPublicKey(`-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`, name);
  } catch (error) {
    throw malformed(name, 'has an entry that is not a P-256 or Ed25519 public key', error);
  }
}

function checkTrust(document: TrustDocument, name: string): void {
  const refuse = (fault: string): never => {
    throw malformed(name, fault);
  };
  const { keys, thresholds, revokedKeys, revokedReleases } = document;
  checkSorted(
    keys.map((key) => key.keyId),
    'keys',
    refuse,
  );
  checkSorted(revokedKeys, 'revokedKeys', refuse);
  checkSorted(revokedReleases, 'revokedReleases', refuse);
  checkTime(document.expires, refuse);
  for (const key of keys) checkKey(key, name, refuse);
  const revoked = keys.find((key) => revokedKeys.includes(key.keyId));
  if (revoked !== undefined) refuse(`lists key ${revoked.keyId}, which it revokes`);
  checkIdentities(document, name, refuse);
  for (const role of ['provenance', 'release', 'root'] as const) {
    const count = signersFor(document, role);
    const threshold = thresholds[role];
    if (threshold === undefined && count > 0) refuse(`has keys for ${role} and no threshold for it`);
    if (threshold !== undefined && threshold > count) {
      const what = document.identities === undefined ? 'keys' : 'keys and identities';
      refuse(`asks for ${threshold} signatures for ${role} and lists ${count} ${what} for it`);
    }
  }
}

/** How many keys and identities a role has. */
export function signersFor({ keys, identities = [] }: TrustDocument, role: TrustRole): number {
  const entries: readonly { readonly roles: readonly TrustRole[] }[] = [...keys, ...identities];
  return entries.filter(({ roles }) => roles.includes(role)).length;
}

function checkIdentities(document: TrustDocument, name: string, refuse: (fault: string) => never): void {
  const { identities = [], revokedIdentities = [], trustedRoot } = document;
  checkSorted(identities.map(identityKey), 'identities', refuse);
  checkSorted(revokedIdentities.map(identityKey), 'revokedIdentities', refuse);
  for (const entry of identities) {
    checkSorted(entry.roles, `roles of ${nameTrusted(entry)}`, refuse);
    checkWindow(entry, nameTrusted(entry), refuse);
    const isRevoked = revokedIdentities.some(
      (revoked) =>
        identityKey(revoked) === identityKey(entry) || ('subject' in entry && matchesIdentity(revoked, entry)),
    );
    if (isRevoked) refuse(`lists ${nameTrusted(entry)}, which it revokes`);
  }
  if (trustedRoot !== undefined) openAuthorities(trustedRoot, name);
  const { certificateAuthorities, tlogs, ctlogs } = trustedRoot ?? {};
  // Without any of them no certificate could ever count.
  if (identities.length > 0 && [certificateAuthorities, tlogs, ctlogs].includes(undefined)) {
    refuse('lists identities, and no trusted root with a certificate authority, its log and a signature log');
  }
}

function checkKey(key: TrustKey, name: string, refuse: (fault: string) => never): void {
  const { keyId: id, publicKey, roles, validFrom, validUntil } = key;
  const parsed = publicKeyOfEntry(key, name);
  if (keyId(parsed) !== id) refuse(`names a key ${id} whose fingerprint is ${keyId(parsed)}`);
  // Compressed points and other spellings of the same key.
  if (encodePublicKey(parsed) !== publicKey) refuse(`spells key ${id} in a form that is not canonical`);
  checkSorted(roles, `roles of key ${id}`, refuse);
  checkWindow(key, `key ${id}`, refuse);
  // Signatures of a chain carry no time, so that a window could only lock sites out that come late.
  if (roles.includes('root') && (validFrom ?? validUntil) !== undefined) {
    refuse(`gives key ${id} a window, which a root key cannot have`);
  }
}

function checkWindow(
  { validFrom, validUntil }: Pick<TrustKey, 'validFrom' | 'validUntil'>,
  whose: string,
  refuse: (fault: string) => never,
): void {
  for (const time of [validFrom, validUntil]) if (time !== undefined) checkTime(time, refuse);
  if (validFrom !== undefined && validUntil !== undefined && validFrom >= validUntil) {
    refuse(`lets ${whose} end before it begins`);
  }
}

function checkSorted(entries: readonly string[], what: string, refuse: (fault: string) => never): void {
  entries.forEach((entry, index) => {
    const previous = entries[index - 1];
    if (previous !== undefined && previous >= entry) refuse(`has ${what} that are not sorted, or ${entry} twice`);
  });
}

function checkTime(text: string, refuse: (fault: string) => never): void {
  if (!isUtcSeconds(text)) refuse(`has ${text}, which is not a time`);
}

/** A public key entry as a key object, for those who show or export it. */
export function toKeyObject(key: TrustKey): KeyObject {
  return createPublicKey({ key: Buffer.from(key.publicKey, 'base64'), format: 'der', type: 'spki' });
}
