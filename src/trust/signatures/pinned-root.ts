/** Reads a pinned Sigstore trusted root: the authorities that certificates, log entries and timestamps are checked by. Pure. */
import { X509Certificate } from 'node:crypto';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toTrustMaterial, VerificationError, type TrustMaterial } from '@sigstore/verify';
import { JsonFault, parseJson } from '../../base/json/parse-json.ts';
import { IntegrityError } from '../../errors.ts';
import { PinnedTrustedRoot } from './pinned-root-schema.ts';

/** Bytes of a file with a trusted root; that of the public instance has some seven thousand. */
export const MAX_ROOT_BYTES: number = 1024 * 1024;
/** @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.12 */
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

/** The authorities of a trusted root, ready to check with. No key is found in it: keys come from elsewhere. */
export type Authorities = TrustMaterial;

/**
 * Reads a trusted root as Sigstore's tools write it and brings it into the spelling that is pinned.
 * @param name what to call it in errors, such as its path
 * @throws IntegrityError `MALFORMED` when it is none, or nothing could be checked with it.
 * @see https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto
 */
export function parseTrustedRoot(bytes: Uint8Array, name: string): PinnedTrustedRoot {
  let spelled: unknown;
  try {
    spelled = normalize(parseJson(bytes, { maxBytes: MAX_ROOT_BYTES }));
  } catch (error) {
    if (error instanceof JsonFault) throw malformedRoot(name, error.message, error);
    throw malformedRoot(name, 'cannot be read as a Sigstore trusted root', error);
  }
  const parsed = PinnedTrustedRoot.safeParse(spelled);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw malformedRoot(name, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
  }
  openAuthorities(parsed.data, name);
  return parsed.data;
}

/**
 * The authorities of a root. Only the spelling that {@link parseTrustedRoot} gives is accepted, so that nothing of it can change unnoticed.
 * @throws IntegrityError `MALFORMED` when it is spelled otherwise, a key or certificate cannot be read, or a timestamp
 *   authority is pinned without its own certificate and what issued that.
 */
export function openAuthorities(root: PinnedTrustedRoot, name: string): Authorities {
  if (JSON.stringify(normalize(root)) !== JSON.stringify(root)) {
    throw malformedRoot(name, 'spells its trusted root in a form that is not canonical');
  }
  for (const { certChain } of root.timestampAuthorities ?? []) {
    const [leaf, issuer] = certChain.certificates;
    // The library takes the first certificate for the one that signs, and does not ask what it is for.
    if (leaf === undefined || issuer === undefined || !isTimeStamping(leaf.rawBytes)) {
      throw malformedRoot(
        name,
        'pins a timestamp authority without its time-stamping certificate followed by what issued it',
      );
    }
  }
  try {
    return toTrustMaterial(TrustedRoot.fromJSON(root), noKey);
  } catch (error) {
    throw malformedRoot(name, 'has a trusted root with a key or certificate that cannot be read', error);
  }
}

function normalize(json: unknown): unknown {
  return TrustedRoot.toJSON(TrustedRoot.fromJSON(json));
}

function isTimeStamping(rawBytes: string): boolean {
  try {
    return new X509Certificate(Buffer.from(rawBytes, 'base64')).keyUsage?.includes(TIME_STAMPING) === true;
  } catch {
    return false;
  }
}

function noKey(hint: string): never {
  throw new VerificationError({ code: 'PUBLIC_KEY_ERROR', message: `no key ${hint}` });
}

function malformedRoot(name: string, fault: string, cause?: unknown): IntegrityError {
  return new IntegrityError('MALFORMED', `${name} ${fault}`, {
    hint: 'give a trusted_root.json as cosign takes it with --trusted-root',
    cause,
  });
}
