/** Values for charts under which their images come from where they are, tried by rendering the charts with them. */
import { stringify } from 'yaml';
import { inContext, UsageError } from '../../errors.ts';
import { createUnpackBudget, unpackChart } from '../../kubernetes/charts/chart-archive.ts';
import { loadChart } from '../../kubernetes/charts/load-chart.ts';
import { findInResources } from '../../kubernetes/discovery/discover.ts';
import type { Finding } from '../../kubernetes/discovery/finding.ts';
import { HEADING, type MirrorFile, type UnexpressedImage } from '../../kubernetes/mirrors/dialect.ts';
import { repositoryName, type MirrorMap } from '../../kubernetes/mirrors/mirror-map.ts';
import { effectiveValues } from '../../kubernetes/mirrors/values/effective-values.ts';
import { overlayValues } from '../../kubernetes/mirrors/values/values-overlay.ts';
import type { ChartRenderer, ValuesFile } from '../../kubernetes/rendering/chart-renderer.ts';
import { formatReference } from '../../oci/reference.ts';
import type { ChartSources } from '../resolve/charts/charts.ts';
import { valueSet } from '../check/check-options.ts';
import { collectComponent } from '../resolve/collect.ts';
import { readInput } from '../resolve/read-input.ts';
import { chartBytes, prepareCharts, renderCharts, type OpenRenderer, type PreparedChart, type PreparedSet } from '../resolve/render-charts.ts'; // prettier-ignore

/** What {@link overlayCharts} takes. */
export interface OverlayRequest {
  readonly map: MirrorMap;
  /** Charts, and releases whose charts are meant with every set of values. */
  readonly inputs: readonly string[];
  /** Laid over the values of charts that are named by themselves. */
  readonly values: readonly ValuesFile[];
  readonly sources: ChartSources;
  readonly openRenderer: OpenRenderer;
  readonly signal?: AbortSignal | undefined;
}

/** What came of it. */
export interface ChartOverlays {
  /** One for each chart and set of values in which something changes. */
  readonly files: readonly MirrorFile[];
  /** Images of the map that a chart still takes from where they were, with the place that does. */
  readonly unexpressed: readonly UnexpressedImage[];
}

/**
 * Works out the values, renders each chart with and without them, and names what they do not reach.
 * @throws NotFoundError `NOT_FOUND` for what is not there, and where nothing renders charts.
 * @throws UsageError `INVALID_SPEC` for a chart that Helm refuses, with these values or without them; `USAGE` for values
 *   beside a release.
 */
export async function overlayCharts(request: OverlayRequest): Promise<ChartOverlays> {
  const charts = await readCharts(request);
  const renderer = charts.length === 0 ? undefined : await request.openRenderer();
  const files: MirrorFile[] = [];
  const unexpressed: UnexpressedImage[] = [];
  for (const chart of charts) {
    if (renderer === undefined) break;
    for (const set of chart.sets) {
      const overlay = await overlayFor(request.map, chart, set);
      if (overlay !== undefined) files.push(overlay);
      unexpressed.push(...(await findLeft(request, renderer, { ...chart, sets: [set] }, overlay)));
    }
  }
  return { files, unexpressed };
}

async function readCharts({ inputs, sources, values, signal }: OverlayRequest): Promise<readonly PreparedChart[]> {
  const charts: PreparedChart[] = [];
  for (const input of inputs) {
    const { directory, components, isRelease, decisions } = await readInput(input);
    if (isRelease && values.length > 0) {
      throw new UsageError(
        'USAGE',
        `--values does not apply to ${input}: a release.yaml names the values of its charts`,
        {
          hint: 'name the chart itself, or leave --values out',
        },
      );
    }
    for (const component of components) {
      const context = { directory, sources, indexes: new Map(), signal };
      const collected = await collectComponent(component, context, decisions.rules);
      const prepared = await prepareCharts([collected.charts], directory);
      charts.push(...(isRelease ? prepared : prepared.map((chart) => ({ ...chart, sets: [valueSet(values)] }))));
    }
  }
  return charts;
}

async function overlayFor(
  map: MirrorMap,
  { chart, sets }: PreparedChart,
  set: PreparedSet,
): Promise<MirrorFile | undefined> {
  const { from } = chart.file;
  const loaded = await loadChart(await unpackChart(await chartBytes(chart), from, createUnpackBudget()), from);
  const overlay = overlayValues(effectiveValues(loaded, set.files), map);
  if (overlay === undefined) return undefined;
  const { name, version } = loaded.metadata;
  const variant = sets.length === 1 || set.name === 'default' ? '' : `-${set.name}`;
  const content = stringify(overlay, { lineWidth: 0, aliasDuplicateObjects: false });
  return { path: `${name}-${version}${variant}.yaml`, content: `${HEADING}\n${content}` };
}

/** Images that are rendered as they were, or as something that neither the chart nor the map knows. */
async function findLeft(
  { map, signal }: OverlayRequest,
  renderer: ChartRenderer,
  chart: PreparedChart,
  overlay: MirrorFile | undefined,
): Promise<readonly UnexpressedImage[]> {
  const { from } = chart.chart.file;
  const before = await render(renderer, chart, signal);
  const images = map.registries.flatMap((registry) => registry.images);
  const places = new Map(images.map(({ original, internal }) => [repositoryName(original), repositoryName(internal)]));
  const known = new Set([...places.values(), ...before.map(({ reference }) => repositoryName(reference))]);
  const after = overlay === undefined ? before : await renderWith(renderer, chart, overlay, signal);
  const left = after.flatMap(({ reference, certainty, evidence: { at } }) => {
    const [original, name] = [formatReference(reference), repositoryName(reference)];
    const place = places.get(name);
    if (place !== undefined) return [{ original, why: `is still named by ${at}; it is at ${place}` }];
    if (known.has(name) || certainty === 'suspect') return [];
    return [{ original, why: `is what ${at} became: ${from} puts these values together in another way` }];
  });
  return [...new Map(left.map((each) => [`${each.original} ${each.why}`, each])).values()];
}

async function renderWith(
  renderer: ChartRenderer,
  chart: PreparedChart,
  { path, content }: MirrorFile,
  signal: AbortSignal | undefined,
): Promise<readonly Finding[]> {
  const overlay = { name: path, text: content };
  const sets = chart.sets.map((set) => ({ ...set, files: [...set.files, overlay] }));
  try {
    return await render(renderer, { ...chart, sets }, signal);
  } catch (error) {
    throw inContext(error, `with the values that lead ${chart.chart.file.from} to the registry`);
  }
}

async function render(
  renderer: ChartRenderer,
  chart: PreparedChart,
  signal: AbortSignal | undefined,
): Promise<readonly Finding[]> {
  const sets = await renderCharts(renderer, [chart], signal);
  return sets.flatMap(({ chart: from, values, resources }) => findInResources(resources, { chart: from, values }));
}
