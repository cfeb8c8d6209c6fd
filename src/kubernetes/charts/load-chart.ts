/** A chart taken apart by the rules of Helm's loader, so that what Helm would refuse behind the gap is refused here. */
import { assertYamlMappings } from '../../base/yaml-mappings.ts';
import { IntegrityError, UsageError } from '../../errors.ts';
import { createUnpackBudget, unpackChart, type UnpackBudget } from './chart-archive.ts';
import { MAX_CHART_FILE_BYTES, type ChartFile } from './chart-files.ts';
import { findVersionsReadOtherwise, parseChartLock, parseChartMetadata, parseRequirements, type ChartMetadata } from './chart-metadata.ts';
import { checkValuesSchema } from './values-schema.ts';

/** Charts within charts; real ones nest two or three levels. */
const MAX_DEPTH = 16;
const LOCKS: readonly string[] = ['Chart.lock', 'requirements.lock'];

/** One chart, with the charts it holds. */
export interface Chart {
  /** What messages call it: `charts/demo`, `charts/demo/charts/redis-20.1.0.tgz`. */
  readonly place: string;
  /** Chart.yaml, with the dependencies of requirements.yaml where there is one. */
  readonly metadata: ChartMetadata;
  /** Its own files; those of the charts below it are theirs. */
  readonly files: readonly ChartFile[];
  readonly subcharts: readonly Chart[];
  /** What its values.schema.json refers to elsewhere, which Helm fetches when it installs the chart. */
  readonly schemaReferences: readonly string[];
  /** What Helm takes, but perhaps not as it was meant; a sentence each. */
  readonly notes: readonly string[];
}

/** Whether Helm passes over a file because it is below a name in `charts/` that begins with a dot or an underscore. */
export function isPassedOver(path: string): boolean {
  return /^(charts\/[^/]+\/)*charts\/[._]/.test(path);
}

/**
 * Reads what a chart says about itself, as Helm pushes it to a registry.
 * @throws UsageError `INVALID_SPEC` naming the file and the field.
 */
export function readChartMetadata(files: readonly ChartFile[], place: string): ChartMetadata {
  const chartYaml = files.find(({ path }) => path === 'Chart.yaml');
  if (chartYaml === undefined) {
    throw new UsageError('INVALID_SPEC', `${place}: has no Chart.yaml`, {
      hint: 'a chart is a directory with a Chart.yaml, or a .tgz made by `helm package`',
    });
  }
  const metadata = parseChartMetadata(textOf(chartYaml), `${place}/Chart.yaml`);
  const requirements = files.find(({ path }) => path === 'requirements.yaml');
  if (requirements === undefined) return metadata;
  const { dependencies } = parseRequirements(textOf(requirements), `${place}/requirements.yaml`);
  return dependencies === undefined ? metadata : { ...metadata, dependencies };
}

/**
 * Loads a chart and the charts it holds, unpacked or packed.
 * @throws UsageError `INVALID_SPEC` for what Helm does not load, and for a dependency that is declared but not there.
 * @throws IntegrityError `MALFORMED` for a package below it that is none, or that unpacks to more than the budget.
 * @see https://github.com/helm/helm/blob/main/pkg/chart/v2/loader/load.go
 */
export async function loadChart(files: readonly ChartFile[], place: string): Promise<Chart> {
  const chart = await load(files, place, createUnpackBudget(), 0);
  const missing = missingOf(chart);
  if (missing.length === 0) return chart;
  const names = missing.join(', ');
  throw new UsageError('INVALID_SPEC', `${place}: depends on ${names}, missing below charts/`, {
    hint: `run \`helm dependency build ${place}\``,
  });
}

/**
 * Names of the dependencies that a chart declares and that are not below its charts/.
 * @throws as {@link loadChart}, but for these.
 */
export async function findMissingDependencies(files: readonly ChartFile[], place: string): Promise<readonly string[]> {
  if ((readChartMetadata(files, place).dependencies ?? []).length === 0) return [];
  return missingOf(await load(files, place, createUnpackBudget(), 0));
}

function missingOf({ metadata, subcharts }: Chart): readonly string[] {
  const present = new Set(subcharts.map(({ metadata: { name } }) => name));
  return (metadata.dependencies ?? []).map(({ name }) => name).filter((name) => !present.has(name));
}

async function load(files: readonly ChartFile[], place: string, budget: UnpackBudget, depth: number): Promise<Chart> {
  if (depth > MAX_DEPTH) throw new IntegrityError('MALFORMED', `${place}: charts are nested too deep`);
  const metadata = readChartMetadata(files, place);
  const own: ChartFile[] = [];
  const below = new Map<string, ChartFile[]>();
  for (const file of files) {
    const [, name = '', rest] = /^charts\/([^/]+)(?:\/(.+))?$/.exec(file.path) ?? [];
    if (name === '' || name.endsWith('.prov')) own.push(file);
    else if (!isPassedOver(file.path)) {
      const subchart = below.get(name) ?? [];
      subchart.push({ path: rest ?? '', bytes: file.bytes });
      below.set(name, subchart);
    }
  }
  const schemaReferences = own.flatMap((file) => checkFile(file, place));
  const subcharts: Chart[] = [];
  for (const [name, held] of below) {
    const at = `${place}/charts/${name}`;
    const [first] = held;
    const isPacked = first?.path === '';
    if (isPacked !== name.endsWith('.tgz')) throw noChart(at);
    const inside = isPacked ? await unpackChart(first.bytes, at, budget) : held;
    subcharts.push(await load(inside, at, budget, depth + 1));
  }
  const chartYaml = own.filter(({ path }) => path === 'Chart.yaml');
  const notes = chartYaml.flatMap((file) => findVersionsReadOtherwise(textOf(file), `${place}/Chart.yaml`));
  return { place, metadata, files: own, subcharts, schemaReferences, notes };
}

/** The files that Helm reads when it loads a chart; returns what a schema refers to elsewhere. */
function checkFile(file: ChartFile, place: string): readonly string[] {
  const fileName = `${place}/${file.path}`;
  if (file.path === 'values.yaml') assertYamlMappings(textOf(file), fileName, MAX_CHART_FILE_BYTES);
  if (LOCKS.includes(file.path)) parseChartLock(textOf(file), fileName);
  return file.path === 'values.schema.json' ? checkValuesSchema(textOf(file), fileName) : [];
}

function noChart(place: string): UsageError {
  return new UsageError('INVALID_SPEC', `${place}: is no chart, and Helm takes nothing else below charts/`, {
    hint: 'move it, or give it a name that begins with _ or a dot, which Helm passes over',
  });
}

function textOf({ bytes }: ChartFile): string {
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}
