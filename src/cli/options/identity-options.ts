/** Names an identity: options of the commands that change who is trusted. */
import { UsageError } from '../../errors.ts';
import { Identity } from '../../trust/signatures/identity-schema.ts';
import { text } from '../command.ts';

export const identityOptions = {
  issuer: text('--issuer <url>', 'OpenID Connect issuer, exactly as the certificate has it'),
  subject: text('--subject <text>', 'subject of the certificate, exactly: a workflow or a mail address'),
  subjectPattern: text('--subject-pattern <text>', 'all of the subject: * for anything but /, ** for anything'),
} as const;

/** The values of {@link identityOptions}. */
export interface IdentityOptions {
  readonly issuer: string | undefined;
  readonly subject: string | undefined;
  readonly subjectPattern: string | undefined;
}

/** Whether an identity is named at all. */
export function namesIdentity({ issuer, subject, subjectPattern }: IdentityOptions): boolean {
  return (issuer ?? subject ?? subjectPattern) !== undefined;
}

/** What an exact identity is called on the command line, where that is not {@link identityOptions}. */
export interface IdentityNames {
  readonly issuer: string;
  readonly subject: string;
}

const OWN_NAMES: IdentityNames = { issuer: '--issuer', subject: '--subject' };

/** The identity that is named. @throws UsageError when it is none, or more than one. */
export function readTrustIdentity(
  { issuer, subject, subjectPattern }: IdentityOptions,
  names: IdentityNames = OWN_NAMES,
): Identity {
  if (issuer === undefined || (subject === undefined) === (subjectPattern === undefined)) {
    throw new UsageError('USAGE', 'an identity is --issuer with either --subject or --subject-pattern', {
      hint: 'cosign and airgap verify show both for a signature that is there',
    });
  }
  const parsed = Identity.safeParse(subject === undefined ? { issuer, subjectPattern } : { issuer, subject });
  if (parsed.success) return parsed.data;
  if (subject?.includes('*') === true) throw wildcard(subject, names);
  const option = subject === undefined ? '--subject-pattern' : names.subject;
  throw new UsageError('USAGE', `${names.issuer} with ${option}: ${whyNot({ issuer, subject, subjectPattern })}`);
}

/** A subject that would let in others than the one who is meant. */
function wildcard(subject: string, names: IdentityNames): UsageError {
  return new UsageError('USAGE', `${names.subject} takes no wildcard: ${subject}`, {
    hint:
      names === OWN_NAMES
        ? 'give it as --subject-pattern, if more than one subject is meant'
        : 'give the exact subject; a pattern needs a trust document: airgap trust add-identity DIR --subject-pattern, then --trust',
  });
}

function whyNot({ issuer, subject, subjectPattern }: IdentityOptions): string {
  const [exact, pattern] = Identity.options;
  const parsed =
    subject === undefined ? pattern.safeParse({ issuer, subjectPattern }) : exact.safeParse({ issuer, subject });
  return parsed.error?.issues[0]?.message ?? 'invalid';
}
