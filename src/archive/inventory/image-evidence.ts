/** Why each image of a release is there: a file of the archive, written from the lock and read at the secure side. */
import * as z from 'zod';
import { parseJson } from '../../base/json/parse-json.ts';
import { DigestText } from '../../content/content-graph.ts';
import { IntegrityError } from '../../errors.ts';
import type { ReleaseLock } from '../../release/lock/lock-schema.ts';

const Text = z.string().min(1).max(512);
const MAX_LIST = 100_000;
const Places = z.array(z.string().min(1).max(2048)).max(MAX_LIST);
const Reason = z.string().max(1000);

/** Bytes of the file; a release with a thousand images has some hundred thousand. */
export const MAX_EVIDENCE_BYTES: number = 16 * 1024 * 1024;

/** Places, decisions and signers in it. */
const MAX_VALUES = 1_000_000;

/** What the file holds. `foundIn` are places in the files of the release: `manifests/app.yaml:12 Deployment/api …`. */
export const ImageEvidence = z.strictObject({
  kind: z.literal('image-evidence'),
  schemaVersion: z.literal(1),
  /** What rendered the charts; absent where nothing did. */
  renderer: z.strictObject({ name: Text, version: Text }).optional(),
  /** Sorted by `reference`. */
  images: z
    .array(
      z.strictObject({
        reference: Text,
        digest: DigestText,
        foundIn: Places,
        /** Of a suspect that is carried: the entry that says so. */
        accepted: z.strictObject({ by: Text, reason: Reason.optional() }).optional(),
        /** Whose signatures the image policy found: key ids, or subject and issuer. */
        signedBy: z.array(z.string().max(4096)).max(1000).optional(),
      }),
    )
    .max(MAX_LIST),
  /** Suspects that are not carried, and why. */
  dismissed: z.array(z.strictObject({ reference: Text, by: Text, reason: Reason, foundIn: Places })).max(MAX_LIST),
  /** Suspects that are not carried without a decision. */
  suspects: z.array(z.strictObject({ reference: Text, foundIn: Places })).max(MAX_LIST),
  /** Charts whose templates were not rendered. */
  unrendered: z.array(Text).max(MAX_LIST),
  /** Directories of rendered manifests that the release asks for and that are not carried. */
  unrenderedManifests: z.array(Text).max(MAX_LIST).optional(),
});
export type ImageEvidence = z.infer<typeof ImageEvidence>;

/** Where the file stands in the archive of a release. */
export function imageEvidencePath({ name, version }: Pick<ReleaseLock, 'name' | 'version'>): string {
  return `sbom/${name}-${version}.images.json`;
}

/** The file. The same lock gives the same bytes. */
export function createImageEvidence(lock: ReleaseLock): { path: string; bytes: Buffer } {
  const named = Map.groupBy(
    lock.components.flatMap(({ images }) => images),
    ({ reference }) => reference,
  );
  const evidence: ImageEvidence = {
    kind: 'image-evidence',
    schemaVersion: 1,
    ...(lock.rendering === undefined ? {} : { renderer: lock.rendering.renderer }),
    images: lock.images.map(({ reference, digest }) => {
      const own = named.get(reference) ?? [];
      const accepted = own.find((image) => image.accepted !== undefined)?.accepted;
      const signed = lock.signedImages?.find((image) => image.reference === reference);
      const signers = signed?.signatures.map((by) =>
        'key' in by ? `${by.key} (sha256:${by.keyId})` : `${by.subject} (${by.issuer})`,
      );
      return {
        reference,
        digest,
        foundIn: [...new Set(own.flatMap(({ foundIn }) => foundIn))].sort(),
        ...(accepted === undefined ? {} : { accepted }),
        ...(signers === undefined ? {} : { signedBy: signers }),
      };
    }),
    dismissed: lock.dismissed ?? [],
    suspects: lock.suspects ?? [],
    unrendered: lock.unrendered ?? [],
    ...(lock.unrenderedManifests === undefined ? {} : { unrenderedManifests: lock.unrenderedManifests }),
  };
  return { path: imageEvidencePath(lock), bytes: Buffer.from(`${JSON.stringify(evidence, null, 1)}\n`) };
}

/**
 * Reads the file.
 * @throws IntegrityError `MALFORMED` naming the file, when it is none.
 */
export function parseImageEvidence(bytes: Uint8Array, fileName: string): ImageEvidence {
  try {
    return ImageEvidence.parse(parseJson(bytes, { maxBytes: MAX_EVIDENCE_BYTES, maxValues: MAX_VALUES }));
  } catch (error) {
    throw new IntegrityError('MALFORMED', `${fileName} does not say why images are there as its version demands`, {
      hint: 'it was written by another version of this tool, or changed: look at the archive with a newer one',
      cause: error,
    });
  }
}
