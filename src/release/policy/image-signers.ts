/** The signers of an image policy: read from the files it names, pinned for the lock, named for people. */
import { inContext, toInputError, UsageError } from '../../errors.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import type { ImageRule, SignerSpec } from './spec-policy.ts';
import { resolveSpecPath } from '../spec/spec-paths.ts';
import { readTextFile } from '../../base/files/read-file.ts';
import type { LockSigner } from './image-policy-schema.ts';
import { identityId } from '../../trust/signatures/identity.ts';
import type { RequiredIdentity, RequiredKey, SignedBy } from '../../trust/evidence/image-signature.ts';
import { keyId, loadPublicKey } from '../../trust/keys/public-key.ts';
import { MAX_ROOT_BYTES, openAuthorities, parseTrustedRoot } from '../../trust/signatures/pinned-root.ts';

/** Bytes of one public key. */
const MAX_KEY_BYTES = 64 * 1024;

/** A signer that is ready to be held against, with the pins of its files. */
export type OpenSigner =
  | RequiredKey
  | (RequiredIdentity & {
      /** Path of the trusted root. */
      readonly trustedRoot: string;
      /** Of that file. */
      readonly digest: Digest;
    });

/**
 * Reads the files of a rule's signers.
 * @throws UsageError and IntegrityError naming the place in the release.yaml when a file is no public key of a kind that
 *   is accepted or no trusted root, or when one key stands there twice: it would count once.
 */
export async function openPolicySigners(
  signedBy: ImageRule['signedBy'],
  directory: string,
): Promise<readonly OpenSigner[]> {
  const signers: OpenSigner[] = [];
  for (const spec of signedBy) {
    const signer = await openSigner(spec, directory);
    if ('key' in signer) {
      const same = signers.find((other): other is RequiredKey => 'key' in other && other.keyId === signer.keyId);
      if (same !== undefined) throw twice(`${spec.at}: ${signer.key} and ${same.key} are the same key`);
    }
    signers.push(signer);
  }
  return signers;
}

function twice(message: string): UsageError {
  return new UsageError('INVALID_SPEC', message, { hint: 'name each signer once' });
}

async function openSigner(spec: SignerSpec, directory: string): Promise<OpenSigner> {
  try {
    if ('key' in spec) {
      const publicKey = loadPublicKey(
        await readTextFile(await resolveSpecPath(directory, spec.key), { what: 'a public key', limit: MAX_KEY_BYTES }),
        spec.key,
      );
      return { key: spec.key, keyId: keyId(publicKey), publicKey };
    }
    const { identity, trustedRoot } = spec;
    const text = await readTextFile(await resolveSpecPath(directory, trustedRoot), {
      what: 'a trusted root',
      limit: MAX_ROOT_BYTES,
    });
    const authorities = openAuthorities(parseTrustedRoot(Buffer.from(text), trustedRoot), trustedRoot);
    return { identity, authorities, trustedRoot, digest: sha256(text) };
  } catch (error) {
    throw inContext(toInputError(error, 'INVALID_SPEC'), spec.at);
  }
}

/** A signer as a lock keeps it. */
export function toLockSigner(signer: OpenSigner): LockSigner {
  if ('key' in signer) return { key: signer.key, keyId: signer.keyId };
  const { identity, trustedRoot, digest } = signer;
  return { ...identity, trustedRoot, digest };
}

/** The same from a lock, to be opened again. `at` is how messages call the lock. */
export function toSignerSpec(signer: LockSigner, at: string): SignerSpec {
  if ('key' in signer) return { key: signer.key, at };
  const { digest: _, trustedRoot, ...identity } = signer;
  return { identity, trustedRoot, at };
}

/** A signer as the policy has it: a key with its fingerprint, or an identity. */
export function nameSigner(signer: OpenSigner): string {
  if ('key' in signer) return `${signer.key} (${signer.keyId})`;
  const { identity } = signer;
  return `${'subject' in identity ? identity.subject : identity.subjectPattern} (${identity.issuer})`;
}

/** Who signed, in few words: the path of a key, or the subject of a certificate. */
export function nameSignedBy(by: SignedBy): string {
  return 'key' in by ? by.key : by.subject;
}

/** Equal for one signer, however often they signed and whatever they are called. */
export function signerFingerprint(by: SignedBy): string {
  return 'key' in by ? by.keyId : identityId(by);
}
