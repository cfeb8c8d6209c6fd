/** Puts signatures into Sigstore bundles v0.3, with the log entry and the timestamp that go with them. */
import { createHash } from 'node:crypto';
import {
  toDSSEBundle,
  toMessageSignatureBundle,
  type BundleWithDsseEnvelope,
  type BundleWithMessageSignature,
  type TransparencyLogEntry,
} from '@sigstore/bundle';
import { UsageError } from '../../errors.ts';
import { serializeBundle } from '../signatures/bundle.ts';
import { signatureOf } from '../signatures/certificate-identity.ts';
import { preAuthenticationEncoding } from '../signatures/dsse.ts';
import { isDsseInput } from '../signatures/evaluate-signatures.ts';

/** Asks a timestamp authority when it saw these bytes of a signature: a `TimeStampResp` in DER. */
export type Timestamper = (signature: Buffer) => Promise<Buffer>;

/** What is logged of a bundle. */
export type BundleContent = (BundleWithMessageSignature | BundleWithDsseEnvelope)['content'];

/** What a bundle is made with. */
export interface BundleParts {
  /** What names the signer: a key, or a certificate in DER. */
  readonly material: { readonly keyHint: string } | { readonly certificate: Buffer };
  readonly sign: (data: Buffer) => Promise<Buffer>;
  readonly log?: ((content: BundleContent) => Promise<TransparencyLogEntry>) | undefined;
  readonly timestamp?: Timestamper | undefined;
}

/**
 * Signs data as a file. What comes out is not verified.
 * @throws UsageError when the data could be taken for an attestation.
 */
export async function bundleMessage(data: Uint8Array, parts: BundleParts): Promise<Buffer> {
  if (isDsseInput(data)) throw new UsageError('USAGE', 'data that begins with "DSSEv1 " cannot be signed as a file');
  const digest = createHash('sha256').update(data).digest();
  const signature = await parts.sign(Buffer.from(data));
  return completeMaterial(toMessageSignatureBundle({ digest, signature, ...parts.material }), parts);
}

/** Signs a statement in a DSSE envelope. What comes out is not verified. */
export async function bundleStatement(payload: Uint8Array, payloadType: string, parts: BundleParts): Promise<Buffer> {
  const artifact = Buffer.from(payload);
  const signature = await parts.sign(preAuthenticationEncoding(payloadType, artifact));
  const bundle = toDSSEBundle({ artifact, artifactType: payloadType, signature, ...parts.material });
  // cosign passes over a signature whose key id is not the one it computes; the material names the signer.
  for (const each of bundle.content.dsseEnvelope.signatures) each.keyid = '';
  return completeMaterial(bundle, parts);
}

async function completeMaterial(
  bundle: BundleWithMessageSignature | BundleWithDsseEnvelope,
  { log, timestamp }: BundleParts,
): Promise<Buffer> {
  const { verificationMaterial } = bundle;
  const tlogEntries = log === undefined ? [] : [await log(bundle.content)];
  const rfc3161Timestamps = timestamp === undefined ? [] : [{ signedTimestamp: await timestamp(signatureOf(bundle)) }];
  const timestampVerificationData = { rfc3161Timestamps };
  return serializeBundle({
    ...bundle,
    verificationMaterial: { ...verificationMaterial, tlogEntries, timestampVerificationData },
  });
}
