/** Renders the charts of a release with every set of values it names, and writes down with what. */
import { readBounded, readTextFile } from '../../base/files/read-file.ts';
import { NotFoundError } from '../../errors.ts';
import { MAX_PACKAGE_BYTES } from '../../kubernetes/charts/chart-package.ts';
import { renderResources } from '../../kubernetes/discovery/rendered-chart.ts';
import type { ChartRenderer, ValuesFile } from '../../kubernetes/rendering/chart-renderer.ts';
import { rememberRenderings } from '../../kubernetes/rendering/remembered-renderings.ts';
import type { KubernetesResource } from '../../kubernetes/resources/yaml-documents.ts';
import { sha256 } from '../../oci/digest.ts';
import type { LockRendering } from '../../release/lock/lock-schema.ts';
import { resolveSpecPath } from '../../release/spec/spec-paths.ts';
import type { CollectedChart } from './collect.ts';

/** Bytes of one file of values. */
export const MAX_VALUES_BYTES: number = 4 * 1024 * 1024;

/** Opens what renders charts, when the first chart is there. */
export type OpenRenderer = () => Promise<ChartRenderer>;

/** The values that a chart is rendered with once. */
export interface PreparedSet {
  readonly name: string;
  readonly files: readonly ValuesFile[];
  /** Whether what it renders to is carried. */
  readonly rendersManifests?: boolean | undefined;
}

/** A chart of a component, with the values it is rendered with. */
export interface PreparedChart {
  /** Index of its component. */
  readonly component: number;
  readonly chart: CollectedChart;
  readonly sets: readonly PreparedSet[];
}

/** What a chart renders to with one set of values. */
export interface RenderedSet {
  readonly component: number;
  /** As messages call the chart. */
  readonly chart: string;
  readonly values: string;
  readonly resources: readonly KubernetesResource[];
}

/** Reads the values of every chart that renders to something. */
export async function prepareCharts(
  charts: readonly (readonly CollectedChart[])[],
  directory: string,
): Promise<readonly PreparedChart[]> {
  const read = async (name: string): Promise<ValuesFile> => {
    const path = await resolveSpecPath(directory, name);
    return { name, text: await readTextFile(path, { what: 'a file of values', limit: MAX_VALUES_BYTES }) };
  };
  const prepared: PreparedChart[] = [];
  for (const [component, own] of charts.entries()) {
    for (const chart of own) {
      if (chart.isLibrary) continue;
      const sets: PreparedSet[] = [];
      for (const set of chart.spec.values) sets.push({ ...set, files: await Promise.all(set.files.map(read)) });
      prepared.push({ component, chart, sets });
    }
  }
  return prepared;
}

/** What decides to which resources charts render, but for the renderer; in the order of the release. */
export function describeRenderings(charts: readonly PreparedChart[]): LockRendering['charts'] {
  return charts.map(({ chart: { file, spec }, sets }) => ({
    from: file.from,
    digest: file.digest,
    ...spec.settings,
    apiVersions: [...spec.settings.apiVersions],
    values: sets.map(({ name, files, rendersManifests }) => ({
      name,
      files: files.map((each) => ({ path: each.name, digest: sha256(each.text) })),
      ...(rendersManifests === true ? { manifests: true as const } : {}),
    })),
  }));
}

/**
 * Renders every chart with every set of its values.
 * @param seed another one gives other chance, where the renderer's can be chosen
 * @throws UsageError `INVALID_SPEC` with Helm's words for what Helm refuses, naming the chart and the values.
 */
export async function renderCharts(
  renderer: ChartRenderer,
  charts: readonly PreparedChart[],
  signal: AbortSignal | undefined,
  seed: 0 | 1 = 0,
): Promise<readonly RenderedSet[]> {
  const rendered: RenderedSet[] = [];
  for (const { component, chart, sets } of charts) {
    const { from } = chart.file;
    const bytes = await chartBytes(chart);
    for (const { name, files } of sets) {
      const request = { chart: bytes, shownAs: from, values: files, ...chart.spec.settings, seed };
      const resources = await renderResources(renderer, request, signal);
      rendered.push({ component, chart: from, values: name, resources });
    }
  }
  return rendered;
}

/** What this machine renders charts with. Loaded when there is one to render: most commands never do. */
export function openOwnRenderer(path: string | undefined, signal?: AbortSignal): OpenRenderer {
  return async () => {
    const { openChartRenderer } = await import('../../kubernetes/rendering/open-renderer.ts');
    return openChartRenderer({ path, signal });
  };
}

/** Opens it with the first who asks, for all, as the engine takes seconds to compile; it renders nothing twice. */
export function openOnce(open: OpenRenderer): OpenRenderer {
  let opened: Promise<ChartRenderer> | undefined;
  return () => (opened ??= open().then(rememberRenderings));
}

/**
 * What renders these charts; undefined where there are none.
 * @throws NotFoundError `NOT_FOUND` where nothing does, with what a release can do about it.
 */
export async function openRendererFor(
  charts: readonly PreparedChart[],
  openRenderer: OpenRenderer,
): Promise<ChartRenderer | undefined> {
  if (charts.length === 0) return undefined;
  try {
    return await openRenderer();
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    const names = [...new Set(charts.map(({ chart }) => chart.file.from))].join(', ');
    throw new NotFoundError('NOT_FOUND', `${error.message}, and images of ${names} would be forgotten`, {
      hint: `${error.hint ?? ''}; with --no-render only what charts' annotations declare and what is listed is carried`,
      cause: error,
    });
  }
}

/** The package of a chart. */
export async function chartBytes({ file: { content } }: Pick<CollectedChart, 'file'>): Promise<Buffer> {
  if ('bytes' in content) return Buffer.from(content.bytes);
  return readBounded(content.path, { what: 'a chart', limit: MAX_PACKAGE_BYTES });
}
