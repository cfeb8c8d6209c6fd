/** Says who signed, for people and for machines. */
import { formatUtcSeconds } from '../base/utc-time.ts';
import type { VerifyReport } from './verify-report.ts';
import { toCertificateIdentity, nameSigner } from '../trust/signatures/identity.ts';
import type { AcceptedSigner } from '../trust/signatures/principals.ts';

/** `13c4545837ab… (ed25519)`, or `<subject> (<issuer>), at <time>`. */
export function describeSigner(signer: AcceptedSigner): string {
  const kind = 'keyId' in signer ? ` (${signer.algorithm})` : '';
  const at = signer.signedAt === undefined ? '' : `, at ${formatUtcSeconds(signer.signedAt)}`;
  return `${nameSigner(signer)}${kind}${at}`;
}

/** The same for machines. */
export function signerDocument(signer: AcceptedSigner): VerifyReport['trust']['acceptedSigners'][number] {
  if (!('keyId' in signer)) return { ...toCertificateIdentity(signer), signedAt: formatUtcSeconds(signer.signedAt) };
  const { keyId, algorithm, signedAt } = signer;
  return { keyId, algorithm, ...(signedAt === undefined ? {} : { signedAt: formatUtcSeconds(signedAt) }) };
}
