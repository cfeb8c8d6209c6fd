/** Makes release signatures. The only file of this folder that reaches networked code, through @sigstore/sign. */
import { sign, type KeyObject } from 'node:crypto';
import { BUNDLE_V03_MEDIA_TYPE } from '@sigstore/bundle';
import { MessageSignatureBundleBuilder, type Signer } from '@sigstore/sign';
import { UsageError } from '../errors.ts';
import { serializeBundle } from './bundle.ts';
import { algorithmOf, keyHint, keyId, publicKeyOf, toPublicKeyPem } from './keys.ts';
import { isDsseInput, verifySignatures } from './verify.ts';

/** Whoever can sign a release. */
export interface ReleaseSigner {
  readonly publicKey: KeyObject;
  /** Hexadecimal fingerprint of the public key. */
  readonly keyId: string;
  /**
   * Signs the data and proves the signature before handing it out.
   * @returns the canonical bytes of a Sigstore bundle v0.3
   * @throws UsageError when the data could be taken for an attestation.
   */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/**
 * A signer with a private key in memory: ECDSA P-256 over SHA-256 in DER, or pure Ed25519, as cosign's `--key` expects.
 * @throws UsageError on a key of another kind.
 */
export function createKeySigner(privateKey: KeyObject): ReleaseSigner {
  const publicKey = publicKeyOf(privateKey);
  const builder = new MessageSignatureBundleBuilder({ signer: toSigstoreSigner(privateKey, publicKey), witnesses: [] });
  return {
    publicKey,
    keyId: keyId(publicKey),
    async sign(data) {
      if (isDsseInput(data))
        throw new UsageError('USAGE', 'data that begins with "DSSEv1 " cannot be signed as a file');
      const bundle = await builder.create({ data: Buffer.from(data) });
      // The builder writes version 0.2, whatever the content; with a key hint only the media type differs.
      const bytes = serializeBundle({ ...bundle, mediaType: BUNDLE_V03_MEDIA_TYPE });
      verifySignatures(data, [bytes], { keys: [publicKey], threshold: 1 });
      return bytes;
    },
  };
}

function toSigstoreSigner(privateKey: KeyObject, publicKey: KeyObject): Signer {
  const hash = algorithmOf(privateKey) === 'ed25519' ? null : 'sha256';
  const key = { $case: 'publicKey', publicKey: toPublicKeyPem(publicKey), hint: keyHint(publicKey) } as const;
  return {
    sign: async (data) => ({ signature: sign(hash, data, { key: privateKey, dsaEncoding: 'der' }), key }),
  };
}
