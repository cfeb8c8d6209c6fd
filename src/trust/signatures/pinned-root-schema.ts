/** A pinned Sigstore trusted root: the authorities and logs whose certificates, entries and timestamps are believed. */
import * as z from 'zod';

/** Entries of each kind, and certificates of one chain. */
const MAX_ENTRIES = 64;
const MAX_CHAIN = 8;
/** Base64 of one key or certificate. */
const MAX_BYTES_CHARACTERS = 16 * 1024;

const Text = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[\x20-\x7e]+$/);
const Bytes = z
  .string()
  .max(MAX_BYTES_CHARACTERS)
  .regex(/^[A-Za-z0-9+/]+={0,2}$/);
const Time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const Word = z.string().regex(/^[A-Z0-9_]{1,64}$/);
/** Pinned for a time that has begun somewhere. */
const Window = z.strictObject({ start: Time, end: Time.optional() });

const Log = z.strictObject({
  baseUrl: Text,
  hashAlgorithm: Word,
  publicKey: z.strictObject({ rawBytes: Bytes, keyDetails: Word, validFor: Window }),
  logId: z.strictObject({ keyId: Bytes }),
  checkpointKeyId: z.strictObject({ keyId: Bytes }).optional(),
  operator: Text.optional(),
});

const Authority = z.strictObject({
  subject: z.strictObject({ organization: Text.optional(), commonName: Text.optional() }).optional(),
  uri: Text.optional(),
  /** From the leaf (of a timestamp authority) or an intermediate to the root. */
  certChain: z.strictObject({
    certificates: z
      .array(z.strictObject({ rawBytes: Bytes }))
      .min(1)
      .max(MAX_CHAIN),
  }),
  validFor: Window,
  operator: Text.optional(),
});

const logs = z.array(Log).min(1).max(MAX_ENTRIES).optional();
const authorities = z.array(Authority).min(1).max(MAX_ENTRIES).optional();

/**
 * The document, in the one spelling that is pinned. Key order is the order of its bytes.
 * @see https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto
 */
export const PinnedTrustedRoot = z.strictObject({
  mediaType: z.string().regex(/^application\/vnd\.dev\.sigstore\.trustedroot(\+json;version=0\.1|\.v0\.[12]\+json)$/),
  tlogs: logs,
  certificateAuthorities: authorities,
  ctlogs: logs,
  timestampAuthorities: authorities,
});
export type PinnedTrustedRoot = z.infer<typeof PinnedTrustedRoot>;
