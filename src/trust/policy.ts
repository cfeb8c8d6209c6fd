/** From a trust document to the keys that count for a release, and why the others do not. Pure: time is given. */
import type { KeyObject } from 'node:crypto';
import { AirgapError, TrustError } from '../errors.ts';
import type { TrustDocument } from '../schema/trust.ts';
import { parseBundle, signerKeyId } from './bundle.ts';
import { keysOf } from './document.ts';
import type { ProvenancePolicy } from './provenance.ts';
import { verifySignatures, type SignatureVerdict, type TrustPolicy } from './verify.ts';

/** Why a signature of a known key does not count. */
export type SetAsideReason = 'revoked' | 'expired' | 'not yet valid' | 'not for releases';

/** A policy that also knows the keys it does not accept. */
export interface ReleasePolicy extends TrustPolicy {
  readonly setAside: ReadonlyMap<string, SetAsideReason>;
}

/** A verdict, and the signers whose signatures were not counted. */
export interface ReleaseVerdict extends SignatureVerdict {
  readonly setAside: readonly { readonly keyId: string; readonly reason: SetAsideReason }[];
}

/** The policy for releases at a time: the keys with the role `release` whose window is open. */
export function toReleasePolicy(document: TrustDocument, time: Date): ReleasePolicy {
  const setAside = new Map<string, SetAsideReason>(document.revokedKeys.map((id) => [id, 'revoked']));
  const release = keysOf(document, 'release');
  const keys: KeyObject[] = [];
  for (const each of document.keys) {
    const key = release.get(each.keyId);
    const fault = key === undefined ? 'not for releases' : windowFault(each, time);
    if (fault !== undefined) setAside.set(each.keyId, fault);
    else if (key !== undefined) keys.push(key);
  }
  return { keys, threshold: document.thresholds.release, setAside };
}

/**
 * The policy for provenance at a time: the keys with the role `provenance`, as many as the document says; release keys
 * where it has none, for then it does not say that provenance has to be there.
 */
export function toProvenancePolicy(document: TrustDocument, time: Date): ProvenancePolicy {
  const own = keysOf(document, 'provenance');
  const role = own.size > 0 ? own : keysOf(document, 'release');
  const keys = document.keys
    .filter((key) => windowFault(key, time) === undefined)
    .flatMap(({ keyId }) => role.get(keyId) ?? []);
  return { keys, threshold: document.thresholds.provenance ?? 0 };
}

function windowFault(
  { validFrom, validUntil }: Pick<TrustDocument['keys'][number], 'validFrom' | 'validUntil'>,
  time: Date,
): 'not yet valid' | 'expired' | undefined {
  if (validFrom !== undefined && time.getTime() < Date.parse(validFrom)) return 'not yet valid';
  return validUntil !== undefined && time.getTime() > Date.parse(validUntil) ? 'expired' : undefined;
}

/**
 * Verifies signatures under a release policy. Signatures by keys that are set aside count for nothing.
 * @throws TrustError as `verifySignatures`; `REVOKED` or `EXPIRED` when it is for such keys that too few count.
 */
export function judgeSignatures(
  data: Uint8Array,
  bundles: readonly Uint8Array[],
  policy: ReleasePolicy,
): ReleaseVerdict {
  const claimed = [...new Set(bundles.map((bundle) => signerKeyId(parseBundle(bundle))))];
  const setAside = claimed.flatMap((keyId) => {
    const reason = policy.setAside.get(keyId);
    return reason === undefined ? [] : [{ keyId, reason }];
  });
  if (policy.setAside.size > 0 && policy.keys.length < policy.threshold) throw tooFewKeys(policy);
  try {
    const verdict = verifySignatures(data, bundles, policy);
    return { ...verdict, unchecked: verdict.unchecked.filter((id) => !policy.setAside.has(id)), setAside };
  } catch (error) {
    const worst = setAside.find(({ reason }) => reason === 'revoked') ?? setAside[0];
    if (!(error instanceof AirgapError) || error.code !== 'UNTRUSTED_SIGNER' || worst === undefined) throw error;
    const codes = { revoked: 'REVOKED', expired: 'EXPIRED' } as const;
    const code = worst.reason === 'revoked' || worst.reason === 'expired' ? codes[worst.reason] : 'UNTRUSTED_SIGNER';
    const reasons = setAside.map(({ keyId, reason }) => `key ${keyId}, which signed, is ${reason}`);
    throw new TrustError(code, `${error.message}: ${reasons.join('; ')}`, {
      hint: 'ask the maker of the release for one that is signed by keys that count today',
      cause: error,
      details: error.details,
    });
  }
}

/** Not the operator's doing, as it would be with keys on the command line: time closed windows of the document. */
function tooFewKeys({ keys, threshold, setAside }: ReleasePolicy): TrustError {
  const closed = [...setAside].filter(([, reason]) => reason === 'expired' || reason === 'not yet valid');
  return new TrustError(
    'EXPIRED',
    `${threshold} release keys have to sign, and of those in the trust document only ${keys.length} are valid now`,
    { hint: closed.map(([id, reason]) => `key ${id} is ${reason}`).join('; ') },
  );
}
