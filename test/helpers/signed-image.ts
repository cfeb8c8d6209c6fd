/** Signatures of sample images as cosign 2 (payload and annotation) and cosign 3 (bundle) write them, and as an attacker would. */
import { sign, X509Certificate, type KeyObject } from 'node:crypto';
import { bundleToJSON, type Bundle } from '@sigstore/bundle';
import { MediaType } from '../../src/oci/media-types.ts';
import { hexOf, sha256, type Digest } from '../../src/oci/digest.ts';
import { preAuthenticationEncoding } from '../../src/trust/signatures/dsse.ts';
import { keyHint, publicKeyOf } from '../../src/trust/keys/public-key.ts';
import { makeBlob, type SampleBlob } from './sample-layer.ts';
import type { SampleNode } from './sample-image.ts';
import type { Claims, SigningServices } from './signing-services.ts';

export const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
export const SIGNATURE_ANNOTATION = 'dev.cosignproject.cosign/signature';
export const SIGNATURE_ARTIFACT = 'application/vnd.dev.cosign.artifact.sig.v1+json';
export const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
export const SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

/** cosign's payload over a digest. */
export function makePayload(digest: string, type = 'cosign container image signature'): Buffer {
  return Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': 'registry.example/app' },
        image: { 'docker-manifest-digest': digest },
        type,
      },
      optional: null,
    }),
  );
}

/** P-256 with SHA-256, or pure Ed25519. */
export function signBytes(data: Uint8Array, key: KeyObject): Buffer {
  return sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', data, key);
}

/** A layer with its signature beside it, and what else stands there. */
export function makeSignatureLayer(
  payload: Buffer,
  signature: string,
  others: Readonly<Record<string, string>> = {},
): SampleBlob {
  const { descriptor, bytes } = makeBlob(SIMPLE_SIGNING, payload);
  return { descriptor: { ...descriptor, annotations: { [SIGNATURE_ANNOTATION]: signature, ...others } }, bytes };
}

/** What cosign 2 writes beside a payload that was signed with a certificate, from the bundle that it would be today. */
export function toAnnotations({ content, verificationMaterial }: Bundle): {
  readonly signature: string;
  readonly certificate: string;
  readonly bundle: string;
} {
  const { content: material, tlogEntries } = verificationMaterial;
  const certificates = material.$case === 'x509CertificateChain' ? material.x509CertificateChain.certificates : [];
  const [entry] = tlogEntries;
  if (content.$case !== 'messageSignature' || certificates[0] === undefined || entry?.logId === undefined) {
    throw new TypeError('not a signature with a certificate');
  }
  return {
    signature: content.messageSignature.signature.toString('base64'),
    certificate: new X509Certificate(certificates[0].rawBytes).toString(),
    bundle: JSON.stringify({
      SignedEntryTimestamp: entry.inclusionPromise?.signedEntryTimestamp.toString('base64'),
      Payload: {
        body: entry.canonicalizedBody.toString('base64'),
        integratedTime: Number(entry.integratedTime),
        logIndex: Number(entry.logIndex),
        logID: entry.logId.keyId.toString('hex'),
      },
    }),
  };
}

/** The layer by which an identity signs a digest. */
export async function signSimplyBy(services: SigningServices, digest: Digest, claims?: Claims): Promise<SampleBlob> {
  const payload = makePayload(digest);
  const { signature, certificate, bundle } = toAnnotations(await services.sign(payload, claims));
  return makeSignatureLayer(payload, signature, {
    'dev.sigstore.cosign/certificate': certificate,
    'dev.sigstore.cosign/bundle': bundle,
  });
}

/** The bundle by which an identity signs a digest, or states something else. */
export async function makeBundleBy(services: SigningServices, statement: Buffer, claims?: Claims): Promise<Buffer> {
  const bundle = await services.attest(statement, 'application/vnd.in-toto+json', claims);
  return Buffer.from(JSON.stringify(bundleToJSON(bundle)));
}

/** The layer by which a key signs a digest. */
export function signSimply(digest: Digest, key: KeyObject): SampleBlob {
  const payload = makePayload(digest);
  return makeSignatureLayer(payload, signBytes(payload, key).toString('base64'));
}

/** A statement, as cosign 3 signs it unless told otherwise. */
export function makeSignStatement(digest: string, predicateType: string = SIGN_PREDICATE): Buffer {
  return Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: digest.replace('sha256:', '') }, annotations: {} }],
      predicateType,
      predicate: {},
    }),
  );
}

/** A bundle around a statement. */
export function makeSignatureBundle(
  statement: Uint8Array,
  key: KeyObject,
  payloadType = 'application/vnd.in-toto+json',
): Buffer {
  const signature = signBytes(preAuthenticationEncoding(payloadType, statement), key);
  return Buffer.from(
    JSON.stringify({
      mediaType: BUNDLE,
      verificationMaterial: { publicKey: { hint: keyHint(publicKeyOf(key)) } },
      dsseEnvelope: {
        payload: Buffer.from(statement).toString('base64'),
        payloadType,
        signatures: [{ sig: signature.toString('base64') }],
      },
    }),
  );
}

/** The manifest that cosign 2 tags `sha256-….sig`; with a subject, the same as a referrer. */
export function makeSignatureManifest(layers: readonly SampleBlob[], subject?: SampleNode): SampleNode {
  const config = makeBlob(MediaType.config, Buffer.from('{"architecture":"","os":"","config":{}}'));
  return makeReferrer(config, layers, subject, subject === undefined ? {} : { artifactType: SIGNATURE_ARTIFACT });
}

/** The manifest by which cosign 3 puts a bundle beside an image. `label` is the predicate it claims. */
export function makeBundleManifest(
  bundle: Buffer,
  subject: SampleNode,
  label: string | undefined = SIGN_PREDICATE,
): SampleNode {
  const annotations = {
    'dev.sigstore.bundle.content': 'dsse-envelope',
    ...(label === '' ? {} : { 'dev.sigstore.bundle.predicateType': label }),
  };
  const empty = makeBlob(MediaType.empty, Buffer.from('{}'));
  return makeReferrer(empty, [makeBlob(BUNDLE, bundle)], subject, { artifactType: BUNDLE, annotations });
}

/** The tag of the signatures of a digest. */
export function signatureTag(digest: Digest): string {
  return `sha256-${hexOf(digest)}.sig`;
}

function makeReferrer(
  config: SampleBlob,
  layers: readonly SampleBlob[],
  subject: SampleNode | undefined,
  extras: object,
): SampleNode {
  const { mediaType = '', digest = '', size = 0 } = subject?.descriptor ?? {};
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config: config.descriptor,
      layers: layers.map(({ descriptor }) => descriptor),
      ...(subject === undefined ? {} : { subject: { mediaType, digest, size } }),
      ...extras,
    }),
  );
  const descriptor = { mediaType: MediaType.manifest, digest: sha256(bytes), size: bytes.length };
  return { descriptor, bytes, blobs: [config, ...layers], children: [] };
}
