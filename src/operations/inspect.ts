/** Says what an archive claims to hold by reading only its head. Nothing is verified here, and the report says so. */
import { AirgapError } from '../errors.ts';
import { openArchive, type ArchiveReader } from '../archive/reader/reader.ts';
import { platformsOfImage } from '../content/graph-platforms.ts';
import { createReach, rootsOf } from '../content/graph-walk.ts';
import { readVerified } from '../content/verified.ts';
import { sha256, type Digest } from '../oci/digest.ts';
import type { GraphEvidence } from '../content/content-graph.ts';
import type { CallOptions } from '../content/store.ts';
import type { Inventory } from '../archive/inventory/inventory-schema.ts';
import { imageEvidencePath, MAX_EVIDENCE_BYTES, parseImageEvidence } from '../archive/inventory/image-evidence.ts';
import type { ImageEvidence } from '../archive/inventory/image-evidence.ts';
import type { TrustRecord } from '../trust/documents/trust-document.ts';
import { evaluateProvenance, type Provenance, type StatedCheck } from '../trust/provenance/evaluate-provenance.ts';
import { nameSigner } from '../trust/signatures/identity.ts';
import { summarizeOmissions, type Omissions } from '../archive/partial/partial-document.ts';
import { releaseAttestations, releaseSignatures } from '../archive/reader/signatures.ts';
import { readCarried } from '../archive/verification/carried-trust.ts';

/** Bytes of the evidence of a thousand images. More is read where it was asked for. */
const USUAL_EVIDENCE_BYTES = 1024 * 1024;

/** One image as the archive's head describes it. */
export interface InspectedImage {
  /** As the release names it. */
  readonly reference: string;
  /** Of its index, or of its manifest where it has no index. */
  readonly digest: Digest;
  /** Whether all platforms of its index are carried; absent where it has no index. */
  readonly indexMode: 'complete' | 'sparse' | undefined;
  /** `os/architecture[/variant]` of what is carried. */
  readonly platforms: readonly string[];
  /** What vouches for the image; absent where none was looked for. */
  readonly evidence: readonly GraphEvidence[] | undefined;
  /** Bytes of everything the image and its evidence reach. */
  readonly size: number;
  /** Bytes of that which at least one other image reaches too. */
  readonly sharedSize: number;
}

/** The head of an archive, read and not verified. */
export interface Inspection {
  /** Of the archive. */
  readonly path: string;
  /** bytes */
  readonly size: number;
  /** What the archive says of itself. */
  readonly inventory: Inventory;
  /** Bytes of unique content, of a delta with what it leaves out. */
  readonly contentSize: number;
  /** What a delta leaves out, and which releases have it; absent for a full archive. */
  readonly delta?: Omissions | undefined;
  /** Every image, in the order of the inventory. */
  readonly images: readonly InspectedImage[];
  /** Whom the signatures name. */
  readonly signers: readonly string[];
  /** Trust documents that travel in it, oldest first. */
  readonly trust: readonly TrustRecord[];
  /** How the archive says it was built. */
  readonly provenance: readonly Provenance[];
  /** That its configuration was checked, as it says. */
  readonly checks: readonly StatedCheck[];
  /** Directories of rendered manifests that the release asks for and that are not in it, as it says. */
  readonly missingManifests: readonly string[];
  /** Why its images are there, as it says; absent where it was not asked for, or the archive does not say. */
  readonly imageEvidence: ImageEvidence | undefined;
}

/** Options of {@link inspectArchive}. */
export interface InspectOptions extends CallOptions {
  /** Read why each image is there. @defaultValue false */
  readonly images?: boolean | undefined;
  /** Directories that hold parts of the archive, beside its own. @defaultValue none */
  readonly parts?: readonly string[] | undefined;
}

/**
 * Inspects an archive file.
 * @throws IntegrityError when its head is not canonical; with `images`, when that file is not what the head says.
 * @throws the signal's reason when it is aborted.
 */
export async function inspectArchive(
  path: string,
  { images = false, parts, signal }: InspectOptions = {},
): Promise<Inspection> {
  using archive = await openArchive(path, { parts, signal });
  const { inventory, checksums } = archive.head;
  const statements = evaluateProvenance(releaseAttestations(archive.head), inventory, sha256(checksums), {
    keys: [],
    threshold: 0,
  });
  const sizes = new Map([...inventory.manifests, ...inventory.blobs].map(({ digest, size }) => [digest, size]));
  const reach = createReach(inventory);
  const reached = inventory.images.map((image) => {
    const part = reach(rootsOf(image));
    return { image, part, digests: [...part.manifests, ...part.blobs].map(({ digest }) => digest) };
  });
  const users = new Map<Digest, number>();
  for (const digest of reached.flatMap(({ digests }) => digests)) users.set(digest, (users.get(digest) ?? 0) + 1);
  const sizeOf = (digests: readonly Digest[]): number =>
    digests.reduce((sum, digest) => sum + (sizes.get(digest) ?? 0), 0);
  const imageEvidence = images
    ? await readImageEvidence(archive, MAX_EVIDENCE_BYTES)
    : await readImageEvidence(archive, USUAL_EVIDENCE_BYTES).catch(unlessReadable);
  return {
    path,
    size: archive.source.size,
    inventory,
    delta: archive.head.partial && summarizeOmissions(archive.head.partial, inventory),
    contentSize: sizeOf([...sizes.keys()]) + inventory.files.reduce((sum, { size }) => sum + size, 0),
    images: reached.map(({ image, part, digests }) => ({
      reference: image.reference,
      digest: image.digest,
      indexMode: image.indexMode,
      evidence: image.evidence,
      platforms: platformsOfImage(image, part.manifests),
      size: sizeOf(digests),
      sharedSize: sizeOf(digests.filter((digest) => (users.get(digest) ?? 0) > 1)),
    })),
    signers: [...new Set(releaseSignatures(archive.head).map(({ signer }) => nameSigner(signer)))],
    trust: archive.head.trust.map(readCarried),
    provenance: statements.unchecked,
    checks: statements.checks.unchecked,
    missingManifests: imageEvidence?.unrenderedManifests ?? [],
    imageEvidence: images ? imageEvidence : undefined,
  };
}

/** A head says what it says, whatever became of the bytes behind it; a delta may be without them. */
function unlessReadable(error: unknown): undefined {
  if (!(error instanceof AirgapError)) throw error;
}

async function readImageEvidence(archive: ArchiveReader, maxBytes: number): Promise<ImageEvidence | undefined> {
  const { inventory } = archive.head;
  const path = imageEvidencePath(inventory);
  const file = inventory.files.find((each) => each.path === path);
  if (file === undefined || file.size > maxBytes) return undefined;
  const descriptor = { mediaType: 'application/json', digest: file.digest, size: file.size };
  return parseImageEvidence(await readVerified(archive, descriptor), path);
}
