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

/** The identity that is named. @throws UsageError when it is none, or more than one. */
export function readTrustIdentity({ issuer, subject, subjectPattern }: IdentityOptions): Identity {
  if (issuer === undefined || (subject === undefined) === (subjectPattern === undefined)) {
    throw new UsageError('USAGE', 'an identity is --issuer with either --subject or --subject-pattern', {
      hint: 'cosign and airgap verify show both for a signature that is there',
    });
  }
  const parsed = Identity.safeParse(subject === undefined ? { issuer, subjectPattern } : { issuer, subject });
  if (parsed.success) return parsed.data;
  const option = subject === undefined ? '--subject-pattern' : '--subject';
  throw new UsageError('USAGE', `--issuer with ${option}: ${whyNot({ issuer, subject, subjectPattern })}`);
}

function whyNot({ issuer, subject, subjectPattern }: IdentityOptions): string {
  const [exact, pattern] = Identity.options;
  const parsed =
    subject === undefined ? pattern.safeParse({ issuer, subjectPattern }) : exact.safeParse({ issuer, subject });
  return parsed.error?.issues[0]?.message ?? 'invalid';
}
