/** A chart of the release, ready to travel: packed from its directory, or carried as it was published. */
import { stat } from 'node:fs/promises';
import { readBounded } from '../../base/files/read-file.ts';
import { UsageError } from '../../errors.ts';
import { unpackChart, unpackDatedChart } from './chart-archive.ts';
import { packChart } from './chart-packing.ts';
import { readChartFiles, type ChartFile } from './chart-files.ts';
import type { ChartMetadata } from './chart-metadata.ts';
import { findDeclaredImages, findSilentCharts } from './declared-images.ts';
import { isPassedOver, loadChart, readChartMetadata, type Chart } from './load-chart.ts';
import type { DeclaredImage } from './images-lock.ts';

/** Names that are safe in a file name, a repository and a tag. */
const CHART_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,249}$/;
/** Bytes of one package, which is held in memory; published charts are far smaller. */
export const MAX_PACKAGE_BYTES: number = 32 * 1024 * 1024;

/** One chart as a package. */
export interface ChartPackage {
  readonly metadata: ChartMetadata;
  /** `<name>-<version>.tgz`, the name by which provenance files and repositories know it. */
  readonly fileName: string;
  readonly bytes: Buffer;
  /** What is in it, by path relative to the chart. */
  readonly files: readonly ChartFile[];
  /** Images its annotations and its Images.lock declare, those of the charts below it included. */
  readonly images: readonly DeclaredImage[];
  /** What a person should know before the chart travels, a sentence each. */
  readonly warnings: readonly string[];
  /** Images that are known only after rendering, a sentence for each chart that has such. */
  readonly unrendered: readonly string[];
}

/** Options of {@link openChart}. */
export interface ChartOptions {
  /** What messages and `at` call the chart. @defaultValue the path */
  readonly shownAs?: string | undefined;
  /** Gives the packages that a chart directory lacks below charts/. Absent: such a chart is refused. */
  readonly addDependencies?: ((files: readonly ChartFile[]) => Promise<readonly ChartFile[]>) | undefined;
}

/**
 * Reads a chart directory and packs it deterministically, or reads a `.tgz` and carries its bytes unchanged.
 * @throws UsageError `INVALID_SPEC` when it is no chart, or a dependency it declares is not below `charts/`.
 * @throws IntegrityError `MALFORMED` for a package Helm would not install or that is not safe to unpack.
 */
export async function openChart(path: string, options: ChartOptions = {}): Promise<ChartPackage> {
  const shownAs = options.shownAs ?? path;
  if (!(await stat(path)).isDirectory()) return readChartPackage(await readPackage(path, shownAs), shownAs);
  const own = (await readChartFiles(path, shownAs)).filter((file) => !isPassedOver(file.path));
  const files = [...own, ...((await options.addDependencies?.(own)) ?? [])];
  const chart = await loadChart(files, shownAs);
  return describeChart(await packChart(nameOf(chart), files), files, chart);
}

/**
 * Reads a chart from the bytes of its package.
 * @throws UsageError `INVALID_SPEC`, IntegrityError `MALFORMED` as {@link openChart}.
 */
export async function readChartPackage(bytes: Buffer, shownAs: string): Promise<ChartPackage> {
  const files = await unpackChart(bytes, shownAs);
  return describeChart(bytes, files, await loadChart(files, shownAs));
}

/** What is published of a package beside its bytes. */
export interface CarriedPackage {
  readonly metadata: ChartMetadata;
  /** When the newest of its files was changed, as the package says. */
  readonly modified: Date;
}

/**
 * What the chart in a package says about itself. For packages that were checked when they were carried; whether Helm
 * would install the chart is not looked at again.
 * @throws UsageError `INVALID_SPEC`, IntegrityError `MALFORMED` as {@link openChart}.
 */
export async function readCarriedPackage(bytes: Buffer, shownAs: string): Promise<CarriedPackage> {
  const { files, modified } = await unpackDatedChart(bytes, shownAs);
  const metadata = readChartMetadata(files, shownAs);
  nameOf({ metadata, place: shownAs });
  return { metadata, modified };
}

function describeChart(bytes: Buffer, files: readonly ChartFile[], chart: Chart): ChartPackage {
  const { metadata } = chart;
  return {
    metadata,
    fileName: `${nameOf(chart)}-${metadata.version}.tgz`,
    bytes,
    files,
    images: findDeclaredImages(chart),
    warnings: [...referencesOf(chart), ...chart.notes],
    unrendered: silenceOf(chart),
  };
}

/** @throws UsageError `INVALID_SPEC` for a name that Helm loads but that no registry or file system need take. */
function nameOf({ metadata, place }: Pick<Chart, 'metadata' | 'place'>): string {
  if (CHART_NAME.test(metadata.name)) return metadata.name;
  throw new UsageError('INVALID_SPEC', `${place}/Chart.yaml: name: is no chart name`, {
    hint: 'use letters, digits and . _ - only, and begin with a letter or digit',
  });
}

function silenceOf(chart: Chart): readonly string[] {
  return findSilentCharts(chart).map(
    (place) =>
      `${place} runs images but declares none, and charts are not rendered: list its images under images (\`airgap discover\` shows them where charts can be rendered), ` +
      `or in its annotations ("artifacthub.io/images")`,
  );
}

function referencesOf({ place, schemaReferences, subcharts }: Chart): readonly string[] {
  return [
    ...schemaReferences.map(
      (reference) =>
        `${place}/values.schema.json refers to ${reference}, which Helm fetches when it installs the chart: ` +
        'offline that fails, unless with --skip-schema-validation',
    ),
    ...subcharts.flatMap(referencesOf),
  ];
}

function readPackage(path: string, shownAs: string): Promise<Buffer> {
  const refuse = (fault: string): UsageError => new UsageError('INVALID_SPEC', `${shownAs}: ${fault}`);
  return readBounded(path, { what: 'a chart package', limit: MAX_PACKAGE_BYTES, refuse });
}
