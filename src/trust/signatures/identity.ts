/** Compares identities: who a certificate says signed, with whom somebody believes. Pure. */
import { createHash } from 'node:crypto';
import type { Identity } from './identity-schema.ts';

/** Who signed, as a certificate has it: both texts exact. */
export interface CertificateIdentity {
  /** OpenID Connect issuer. */
  readonly issuer: string;
  /** Subject alternative name: a workflow's URL, or a mail address. */
  readonly subject: string;
}

/** The identity alone, of something that has more to say. */
export function toCertificateIdentity({ issuer, subject }: CertificateIdentity): CertificateIdentity {
  return { issuer, subject };
}

/** Whether it is this very identity, or one that the pattern means. Letters are compared as they are. */
export function matchesIdentity(identity: Identity, { issuer, subject }: CertificateIdentity): boolean {
  if (identity.issuer !== issuer) return false;
  return 'subject' in identity ? identity.subject === subject : matchesPattern(identity.subjectPattern, subject);
}

/**
 * Whether the whole text matches: `*` stands for any characters but `/`, `**` for any at all. One step for each
 * character and each part of the pattern, whatever both hold: a regular expression could be made to run without end.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  const tokens = pattern.match(/\*+|[^*]/g) ?? [];
  // Which ends of the text so far the tokens so far can reach.
  let reached = Array.from({ length: text.length + 1 }, (_, end) => end === 0);
  for (const token of tokens) {
    const next = new Array<boolean>(text.length + 1).fill(false);
    for (let end = 0; end <= text.length; end++) {
      const last = text[end - 1];
      if (token.startsWith('*')) {
        const grows = end > 0 && next[end - 1] === true && (token !== '*' || last !== '/');
        next[end] = reached[end] === true || grows;
      } else {
        next[end] = end > 0 && reached[end - 1] === true && last === token;
      }
    }
    reached = next;
  }
  return reached[text.length] === true;
}

/** One line for people: `<subject> (<issuer>)`. The texts are foreign unless they were matched. */
export function nameIdentity({ issuer, subject }: CertificateIdentity): string {
  return `${subject} (${issuer})`;
}

/** One text for each identity, to sort by: neither part holds a space, and only patterns hold a wildcard. */
export function identityKey(identity: Identity): string {
  return `${identity.issuer} ${'subject' in identity ? identity.subject : identity.subjectPattern}`;
}

/** The same for somebody who is trusted, by a subject or a pattern. */
export function nameTrusted(identity: Identity): string {
  return `${'subject' in identity ? identity.subject : identity.subjectPattern} (${identity.issuer})`;
}

/** A signer: a key by its fingerprint in hexadecimal digits, or an identity. */
export type SignerName = { readonly keyId: string } | CertificateIdentity;

/** The name alone, of a signer that has more to say. */
export function toSignerName(signer: SignerName): SignerName {
  return 'keyId' in signer ? { keyId: signer.keyId } : toCertificateIdentity(signer);
}

/** A signer in one line for people. */
export function nameSigner(signer: SignerName): string {
  return 'keyId' in signer ? signer.keyId : nameIdentity(signer);
}

/** 64 hexadecimal digits that stand for a signer: a key's fingerprint, or a digest of the identity. */
export function signerFingerprint(signer: SignerName): string {
  return 'keyId' in signer ? signer.keyId : identityId(signer);
}

/** 64 hexadecimal digits that stand for an identity as a fingerprint does for a key. */
export function identityId({ issuer, subject }: CertificateIdentity): string {
  return createHash('sha256')
    .update(JSON.stringify(['identity', issuer, subject]))
    .digest('hex');
}
