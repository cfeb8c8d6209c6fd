/** What a load brought to a target, as the audit log has it. */
import type { PlannedTar } from '../../operations/load/tarballs.ts';
import type { TrustedRelease } from '../../archive/verification/trusted-archive.ts';
import type { ChartRoute } from '../../operations/load/charts.ts';
import type { Digest } from '../../oci/digest.ts';
import type { AuditFile, AuditImage } from '../../site/audit/entry-schema.ts';
import type { Goods } from './trail.ts';
import type { ImageOutcome } from '../../report/transfers.ts';

/** Images and charts at a registry or in a layout. */
export function imageGoods(images: readonly ImageOutcome[], charts: readonly ChartRoute[]): Goods {
  return {
    images: images.map(toAuditImage),
    ...(charts.length === 0 ? {} : { charts: charts.flatMap(toAuditChart) }),
  };
}

/** Tarballs in a directory or an Engine, and the images in them, each by the manifest of its platform. */
export function tarGoods(
  { inventory }: TrustedRelease,
  plan: readonly PlannedTar[],
  result: 'missing' | 'loaded',
): Goods {
  const manifests = new Map(inventory.manifests.map((manifest) => [manifest.digest, manifest]));
  const inTar = (root: Digest, platform: string): Digest =>
    manifests.get(root)?.manifests?.find((child) => manifests.get(child)?.platform === platform) ?? root;
  return {
    images: plan.flatMap(({ platform, destination, present, images }) =>
      images.map(({ reference, digest }) => ({
        reference,
        place: destination,
        digest: inTar(digest, platform),
        result: present ? 'present' : result,
      })),
    ),
    files: plan.map(({ member, destination, descriptor }) => ({
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
