/** Who may sign without a key of their own: an identity that a certificate of Sigstore's Fulcio names. */
import * as z from 'zod';

/** Characters of an issuer or a subject. */
export const MAX_IDENTITY_CHARACTERS = 512;

/** Printable ASCII without spaces, quotes and backslashes: what a person reads is what is compared. */
const Name = z
  .string()
  .max(MAX_IDENTITY_CHARACTERS)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'not printable ASCII without spaces');

/** The OpenID Connect issuer that vouches for the subject, exactly as the certificate has it. */
export const IdentityIssuer = Name.regex(/^https?:\/\/[^/]+/, 'not the URL of an issuer');

/** The subject alternative name of the certificate, exactly: a workflow's URL, or a mail address. */
export const IdentitySubject = Name.regex(/^[^*]+$/, 'has a wildcard: give it as a pattern');

/**
 * A pattern that the whole subject has to match: `*` stands for any characters but `/`, `**` for any at all, and
 * everything else for itself.
 */
export const SubjectPattern = Name.regex(/\*/, 'has no wildcard: give it as a subject').regex(
  /[^*/]{3}/,
  'matches nearly every subject',
);

/** An identity by its exact subject, or by a pattern. */
export const Identity = z.union([
  z.strictObject({ issuer: IdentityIssuer, subject: IdentitySubject }),
  z.strictObject({ issuer: IdentityIssuer, subjectPattern: SubjectPattern }),
]);
export type Identity = z.infer<typeof Identity>;
