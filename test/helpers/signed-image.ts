/** Signatures of sample images as cosign 2 (payload and annotation) and cosign 3 (bundle) write them, and as an attacker would. */
import { sign, type KeyObject } from 'node:crypto';
import { MediaType } from '../../src/oci/media-types.ts';
import { hexOf, sha256, type Digest } from '../../src/oci/digest.ts';
import { preAuthenticationEncoding } from '../../src/trust/dsse.ts';
import { keyHint, publicKeyOf } from '../../src/trust/keys.ts';
import { makeBlob, type SampleBlob } from './sample-layer.ts';
import type { SampleNode } from './sample-image.ts';

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

/** A layer with its signature beside it. */
export function makeSignatureLayer(payload: Buffer, signature: string): SampleBlob {
  const { descriptor, bytes } = makeBlob(SIMPLE_SIGNING, payload);
  return { descriptor: { ...descriptor, annotations: { [SIGNATURE_ANNOTATION]: signature } }, bytes };
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
