/** Reads the signatures that stand beside an image, one after the other, within limits. Nothing is trusted here. */
import type { GraphPart } from '../../content/graph-walk.ts';
import { KnownSource } from '../../content/known-source.ts';
import type { Source } from '../../content/store.ts';
import { readVerified } from '../../content/verified.ts';
import { inContext } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import { isIndex, parseManifest, type Manifest } from '../../oci/manifest.ts';
import { SIGN_PREDICATE_TYPE } from './image-signature-schema.ts';
import type { GraphEvidence, GraphImage } from '../../content/content-graph.ts';
import type { CosignAnnotations } from './cosign-annotations.ts';
import type { ImageSignature } from './image-signature.ts';

/** Signatures of one image that are looked at; cosign looks at no more either. */
const MAX_SIGNATURES = 1_000;
/** Bytes of one payload or bundle; larger ones carry other statements. */
const MAX_SIGNATURE_BYTES = 512 * 1024;
/** Bytes of payloads and bundles read for one image. */
const MAX_READ_BYTES = 64 * 1024 * 1024;

/** @see https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md */
const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
const SIGNATURE_ANNOTATION = 'dev.cosignproject.cosign/signature';
const CERTIFICATE_ANNOTATION = 'dev.sigstore.cosign/certificate';
const LOG_ANNOTATION = 'dev.sigstore.cosign/bundle';
const TIMESTAMP_ANNOTATION = 'dev.sigstore.cosign/rfc3161timestamp';
/** The older form as a referrer. */
const SIGNATURE_ARTIFACT = 'application/vnd.dev.cosign.artifact.sig.v1+json';
/** @see https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md */
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const PREDICATE_ANNOTATION = 'dev.sigstore.bundle.predicateType';

/** What is read: an image that was pinned, and what is beside it. */
export interface PinnedRoot extends Pick<GraphImage, 'digest' | 'evidence'> {
  readonly reference: string;
  readonly part: GraphPart;
}

/** Something beside an image that may be a signature of it, or why it is not looked at. */
export type FoundSignature = {
  /** The piece of evidence. */
  readonly evidence: Digest;
  /** Its layer. */
  readonly content?: Digest | undefined;
} & ({ readonly content: Digest; readonly signature: ImageSignature } | { readonly fault: string });

/**
 * The signatures of the image's own digest: under cosign's tag and as referrers, in the order of the lock. Statements that
 * are labelled as something else are passed over.
 * @throws whatever the source throws: a request that fails is no absent signature.
 */
export async function* readSignatures(
  source: Source,
  image: PinnedRoot,
  known: ReadonlyMap<Digest, Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<FoundSignature> {
  const from = new KnownSource(source, known);
  const read = async (target: Descriptor): Promise<Buffer> => {
    try {
      return await readVerified(from, target, { signal });
    } catch (error) {
      throw inContext(error, `signatures of ${image.reference}`);
    }
  };
  const manifests = new Map(image.part.manifests.map((manifest) => [manifest.digest, manifest]));
  const seen = new Set<string>();
  let total = 0;
  for (const entry of image.evidence ?? []) {
    const evidence = entry.digest;
    const root = manifests.get(evidence);
    if (entry.subject !== image.digest || root === undefined) continue;
    const { digest, mediaType, size } = root;
    const bytes = await read({ digest, mediaType, size });
    const manifest = parseManifest(bytes, mediaType, `${image.reference} (${evidence})`);
    const layers = isIndex(manifest) ? undefined : layersOf(manifest, entry);
    if (layers === undefined && entry.kind === 'signature') yield { evidence, fault: 'is of a kind that is not read' };
    for (const { layer, text } of layers ?? []) {
      const content = layer.digest;
      const annotations = annotationsOf(layer);
      // All that decides: a copy with something else beside it must not hide the one that counts.
      const key = sha256(JSON.stringify([content, text, annotations]));
      if (seen.has(key)) continue;
      if (layer.size > MAX_SIGNATURE_BYTES) {
        yield { evidence, content, fault: `has ${layer.size} bytes, over the size limit of a signature` };
        continue;
      }
      if (seen.size === MAX_SIGNATURES || total + layer.size > MAX_READ_BYTES) {
        yield {
          evidence,
          content,
          fault: `and the rest is not read: more than ${seen.size} signatures`,
        };
        return;
      }
      seen.add(key);
      total += layer.size;
      const payload = await read(layer);
      const signature: ImageSignature =
        text === undefined
          ? { form: 'bundle', bundle: payload }
          : { form: 'simple', payload, signature: text, annotations };
      yield { evidence, content, signature };
    }
  }
}

/**
 * The layers that may hold a signature; `text` is the signature itself where it stands beside its payload. Undefined when
 * the evidence is nothing that is read here.
 */
function layersOf(
  manifest: Manifest,
  { tag }: GraphEvidence,
): readonly { readonly layer: Descriptor; readonly text?: string }[] | undefined {
  const type = manifest.artifactType ?? manifest.config.mediaType;
  if (tag === undefined && type === BUNDLE) {
    const predicate = manifest.annotations?.[PREDICATE_ANNOTATION];
    // A label that lies hides a signature at most; what is read as one is evaluated by what was signed.
    if (predicate !== undefined && predicate !== SIGN_PREDICATE_TYPE) return undefined;
    return manifest.layers.filter(({ mediaType }) => mediaType === BUNDLE).map((layer) => ({ layer }));
  }
  if (tag === undefined ? type !== SIGNATURE_ARTIFACT : !tag.endsWith('.sig')) return undefined;
  return manifest.layers.flatMap((layer) => {
    const text = layer.annotations?.[SIGNATURE_ANNOTATION];
    return layer.mediaType === SIMPLE_SIGNING && text !== undefined ? [{ layer, text }] : [];
  });
}

/** What stands beside a signature that was made with a certificate. */
function annotationsOf({ annotations = {} }: Descriptor): CosignAnnotations | undefined {
  const certificate = annotations[CERTIFICATE_ANNOTATION];
  if (certificate === undefined) return undefined;
  return { certificate, bundle: annotations[LOG_ANNOTATION], timestamp: annotations[TIMESTAMP_ANNOTATION] };
}
