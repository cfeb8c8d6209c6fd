/** Whose signature images have to bear: `imagePolicy` of a release.yaml, and what its lock keeps of it. */
import * as z from 'zod';
import { parseImagePattern } from '../../oci/image-pattern.ts';
import { DigestText } from '../../content/content-graph.ts';
import { IdentityIssuer, IdentitySubject, SubjectPattern } from '../../trust/signatures/identity-schema.ts';
import { PathText } from '../../base/schemas/path-text.ts';
import { refineWith } from '../../base/schemas/refine.ts';
import { KeyIdText } from '../../trust/documents/trust-document-schema.ts';

/** Entries of the policy. */
const MAX_RULES = 1_000;
/** Signers of one entry. */
const MAX_SIGNERS = 64;
const MAX_IMAGES = 100_000;

const PatternText = z
  .string()
  .min(1)
  .max(512)
  .check(refineWith(parseImagePattern))
  .meta({ examples: ['ghcr.io/acme/*', '*.example.com/*', '*'] });

/** One who may have signed: the owner of a key, or an identity that a certificate names. */
export const SpecSigner = z
  .strictObject({
    key: PathText.optional().describe('Public key in a PEM file, ECDSA P-256 or Ed25519, relative to this document.'),
    issuer: IdentityIssuer.optional().describe(
      'Instead of a key: the OpenID Connect issuer in the certificate, such as https://token.actions.githubusercontent.com.',
    ),
    subject: IdentitySubject.optional().describe(
      'The subject in the certificate, exactly: the URL of a workflow, or a mail address.',
    ),
    subjectPattern: SubjectPattern.optional().describe(
      'Instead of subject: a pattern for all of it; * stands for any characters but /, ** for any at all.',
    ),
    trustedRoot: PathText.optional().describe(
      'The trusted_root.json that certificates and log entries are checked by, relative to this document.',
    ),
  })
  .check(({ value, issues }) => {
    for (const message of signerFaults(value)) issues.push({ code: 'custom', message, input: value });
  })
  .describe('Whose signature counts: a key, or issuer, subject and trustedRoot.');
export type SpecSigner = z.infer<typeof SpecSigner>;

function signerFaults({ key, issuer, subject, subjectPattern, trustedRoot }: SpecSigner): readonly string[] {
  const identity = [issuer, subject, subjectPattern, trustedRoot].filter((field) => field !== undefined);
  if (key !== undefined) return identity.length > 0 ? ['names a key and an identity; these are two signers'] : [];
  if (identity.length === 0) return ['names neither a key nor an identity (issuer, subject, trustedRoot)'];
  return [
    ...(issuer === undefined ? ['names no issuer'] : []),
    ...(subject === undefined && subjectPattern === undefined ? ['names no subject'] : []),
    ...(subject !== undefined && subjectPattern !== undefined ? ['names both subject and subjectPattern'] : []),
    ...(trustedRoot === undefined ? ['names no trustedRoot'] : []),
  ];
}

const Threshold = z.int().min(1).max(MAX_SIGNERS);

/** One entry: the images it is for, and either whose signature they need or that they need none. */
export const SpecImageRule = z
  .strictObject({
    match: PatternText.describe(
      'Images by registry and repository; * stands for any characters but never reaches from the host into the repository. The first entry that matches decides.',
    ),
    signedBy: z
      .array(SpecSigner)
      .min(1)
      .max(MAX_SIGNERS)
      .optional()
      .describe('Whose signature counts: any one of these.'),
    threshold: Threshold.optional().describe('How many different signers of signedBy must have signed; 1 if absent.'),
    unsigned: z.literal('allowed').optional().describe('Instead of signedBy: these images need no signature.'),
  })
  .check(({ value, issues }) => {
    for (const message of ruleFaults(value)) issues.push({ code: 'custom', message, input: value });
  })
  .describe('One entry of the policy.');
export type SpecImageRule = z.infer<typeof SpecImageRule>;

/** The whole policy, in order. */
export const SpecImagePolicy = z.array(SpecImageRule).min(1).max(MAX_RULES);

function ruleFaults({ signedBy, threshold, unsigned }: SpecImageRule): readonly string[] {
  if (signedBy === undefined && unsigned === undefined) return ['says neither signedBy nor `unsigned: allowed`'];
  if (signedBy !== undefined && unsigned !== undefined) return ['says both signedBy and `unsigned: allowed`'];
  if (threshold !== undefined && threshold > (signedBy?.length ?? 0)) {
    return [`wants ${threshold} signers and names ${signedBy?.length ?? 0}`];
  }
  return [];
}

const Text = z.string().min(1).max(512);
const Pinned = { trustedRoot: Text, digest: DigestText };

/**
 * A signer as the lock pins it: the path of the key, and the key itself by its fingerprint; or the identity, and the path of
 * the trusted root with the digest of that file.
 */
export const LockSigner = z.union([
  z.strictObject({ key: Text, keyId: KeyIdText }),
  z.strictObject({ issuer: IdentityIssuer, subject: IdentitySubject, ...Pinned }),
  z.strictObject({ issuer: IdentityIssuer, subjectPattern: SubjectPattern, ...Pinned }),
]);
export type LockSigner = z.infer<typeof LockSigner>;

/** An entry of the policy as the lock pins it. */
export const LockImageRule = z.strictObject({
  match: Text,
  signedBy: z.array(LockSigner).min(1).max(MAX_SIGNERS).optional(),
  threshold: Threshold.optional(),
  unsigned: z.literal('allowed').optional(),
});
export type LockImageRule = z.infer<typeof LockImageRule>;

const Place = {
  /** The piece of evidence, one of the image's. */
  evidence: DigestText,
  /** The signed payload or the bundle: a layer of that. */
  content: DigestText,
};

/** A signature that was verified: whose, and which descriptors it is made of. */
export const LockSignature = z.union([
  z.strictObject({ key: Text, keyId: KeyIdText, ...Place }),
  z.strictObject({ issuer: Text, subject: Text, ...Place }),
]);
export type LockSignature = z.infer<typeof LockSignature>;

/** An image of which the policy demands signatures, and those that were verified at the resolve: as many as it demands. */
export const LockSignedImage = z.strictObject({
  reference: Text,
  /** What was signed: the root of the image. */
  digest: DigestText,
  /** The entry of the policy. */
  match: Text,
  signatures: z.array(LockSignature).min(1).max(MAX_SIGNERS),
});
export type LockSignedImage = z.infer<typeof LockSignedImage>;

/** What a lock keeps of a policy; both absent where there is none. */
export const LockImagePolicy = {
  imagePolicy: z.array(LockImageRule).min(1).max(MAX_RULES).optional(),
  /** Sorted by `reference`. */
  signedImages: z.array(LockSignedImage).max(MAX_IMAGES).optional(),
};
