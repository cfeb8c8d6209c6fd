/** `state.json`: what a site remembers of the releases it loaded, so that it cannot be taken back in time. */
import { UtcSeconds } from '../../base/schemas/utc-seconds.ts';
import * as z from 'zod';
import { DigestText } from '../../content/content-graph.ts';
import { IdentityIssuer, MAX_IDENTITY_CHARACTERS } from '../signatures/identity-schema.ts';
import { KeyIdText, LineName, Sequence, TrustDocument, TrustVersion } from '../documents/trust-document-schema.ts';

/** Lines of one site. */
const MAX_LINES = 1_000;
/** Versions of one trust document a site has seen. */
const MAX_HISTORY = 10_000;
/** Exceptions that are kept; the oldest go first. */
export const MAX_EXCEPTIONS = 1_000;

const Version = z.string().min(1).max(64);

/** The trust document that is pinned, and the way that led to it. */
export const PinnedTrust = z.strictObject({
  document: TrustDocument,
  digest: DigestText,
  history: z
    .array(z.strictObject({ version: TrustVersion, digest: DigestText }))
    .min(1)
    .max(MAX_HISTORY),
});
export type PinnedTrust = z.infer<typeof PinnedTrust>;

/** The newest release of a line that was ever loaded: what is older is refused. */
export const HighWaterMark = z.strictObject({
  sequence: Sequence,
  digest: DigestText,
  version: Version,
  /** Keys that signed it, so that a mark set with a stolen key can be told. */
  signers: z.array(KeyIdText).max(256),
  /** Identities that signed it. */
  identities: z
    .array(z.strictObject({ issuer: IdentityIssuer, subject: z.string().min(1).max(MAX_IDENTITY_CHARACTERS) }))
    .min(1)
    .max(256)
    .optional(),
});
export type HighWaterMark = z.infer<typeof HighWaterMark>;

/** One product and channel. */
export const StateLine = z.strictObject({
  product: LineName,
  channel: LineName,
  highest: HighWaterMark.optional(),
  /** What was loaded last, by way of an exception too. */
  last: z.strictObject({ digest: DigestText, version: Version, sequence: Sequence.optional(), at: UtcSeconds }),
  trust: PinnedTrust.optional(),
});
export type StateLine = z.infer<typeof StateLine>;

/** One deliberate exception. */
export const StateException = z.strictObject({
  at: UtcSeconds,
  command: z.string().min(1).max(64),
  product: LineName,
  channel: LineName,
  digest: DigestText,
  version: Version,
  /** Codes of the refusals it set aside. */
  overrode: z.array(z.string().min(1).max(64)).min(1).max(16),
});
export type StateException = z.infer<typeof StateException>;

/** The whole file. Key order is the order of its bytes. */
export const SiteState = z.strictObject({
  stateVersion: z.literal(1),
  /** The latest time this site has seen; the clock is not believed when it says less. */
  lastSeen: UtcSeconds.optional(),
  /** Sorted by product and channel. */
  lines: z.array(StateLine).max(MAX_LINES),
  exceptions: z.array(StateException).max(MAX_EXCEPTIONS),
});
export type SiteState = z.infer<typeof SiteState>;
