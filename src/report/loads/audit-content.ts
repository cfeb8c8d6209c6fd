/** What a load brought to a target, as the audit log has it. */
import { manifestFinder, type FindManifest } from '../../content/graph-platforms.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ChartRoute } from '../../operations/load/charts.ts';
import type { PlannedTar } from '../../operations/load/tarballs.ts';
import type { TrustedRelease } from '../../archive/verification/acceptance.ts';
import type { AuditFile, AuditImage } from '../../site/audit/entry-schema.ts';
import type { AuditContent } from '../../site/audit/trail.ts';
import type { ImageOutcome } from './transfers.ts';

/** Images and charts at a registry or in a layout. */
export function imageContent(images: readonly ImageOutcome[], charts: readonly ChartRoute[]): AuditContent {
  return {
    images: images.map(toAuditImage),
    ...(charts.length === 0 ? {} : { charts: charts.flatMap(toAuditChart) }),
  };
}

/** Tarballs in a directory or an Engine, and the images in them, each by the manifest of its platform. */
export function tarballContent(
  { inventory }: TrustedRelease,
  tarballs: readonly PlannedTar[],
  result: 'missing' | 'loaded',
): AuditContent {
  const images = new Map(inventory.images.map((image) => [image.reference, image]));
  const inTar = (reference: string, root: Digest, find: FindManifest): Digest => {
    const image = images.get(reference);
    return (image && find(image)?.digest) ?? root;
  };
  return {
    images: tarballs.flatMap(({ platform, destination, present, images: own }) => {
      const find = manifestFinder(inventory.manifests, platform);
      return own.map(({ reference, digest }) => ({
        reference,
        place: destination,
        digest: inTar(reference, digest, find),
        result: present ? 'present' : result,
      }));
    }),
    files: tarballs.map(({ member, destination, descriptor }) => ({
      path: member,
      place: destination,
      digest: descriptor.digest,
    })),
  };
}

function toAuditImage({ original, internal, digest, pushedDigest, result }: ImageOutcome): AuditImage {
  return {
    reference: original,
    place: internal,
    digest: pushedDigest ?? digest,
    ...(pushedDigest === undefined ? {} : { original: digest }),
    result,
  };
}

function toAuditChart({ path, reference, plan }: ChartRoute): readonly AuditFile[] {
  return plan.manifests.map(({ descriptor }) => ({ path, place: reference, digest: descriptor.digest }));
}
