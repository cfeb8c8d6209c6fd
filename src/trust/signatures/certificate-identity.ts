/** Verifies who signed with a certificate of Sigstore's Fulcio, against pinned authorities. Pure: no network, no clock. */
import { createHash, X509Certificate } from 'node:crypto';
import type { Bundle } from '@sigstore/bundle';
import { HashAlgorithm } from '@sigstore/protobuf-specs';
import { toSignedEntity, Verifier, type SignedEntity } from '@sigstore/verify';
import { TrustError } from '../../errors.ts';
import type { Identity } from './identity-schema.ts';
import { matchesIdentity, nameIdentity, type CertificateIdentity } from './identity.ts';
import type { Authorities } from './pinned-root.ts';
import { evaluateTimestamps } from './timestamp.ts';

/** One log has to hold the certificate, one the signature, and one has to say when: otherwise nothing tells a stolen key. */
const THRESHOLDS = { ctlogThreshold: 1, tlogThreshold: 1, timestampThreshold: 1 } as const;
/** @see https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md */
const OID_ISSUER = '1.3.6.1.4.1.57264.1.8';
const OID_ISSUER_V1 = '1.3.6.1.4.1.57264.1.1';
/** @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.12 */
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const UTF8_STRING = 0x0c;
const MAX_NAME_CHARACTERS = 512;

/** Who signed and when, verified. */
export interface ProvenIdentity extends CertificateIdentity {
  /** The earliest time that a pinned log or timestamp authority vouches for; the signature was there then. */
  readonly signedAt: Date;
  /** All times that were verified. */
  readonly times: readonly Date[];
}

/**
 * Verifies the signature of a bundle that carries a certificate, in any version of the format: over `data` for a plain
 * signature; for a DSSE envelope over its payload and type, which the caller looks at afterwards. The certificate is
 * by a pinned authority and was logged, the signature was logged, and the certificate was valid at every time verified.
 * @param identities who may have signed; one is enough
 * @param name what to call the signature in errors
 * @throws TrustError `UNTRUSTED_SIGNER` when somebody else is named, `SIGNATURE_INVALID` when anything does not hold.
 */
export function verifyCertificateSignature(
  bundle: Bundle,
  data: Uint8Array | undefined,
  identities: readonly Identity[],
  authorities: Authorities,
  name = 'the signature',
): ProvenIdentity {
  const claimed = claimedIdentity(bundle, name);
  if (!identities.some((identity) => matchesIdentity(identity, claimed))) {
    throw new TrustError(
      'UNTRUSTED_SIGNER',
      `${name} is by ${nameIdentity(claimed)}, which is not among the trusted signers`,
      {
        hint: `its certificate names the issuer ${claimed.issuer} and the subject ${claimed.subject}; trust that identity only if it is the one that should have signed`,
      },
    );
  }
  return verifySignatureOfIdentity(bundle, data, claimed, authorities, name);
}

/**
 * The same for an identity that was matched already.
 * @throws TrustError `SIGNATURE_INVALID`
 */
export function verifySignatureOfIdentity(
  bundle: Bundle,
  data: Uint8Array | undefined,
  { issuer, subject }: CertificateIdentity,
  authorities: Authorities,
  name: string,
): ProvenIdentity {
  if (data !== undefined) assertMessage(bundle, data, name);
  if ((data === undefined) !== (bundle.content.$case === 'dsseEnvelope')) throw invalid(`${name} is of another kind`);
  try {
    const known = withKnownTimestamps(bundle, authorities);
    const entity = toSignedEntity(known, data === undefined ? undefined : Buffer.from(data));
    new Verifier(authorities, THRESHOLDS).verify(entity, {
      // Texts would be taken for patterns that match anywhere.
      subjectAlternativeName: new RegExp(`^${escapePattern(subject)}$`),
      extensions: { issuer },
    });
    const times = timesOf(entity).sort((a, b) => a.getTime() - b.getTime());
    const [signedAt] = times;
    if (signedAt === undefined) throw new Error('no time is verified');
    return { issuer, subject, signedAt, times };
  } catch (error) {
    const why = error instanceof Error ? error.message : 'for an unknown reason';
    throw invalid(`${name} by ${subject} does not verify with the pinned trusted root: ${why}`, error);
  }
}

/**
 * Whom the certificate of a bundle names. A claim, not a proof: anybody can make such a certificate.
 * @throws TrustError `SIGNATURE_INVALID` when it cannot be read, names none or several, or is not for signing.
 */
export function claimedIdentity(bundle: Bundle, name: string): CertificateIdentity {
  try {
    const { key } = toSignedEntity({ ...bundle, verificationMaterial: { ...bundle.verificationMaterial, ...NOTHING } });
    if (key.$case !== 'certificate') throw new Error('it carries no certificate');
    const { certificate } = key;
    const raw = rawCertificate(bundle);
    if (!certificate.root.toDER().equals(raw)) throw new Error('it is not in canonical form');
    const der = new X509Certificate(raw);
    const subject = certificate.subjectAltName ?? '';
    const issuer = readIssuer(certificate.extension(OID_ISSUER)?.value, certificate.extension(OID_ISSUER_V1)?.value);
    if (!isPlain(issuer) || !isPlain(subject)) throw new Error('it does not name an issuer and a subject');
    // The library drops the top bit of each byte, and takes the first of several names.
    const names = ['URI', 'email'].flatMap((kind) => [`${kind}:${subject}`, `${kind}:${JSON.stringify(subject)}`]);
    if (!names.includes(der.subjectAltName ?? '')) throw new Error('it does not name exactly one subject');
    if (der.keyUsage?.includes(CODE_SIGNING) !== true) throw new Error('it is not for signing code');
    return { issuer, subject };
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it is malformed';
    throw invalid(`the certificate of ${name} cannot be used: ${why}`, error);
  }
}

const NOTHING = { tlogEntries: [], timestampVerificationData: undefined };

function rawCertificate({ verificationMaterial: { content } }: Bundle): Buffer {
  if (content.$case === 'certificate') return content.certificate.rawBytes;
  const chain = content.$case === 'x509CertificateChain' ? content.x509CertificateChain.certificates : [];
  return chain[0]?.rawBytes ?? Buffer.alloc(0);
}

/** The extension of today is a UTF8String, the older one was the bare text. */
function readIssuer(current: Buffer | undefined, old: Buffer | undefined): string {
  if (current === undefined) return old?.toString('latin1') ?? '';
  const [tag, first = 0] = current;
  const start = first < 0x80 ? 2 : 2 + (first & 0x7f);
  return tag === UTF8_STRING ? current.subarray(start).toString('latin1') : '';
}

function isPlain(text: string): boolean {
  return text.length <= MAX_NAME_CHARACTERS && /^[\x21-\x7e][\x20-\x7e]*$/.test(text);
}

/** Timestamps of authorities that are not pinned say nothing, and harm nothing as long as another time is verified. */
function withKnownTimestamps(bundle: Bundle, authorities: Authorities): Bundle {
  const { verificationMaterial } = bundle;
  const tokens = verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? [];
  const verdicts = evaluateTimestamps(bundle, signatureOf(bundle), authorities);
  const rfc3161Timestamps = tokens.filter((_, index) => 'time' in (verdicts[index] ?? {}));
  return {
    ...bundle,
    verificationMaterial: { ...verificationMaterial, timestampVerificationData: { rfc3161Timestamps } },
  };
}

/** Times of entries and timestamps of an entity that was verified. Without its log's promise, an entry's time is not vouched for. */
function timesOf({ timestamps }: SignedEntity): Date[] {
  return timestamps.flatMap((each) => {
    if (each.$case === 'timestamp-authority') return [each.timestamp.signingTime];
    const { inclusionPromise, integratedTime } = each.tlogEntry;
    return inclusionPromise === undefined ? [] : [new Date(Number(integratedTime) * 1000)];
  });
}

/** The bytes of the signature a bundle holds. */
export function signatureOf({ content }: Bundle): Buffer {
  return content.$case === 'messageSignature'
    ? content.messageSignature.signature
    : (content.dsseEnvelope.signatures[0]?.sig ?? Buffer.alloc(0));
}

/** The library leaves it to the log to say what was signed. */
function assertMessage({ content }: Bundle, data: Uint8Array, name: string): void {
  if (content.$case !== 'messageSignature') return;
  const { algorithm, digest } = content.messageSignature.messageDigest;
  const isSame = createHash('sha256').update(data).digest().equals(digest);
  if (algorithm !== HashAlgorithm.SHA2_256 || !isSame) throw invalid(`${name} is over other data`);
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function invalid(message: string, cause?: unknown): TrustError {
  return new TrustError('SIGNATURE_INVALID', message, {
    hint: 'it was damaged or changed, or made with other authorities than those that are pinned; get it again from its maker',
    cause,
  });
}
