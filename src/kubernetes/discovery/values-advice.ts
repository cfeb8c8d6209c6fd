/** Images in a chart's own values that it may use when something is switched on: advice for those who switch. */
import { readYaml } from '../../base/yaml-source.ts';
import { AirgapError } from '../../errors.ts';
import { formatReference } from '../../oci/reference.ts';
import { createUnpackBudget, unpackChart } from '../charts/chart-archive.ts';
import { formatPath } from '../resources/image-places.ts';
import { isMapping, type KubernetesResource } from '../resources/yaml-documents.ts';
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
  const files = await unpackChart(chart, shownAs, budget);
  for (const { path, bytes } of files) {
    const file = `${shownAs}/${path}`;
    if (VALUES_FILE.test(path)) {
      const metadata = files.find((other) => other.path === path.replace(/values\.yaml$/, 'Chart.yaml'));
      found.push(...inFile(String(bytes), file, metadata && appVersionOf(String(metadata.bytes), file)));
    }
    if (PACKAGED_CHART.test(path) && depth < MAX_DEPTH)
      found.push(...(await findInValues(bytes, file, budget, depth + 1)));
  }
  return found;
}

function inFile(text: string, file: string, appVersion: string | undefined): readonly ValuesImage[] {
  const values = read(text, file);
  const whole = inValues(values, file);
  if (appVersion === undefined) return whole;
  const known = new Set(whole.map(({ reference, at }) => `${reference} ${at}`));
  const completed = inValues(completeTags(values, appVersion), file)
    .filter(({ reference, at }) => !known.has(`${reference} ${at}`))
    .map(({ reference, at }) => ({ reference, at: `${at} (its tag is empty: the chart's appVersion)` }));
  return [...whole, ...completed];
}

function inValues(values: unknown, file: string): readonly ValuesImage[] {
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

function appVersionOf(text: string, file: string): string | undefined {
  const metadata = read(text, file);
  const version = isMapping(metadata) ? metadata['appVersion'] : undefined;
  return typeof version === 'string' || typeof version === 'number' ? String(version) : undefined;
}

/** The values with the version of the application where a tag is empty, as templates of wide use read them. */
function completeTags(value: unknown, appVersion: string, done = new Map<unknown, unknown>()): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const known = done.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    done.set(value, items);
    for (const item of value) items.push(completeTags(item, appVersion, done));
    return items;
  }
  const entries = new Map<string, unknown>();
  const isImage = ['repository', 'image'].some((key) => typeof (value as Record<string, unknown>)[key] === 'string');
  for (const [key, inner] of Object.entries(value)) {
    const isEmptyTag = isImage && key === 'tag' && (inner === '' || inner === null);
    entries.set(key, isEmptyTag ? appVersion : completeTags(inner, appVersion, done));
  }
  const completed = Object.fromEntries(entries);
  done.set(value, completed);
  return completed;
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
