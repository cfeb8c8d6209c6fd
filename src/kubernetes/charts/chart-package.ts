/** A chart of the release, ready to travel: packed from its directory, or carried as it was published. */
import { open, stat } from 'node:fs/promises';
import { UsageError } from '../../errors.ts';
import { createUnpackBudget, packChart, unpackChart } from './chart-archive.ts';
import { readChartFiles } from './chart-files.ts';
import { findDeclaredImages, parseChartMetadata, readChartValues } from './chart.ts';
import type { ChartFile, ChartMetadata } from './chart.ts';
import type { ImageHit } from '../resources/images.ts';

/** Bytes of one package, which is held in memory; published charts are far smaller. */
const MAX_PACKAGE_BYTES = 32 * 1024 * 1024;

/** One chart as a package. */
export interface ChartPackage {
  readonly metadata: ChartMetadata;
  /** `<name>-<version>.tgz`, the name by which provenance files and repositories know it. */
  readonly fileName: string;
  readonly bytes: Buffer;
  /** What is in it, by path relative to the chart. */
  readonly files: readonly ChartFile[];
  readonly values: Readonly<Record<string, unknown>>;
  /** Images its annotations declare, its unpacked dependencies' included. */
  readonly images: readonly ImageHit[];
}

/** Options of {@link openChart}. */
export interface ChartOptions {
  /** What messages and `at` call the chart. @defaultValue the path */
  readonly shownAs?: string | undefined;
  /** Time of the entries of a chart packed here. @defaultValue the epoch */
  readonly mtime?: Date | undefined;
}

/**
 * Reads a chart directory and packs it deterministically, or reads a `.tgz` and carries its bytes unchanged.
 * @throws UsageError `INVALID_SPEC` when it is no chart, or a dependency it declares is not below `charts/`.
 * @throws IntegrityError `MALFORMED` for a package Helm would not install or nobody should unpack.
 */
export async function openChart(path: string, options: ChartOptions = {}): Promise<ChartPackage> {
  const shownAs = options.shownAs ?? path;
  if (!(await stat(path)).isDirectory()) return readChartPackage(await readPackage(path, shownAs), shownAs);
  const files = await readChartFiles(path, shownAs);
  const { name } = readMetadata(files, shownAs);
  return describeChart(await packChart(name, files, options.mtime ?? new Date(0)), files, shownAs);
}

/**
 * Reads a chart from the bytes of its package.
 * @throws UsageError `INVALID_SPEC`, IntegrityError `MALFORMED` as {@link openChart}.
 */
export async function readChartPackage(bytes: Buffer, shownAs: string): Promise<ChartPackage> {
  return describeChart(bytes, await unpackChart(bytes, shownAs), shownAs);
}

async function describeChart(bytes: Buffer, files: readonly ChartFile[], shownAs: string): Promise<ChartPackage> {
  const metadata = readMetadata(files, shownAs);
  await checkDependencies(metadata, files, shownAs);
  return {
    metadata,
    fileName: `${metadata.name}-${metadata.version}.tgz`,
    bytes,
    files,
    values: readChartValues(files, shownAs),
    images: findDeclaredImages(files, shownAs),
  };
}

function readMetadata(files: readonly ChartFile[], shownAs: string): ChartMetadata {
  const file = files.find(({ path }) => path === 'Chart.yaml');
  if (file === undefined) {
    throw new UsageError('INVALID_SPEC', `${shownAs}: has no Chart.yaml`, {
      hint: 'a chart is a directory with a Chart.yaml, or a .tgz made by `helm package`',
    });
  }
  return parseChartMetadata(file.bytes.toString('utf8'), `${shownAs}/Chart.yaml`);
}

/** Helm refuses to package or install a chart whose declared dependencies are not there. */
async function checkDependencies(metadata: ChartMetadata, files: readonly ChartFile[], shownAs: string): Promise<void> {
  const present = new Set<string>();
  const budget = createUnpackBudget();
  for (const { path, bytes } of files) {
    if (/^charts\/[^/]+\/Chart\.yaml$/.test(path)) {
      present.add(parseChartMetadata(bytes.toString('utf8'), `${shownAs}/${path}`).name);
    } else if (/^charts\/[^/]+\.tgz$/.test(path)) {
      present.add(readMetadata(await unpackChart(bytes, `${shownAs}/${path}`, budget), `${shownAs}/${path}`).name);
    }
  }
  const missing = (metadata.dependencies ?? []).filter(({ name }) => !present.has(name));
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(', ');
  throw new UsageError('INVALID_SPEC', `${shownAs}: depends on ${names}, missing below charts/`, {
    hint: `run \`helm dependency build ${shownAs}\``,
  });
}

async function readPackage(path: string, shownAs: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size <= MAX_PACKAGE_BYTES) return await file.readFile();
    throw new UsageError('INVALID_SPEC', `${shownAs}: is ${size} bytes; at most ${MAX_PACKAGE_BYTES} are read`);
  } finally {
    await file.close();
  }
}
