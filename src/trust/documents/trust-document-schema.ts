/** The trust document: for one product and channel, whose keys count for what, and what is no longer accepted. */
import { UtcSeconds } from '../../base/schemas/utc-seconds.ts';
import * as z from 'zod';
import { listOf } from '../../base/schemas/list.ts';
import { DigestText } from '../../content/content-graph.ts';
import { Identity, IdentityIssuer, IdentitySubject, SubjectPattern } from '../signatures/identity-schema.ts';
import { PinnedTrustedRoot } from '../signatures/pinned-root-schema.ts';

/** Keys of one document, and signatures of one envelope. */
const MAX_KEYS = 256;
/** Identities of one document. */
const MAX_IDENTITIES = 256;
/** Revoked keys, revoked identities, and revoked releases. */
const MAX_REVOKED = 10_000;
/** Versions of one trust document; each step needs people, so that a million is out of reach. */
const MAX_VERSION = 1_000_000;

/** A product or a channel, named as in a release. */
export const LineName = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);

/** The fingerprint of a public key in hexadecimal digits. */
export const KeyIdText = z.string().regex(/^[a-f0-9]{64}$/);

/** A release's place in its line; it grows from release to release. */
export const Sequence = z.int().min(1).max(Number.MAX_SAFE_INTEGER);

/** Version of a trust document: 1, 2, 3, … without gaps. */
export const TrustVersion = z.int().min(1).max(MAX_VERSION);

/** What a key may sign: releases, statements about how they were made, or the trust document itself. */
export const TrustRole = z.enum(['provenance', 'release', 'root']);
export type TrustRole = z.infer<typeof TrustRole>;

/** One key and what it counts for. */
export const TrustKey = z.strictObject({
  /** The fingerprint of `publicKey`; nothing else is accepted. */
  keyId: KeyIdText,
  /** SubjectPublicKeyInfo in DER, base64: the middle of a PEM file. */
  publicKey: z
    .string()
    .max(1024)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/),
  /** Sorted. */
  roles: z.array(TrustRole).min(1).max(3),
  /** Both ends included. Only for keys without the role `root`. */
  validFrom: UtcSeconds.optional(),
  validUntil: UtcSeconds.optional(),
});
export type TrustKey = z.infer<typeof TrustKey>;

/** What an identity counts for; the document itself is signed by keys only, which need no services to be checked. */
const identityFields = {
  /** Sorted. */
  roles: z
    .array(z.enum(['provenance', 'release']))
    .min(1)
    .max(2),
  /** Both ends included: when it has to have signed, as a pinned log or timestamp authority says. */
  validFrom: UtcSeconds.optional(),
  validUntil: UtcSeconds.optional(),
};

/** An identity that signs with certificates, by its exact subject or by a pattern. */
export const TrustIdentity = z.union([
  z.strictObject({ issuer: IdentityIssuer, subject: IdentitySubject, ...identityFields }),
  z.strictObject({ issuer: IdentityIssuer, subjectPattern: SubjectPattern, ...identityFields }),
]);
export type TrustIdentity = z.infer<typeof TrustIdentity>;

const Threshold = z.int().min(1).max(MAX_KEYS);

/** The signed document. Key order is the order of its bytes. */
export const TrustDocument = z.strictObject({
  formatVersion: z.literal(1),
  product: LineName,
  channel: LineName,
  version: TrustVersion,
  /** From then on the document is believed no more. */
  expires: UtcSeconds,
  /** How many distinct keys and identities of a role have to sign. */
  thresholds: z.strictObject({ provenance: Threshold.optional(), release: Threshold, root: Threshold }),
  /** Sorted by `keyId`. */
  keys: listOf(TrustKey, MAX_KEYS, 1),
  /** Sorted by issuer and subject. */
  identities: listOf(TrustIdentity, MAX_IDENTITIES, 1).optional(),
  /** What certificates and timestamps are checked by. */
  trustedRoot: PinnedTrustedRoot.optional(),
  /** Sorted. A key that was revoked once stays revoked. */
  revokedKeys: listOf(KeyIdText, MAX_REVOKED),
  /** Sorted. What matches one of them never counts. */
  revokedIdentities: listOf(Identity, MAX_REVOKED, 1).optional(),
  /** Digests of the `checksums.txt` of releases, sorted. */
  revokedReleases: listOf(DigestText, MAX_REVOKED),
  /** Releases of a lower sequence are refused, whatever else speaks for them; 0 is no floor. */
  minSequence: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
});
export type TrustDocument = z.infer<typeof TrustDocument>;

const Base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);

/**
 * A DSSE envelope with any number of signatures.
 * @see https://github.com/secure-systems-lab/dsse/blob/master/envelope.md
 */
export const DsseEnvelope = z.strictObject({
  payloadType: z.string().min(1).max(255),
  /** How long a whole envelope may be is for its reader to say. */
  payload: Base64,
  /** Sorted by `keyid`, each key once. */
  signatures: listOf(z.strictObject({ keyid: KeyIdText, sig: Base64.min(1).max(1024) }), MAX_KEYS),
});
export type DsseEnvelope = z.infer<typeof DsseEnvelope>;
