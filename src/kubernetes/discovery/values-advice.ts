/** Images in a chart's own values that it may use when something is switched on: advice for those who switch. */
import { readYaml } from '../../base/yaml-source.ts';
import { AirgapError } from '../../errors.ts';
import { formatReference } from '../../oci/reference.ts';
import { createUnpackBudget, unpackChart } from '../charts/chart-archive.ts';
import { formatPath } from '../resources/image-places.ts';
import type { KubernetesResource } from '../resources/yaml-documents.ts';
import { findSuspects } from './suspects.ts';

/** Values of a chart, and of the charts in it. */
const VALUES_FILE = /^(charts\/[^/]+\/)*values\.yaml$/;
const PACKAGED_CHART = /^(charts\/[^/]+\/)*charts\/[^/_.][^/]*\.tgz$/;
/** Of charts within charts. */
const MAX_DEPTH = 16;

/** An image in the values of a chart. */
export interface ValuesImage {
  /** Canonical. */
  readonly reference: string;
  /** `charts/app/values.yaml proxy.image.repository`. */
  readonly at: string;
}

/** The images that the values of a package, and of the charts in it, name. */
export async function findInValues(
  chart: Buffer,
  shownAs: string,
  budget: ReturnType<typeof createUnpackBudget> = createUnpackBudget(),
  depth = 0,
): Promise<readonly ValuesImage[]> {
  const found: ValuesImage[] = [];
  for (const { path, bytes } of await unpackChart(chart, shownAs, budget)) {
    const file = `${shownAs}/${path}`;
    if (VALUES_FILE.test(path)) found.push(...inFile(String(bytes), file));
    if (PACKAGED_CHART.test(path) && depth < MAX_DEPTH)
      found.push(...(await findInValues(bytes, file, budget, depth + 1)));
  }
  return found;
}

function inFile(text: string, file: string): readonly ValuesImage[] {
  const values = read(text, file);
  // As the field of a custom resource, where every rule looks.
  const resource: KubernetesResource = {
    apiVersion: 'values/v1',
    kind: 'Values',
    name: file,
    fileName: file,
    value: { values },
    line: 1,
    lineOf: () => 1,
  };
  return findSuspects(resource, new Set(), new Set()).map(({ reference, path }) => ({
    reference: formatReference(reference),
    at: `${file} ${path.replace(new RegExp(`^${formatPath(['values'])}\\.?`), '')}`,
  }));
}

/** Helm decides whether values are values; here they are advice. */
function read(text: string, file: string): unknown {
  try {
    return readYaml(text, file, { merge: true })[0]?.value;
  } catch (error) {
    if (error instanceof AirgapError) return undefined;
    throw error;
  }
}
