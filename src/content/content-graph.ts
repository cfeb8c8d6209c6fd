/** The content graph of a release, flat: what `release.lock.json` pins and `release.json` ships. */
import * as z from 'zod';
import { listOf } from '../base/schemas/list.ts';
import { isDigest, type Digest } from '../oci/digest.ts';
import { EVIDENCE_KINDS } from '../oci/evidence-names.ts';

/** Entries of one list; far above any real release, low enough to refuse nonsense early. */
const MAX_ENTRIES = 100_000;

/** A canonical sha256 digest. */
export const DigestText: z.ZodType<Digest> = z.custom<Digest>((value) => isDigest(value), 'not a sha256 digest');

/** Bytes. */
export const Size: z.ZodInt = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/**
 * Whether an image's index is carried with all of its children (`complete`) or only those of the chosen platforms
 * (`sparse`). Absent where the image is a single manifest.
 */
export const IndexMode = z.enum(['complete', 'sparse']);
export type IndexMode = z.infer<typeof IndexMode>;

/** Something that vouches for a manifest of an image: a manifest of the graph itself, in the image's repository. */
export const GraphEvidence = z.strictObject({
  /** The image's manifest or index, or other evidence. */
  subject: DigestText,
  digest: DigestText,
  kind: z.enum(EVIDENCE_KINDS),
  /** cosign's tag for the subject; absent for evidence that names its subject itself, a referrer. */
  tag: z.string().max(128).optional(),
});
export type GraphEvidence = z.infer<typeof GraphEvidence>;

/** One image of the release: the reference people use and the root it resolved to. */
export const GraphImage = z.strictObject({
  /** Canonical: `registry/repository:tag`, `registry/repository@digest` or both. */
  reference: z.string().min(1).max(512),
  digest: DigestText,
  /** Where the root is a single manifest: what its config says it runs on. */
  platform: z.string().max(100).optional(),
  indexMode: IndexMode.optional(),
  /** Empty where there is none; absent where none was looked for. */
  evidence: listOf(GraphEvidence, MAX_ENTRIES).optional(),
});
export type GraphImage = z.infer<typeof GraphImage>;

/**
 * What an index says of one carried child. The platform belongs to this naming and not to the child: an index may list
 * one manifest for two platforms.
 */
export const GraphChild = z.strictObject({
  digest: DigestText,
  /** `os/architecture[/variant]`; absent for indexes, attestations and whatever else runs nowhere. */
  platform: z.string().max(100).optional(),
});
export type GraphChild = z.infer<typeof GraphChild>;

/** One manifest or index. `manifests` names the carried children of an index; `config` and `layers` the blobs of a manifest. */
export const GraphManifest = z.strictObject({
  digest: DigestText,
  mediaType: z.string().min(1).max(255),
  size: Size,
  manifests: listOf(GraphChild, MAX_ENTRIES).optional(),
  config: DigestText.optional(),
  layers: listOf(DigestText, MAX_ENTRIES).optional(),
});
export type GraphManifest = z.infer<typeof GraphManifest>;

/** One config or layer. */
export const GraphBlob = z.strictObject({ digest: DigestText, mediaType: z.string().min(1).max(255), size: Size });
export type GraphBlob = z.infer<typeof GraphBlob>;

/** All images of a release with everything they reach; every list is sorted and free of duplicates. */
export const ContentGraph = z.strictObject({
  images: listOf(GraphImage, MAX_ENTRIES),
  manifests: listOf(GraphManifest, MAX_ENTRIES),
  blobs: listOf(GraphBlob, MAX_ENTRIES),
});
export type ContentGraph = z.infer<typeof ContentGraph>;
