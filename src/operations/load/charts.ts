/** The charts of an archive on their way to a registry, as OCI charts that `helm pull` finds. */
import type { TrustedArchive } from '../../archive/verification/trusted-archive.ts';
import { formatUtcSeconds } from '../../base/utc-time.ts';
import type { CopyPlan, ManifestTransfer, Transfer } from '../../content/plan.ts';
import { readVerified } from '../../content/verified.ts';
import { createChartArtifact, type ChartContent } from '../../kubernetes/charts/chart-oci.ts';
import { readCarriedPackage } from '../../kubernetes/charts/chart-package.ts';
import { PROVENANCE_EXTENSION } from '../../kubernetes/charts/provenance-file.ts';
import type { Digest } from '../../oci/digest.ts';
import { MediaType } from '../../oci/media-types.ts';
import { FileSource } from '../../stores/files.ts';
import type { ImageTarget } from '../../release/mapping/image-target.ts';

const CHART = /^charts\/[^/]+\.tgz$/;

/** One chart and the place it gets. */
export interface ChartRoute {
  /** In the archive: `charts/app-1.0.0.tgz`. */
  readonly path: string;
  /** `registry.internal/charts/app:1.0.0` */
  readonly reference: string;
  /** Of its manifest. */
  readonly digest: Digest;
  readonly plan: CopyPlan;
}

/**
 * Plans every chart of an archive; none where the target has no place for charts.
 * @param only paths of those that are planned; @defaultValue all
 */
export async function planCharts(
  archive: TrustedArchive,
  target: ImageTarget,
  only?: ReadonlySet<string>,
): Promise<readonly ChartRoute[]> {
  const { inventory } = archive.release;
  const charts: ChartRoute[] = [];
  const files = new Map(inventory.files.map((file) => [file.path, file]));
  for (const { path, digest, size } of inventory.files) {
    if (!CHART.test(path) || target.chart === undefined || only?.has(path) === false) continue;
    const bytes = await readVerified(archive, { mediaType: 'application/gzip', digest, size });
    const { metadata, modified } = await readCarriedPackage(bytes, path);
    const beside = files.get(`${path}${PROVENANCE_EXTENSION}`);
    const signed =
      beside &&
      (await readVerified(archive, { mediaType: MediaType.helmProvenance, digest: beside.digest, size: beside.size }));
    // Nothing of the release is in it: a chart that stays as it is keeps its digest, and its tag is not moved.
    const artifact = createChartArtifact(bytes, metadata, formatUtcSeconds(modified), signed);
    const { name, tag, manifest, config, layer, provenance } = artifact;
    const blobs = [config, layer, ...(provenance === undefined ? [] : [provenance])];
    const place = target.chart(name, tag);
    const transfer = ({ descriptor, bytes: content }: ChartContent): Transfer => ({
      descriptor,
      source: new FileSource(path, new Map([[descriptor.digest, { bytes: content }]])),
      targets: [place.target],
    });
    const published: ManifestTransfer = {
      ...transfer(manifest),
      level: 0,
      names: blobs.map(({ descriptor }) => descriptor.digest),
    };
    charts.push({
      path,
      reference: place.reference,
      digest: manifest.descriptor.digest,
      plan: {
        blobs: blobs.map(transfer),
        manifests: [published],
        tags: [{ descriptor: manifest.descriptor, target: place.target, tag: place.tag }],
      },
    });
  }
  return charts;
}
