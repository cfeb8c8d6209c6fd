/** What cosign writes beside a payload that was signed with a certificate, as the Sigstore bundle it would be today. */
import { createHash } from 'node:crypto';
import { bundleFromJSON, type Bundle } from '@sigstore/bundle';
import * as z from 'zod';
import { TrustError } from '../../errors.ts';
import { jsonFaultOf, parseJson } from '../../base/json/parse-json.ts';

/** Characters of one annotation. */
const MAX_CHARACTERS = 128 * 1024;
/** The version that knows a log's promise without its proof, which is what cosign keeps. */
const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle+json;version=0.1';

/** Texts beside a signature; each by its unknown writer. */
export interface CosignAnnotations {
  /** PEM, the certificate of the signer first. */
  readonly certificate: string;
  /** JSON: the entry of the log, with its promise. */
  readonly bundle?: string | undefined;
  /** JSON around an RFC 3161 timestamp. */
  readonly timestamp?: string | undefined;
}

const Base64 = z
  .string()
  .max(MAX_CHARACTERS)
  .regex(/^[A-Za-z0-9+/]+={0,2}$/);

/** @see https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md#properties */
const LogEntry = z.object({
  SignedEntryTimestamp: Base64,
  Payload: z.object({
    body: Base64,
    integratedTime: z.int().min(0),
    logIndex: z.int().min(0),
    logID: z.string().regex(/^[a-f0-9]{64}$/),
  }),
});
const EntryKind = z.object({ kind: z.string().max(64), apiVersion: z.string().max(64) });
const Timestamp = z.object({ SignedRFC3161Timestamp: Base64 });

/**
 * Puts a signature and what stands beside it together. Nothing of it is checked yet.
 * @throws TrustError `SIGNATURE_INVALID` when a part cannot be read.
 */
export function toCertificateBundle(
  payload: Uint8Array,
  signature: Uint8Array,
  { certificate, bundle, timestamp }: CosignAnnotations,
): Bundle {
  for (const text of [certificate, bundle, timestamp]) {
    if ((text?.length ?? 0) > MAX_CHARACTERS) throw malformed('has an annotation over the size limit');
  }
  const timestamps = timestamp === undefined ? [] : [read(Timestamp, Buffer.from(timestamp), 'timestamp')];
  const json = {
    mediaType: MEDIA_TYPE,
    verificationMaterial: {
      x509CertificateChain: { certificates: [{ rawBytes: firstCertificate(certificate) }] },
      tlogEntries: bundle === undefined ? [] : [toLogEntry(bundle)],
      timestampVerificationData: {
        rfc3161Timestamps: timestamps.map((each) => ({ signedTimestamp: each.SignedRFC3161Timestamp })),
      },
    },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: createHash('sha256').update(payload).digest('base64') },
      signature: Buffer.from(signature).toString('base64'),
    },
  };
  try {
    return bundleFromJSON(json);
  } catch (cause) {
    throw malformed('cannot be read as a signature with a certificate', cause);
  }
}

function toLogEntry(text: string): object {
  const { SignedEntryTimestamp, Payload } = read(LogEntry, Buffer.from(text), 'log entry');
  const { kind, apiVersion } = read(EntryKind, Buffer.from(Payload.body, 'base64'), 'log entry');
  return {
    logIndex: String(Payload.logIndex),
    logId: { keyId: Buffer.from(Payload.logID, 'hex').toString('base64') },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(Payload.integratedTime),
    inclusionPromise: { signedEntryTimestamp: SignedEntryTimestamp },
    canonicalizedBody: Payload.body,
  };
}

/** The middle of the first block, as bytes that stand in JSON. The chain above it comes from the trusted root alone. */
function firstCertificate(pem: string): string {
  const [, middle] = /^\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(pem) ?? [];
  if (middle === undefined) throw malformed('has a certificate that is not PEM');
  return middle.replaceAll(/\s/g, '');
}

function read<S extends z.ZodType>(schema: S, bytes: Uint8Array, what: string): z.infer<S> {
  let json: unknown;
  try {
    json = parseJson(bytes, { maxBytes: MAX_CHARACTERS });
  } catch (cause) {
    throw malformed(`has a ${what} that ${jsonFaultOf(cause)}`, cause);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw malformed(`has a ${what} of another form`);
}

function malformed(fault: string, cause?: unknown): TrustError {
  return new TrustError('SIGNATURE_INVALID', fault, { cause });
}
