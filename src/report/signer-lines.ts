/** Says who signed, for people and for machines. */
import type { VerifyReport } from './verify-report.ts';
import { toCertificateIdentity, nameSigner } from '../trust/signatures/identity.ts';
import type { AcceptedSigner } from '../trust/signatures/principals.ts';

/** `13c4545837ab… (ed25519)`, or `<subject> (<issuer>), at <time>`. */
export function describeSigner(signer: AcceptedSigner): string {
  const kind = 'keyId' in signer ? ` (${signer.algorithm})` : '';
  const at = signer.signedAt === undefined ? '' : `, at ${toSeconds(signer.signedAt)}`;
  return `${nameSigner(signer)}${kind}${at}`;
}

/** The same for machines. */
export function signerDocument(signer: AcceptedSigner): VerifyReport['trust']['acceptedSigners'][number] {
  if (!('keyId' in signer)) return { ...toCertificateIdentity(signer), signedAt: toSeconds(signer.signedAt) };
  const { keyId, algorithm, signedAt } = signer;
  return { keyId, algorithm, ...(signedAt === undefined ? {} : { signedAt: toSeconds(signedAt) }) };
}

function toSeconds(time: Date): string {
  return time.toISOString().replace(/\.[0-9]{3}Z$/, 'Z');
}
