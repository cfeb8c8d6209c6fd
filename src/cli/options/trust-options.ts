/** Whom the operator believes, and what the site remembers: options of every command that accepts an archive. */
import { UsageError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { SiteTerms } from '../../site/admission.ts';
import type { TrustPolicy } from '../../trust/signatures/evaluate-signatures.ts';
import { count, digest, list, text, type ValuesOf } from '../command.ts';
import type { Context } from '../context.ts';
import { readPublicKeys } from '../inputs/keys.ts';
import { demandOptions, readDemand } from './provenance-options.ts';

const MAX_KEYS = 256;

export const trustOptions = {
  key: list('--key <file>', 'public key to trust; it must have reached you by another way than the archive'),
  certificateIdentity: text(
    '--certificate-identity <subject>',
    'identity that must have signed: the exact subject of its certificate',
  ),
  certificateOidcIssuer: text('--certificate-oidc-issuer <url>', 'OpenID Connect issuer of that identity'),
  trustedRoot: text('--trusted-root <file>', 'Sigstore trusted root to check certificates by'),
  threshold: count(
    '--threshold <n>',
    'how many of these keys and identities must have signed (default: 1)',
    1,
    MAX_KEYS,
  ),
  trust: text('--trust <file>', 'trust document to use instead of keys; the state pins it at the first load'),
  ...demandOptions,
  state: text('--state <directory>', 'where this site remembers what it loaded, so that nothing older is accepted'),
  expectDigest: digest('--expect-digest <digest>', 'refuse every archive but this one (of checksums.txt)'),
  allowRollbackTo: digest(
    '--allow-rollback-to <digest>',
    'accept this one release although it is older than what was loaded, or expired; recorded in the state',
  ),
} as const;

/**
 * Reads what the options name. There is no default: nothing an archive says can be its own proof.
 * @throws UsageError when neither or both of keys and a trust document are given, or a file is neither.
 */
export async function readTerms(
  options: ValuesOf<typeof trustOptions>,
  { now, signal }: Pick<Context, 'now' | 'signal'>,
): Promise<SiteTerms> {
  const { key, threshold, trust, state, expectDigest, allowRollbackTo } = options;
  const identity = await readIdentity(options, signal);
  if (trust !== undefined && (key.length > 0 || threshold !== undefined || identity !== undefined)) {
    throw new UsageError('USAGE', 'give --trust, or --key with --threshold, not both', {
      hint: 'the trust document says which keys and identities count and how many',
    });
  }
  if (trust === undefined && key.length === 0 && identity === undefined) {
    throw new UsageError('USAGE', 'no key to verify with', {
      hint: 'give the public key of its maker (--key release.pub) or a trust document (--trust FILE)',
    });
  }
  assertRecorded(allowRollbackTo, state);
  const { readTrustFile } = await import('../../trust/documents/document-files.ts');
  const anchor =
    trust === undefined
      ? { ...identity, keys: await readPublicKeys(key, signal), threshold: threshold ?? 1 }
      : await readTrustFile(trust, signal);
  const provenance = readDemand(options);
  return { anchor, now: now(), expectedDigest: expectDigest, exceptionFor: allowRollbackTo, provenance, state };
}

/** The identity that must have signed, all of it or nothing: cosign's own words. */
async function readIdentity(
  options: ValuesOf<typeof trustOptions>,
  signal: AbortSignal,
): Promise<Pick<TrustPolicy, 'identities' | 'authorities'> | undefined> {
  const { certificateIdentity: subject, certificateOidcIssuer: issuer, trustedRoot } = options;
  if (subject === undefined && issuer === undefined && trustedRoot === undefined) return undefined;
  if (subject === undefined || issuer === undefined || trustedRoot === undefined) {
    throw new UsageError(
      'USAGE',
      'an identity needs --certificate-identity, --certificate-oidc-issuer and --trusted-root',
      {
        hint: 'the subject, who vouches for it, and the trusted root that pins the authorities',
      },
    );
  }
  const { readTrustIdentity } = await import('./identity-options.ts');
  const { openAuthorities } = await import('../../trust/signatures/pinned-root.ts');
  const { readTrustedRoot } = await import('../inputs/trusted-root-file.ts');
  const names = { issuer: '--certificate-oidc-issuer', subject: '--certificate-identity' };
  const identity = readTrustIdentity({ issuer, subject, subjectPattern: undefined }, names);
  const authorities = openAuthorities(await readTrustedRoot(trustedRoot, signal), trustedRoot);
  return { identities: [{ identity }], authorities };
}

function assertRecorded(allowRollbackTo: Digest | undefined, state: string | undefined): void {
  if (allowRollbackTo === undefined || state !== undefined) return;
  throw new UsageError('USAGE', '--allow-rollback-to needs --state, where the exception is recorded', {
    hint: 'add --state DIR, the directory this site keeps its state in',
  });
}
