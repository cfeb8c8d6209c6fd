/** The files of a chart directory, as `helm package` would take them. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { readBounded, readIfThere } from '../../base/files/read-file.ts';
import { UsageError } from '../../errors.ts';
import { parseHelmIgnore, type IgnoreRules } from './helm-ignore.ts';

/** One file of a chart; the path is relative to the chart, with forward slashes. */
export interface ChartFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** Helm's own limits, so that what is packed can be installed. */
export const MAX_CHART_FILE_BYTES: number = 5 * 1024 * 1024;
export const MAX_CHART_BYTES: number = 100 * 1024 * 1024;
export const MAX_CHART_FILES: number = 20_000;
const MAX_DEPTH = 32;

/**
 * Reads a chart directory: `.helmignore` applied, links followed while they stay inside, a byte order mark dropped.
 * `shownAs` is what messages call it.
 * @throws UsageError `INVALID_SPEC` for a file over Helm's limits, a link that leads out, or anything but files.
 */
export async function readChartFiles(directory: string, shownAs: string): Promise<readonly ChartFile[]> {
  const root = await realpath(directory);
  const isIgnored = await readIgnoreRules(root, shownAs);
  const files: ChartFile[] = [];
  let total = 0;
  const walk = async (path: string, depth: number): Promise<void> => {
    const refuse = (why: string): UsageError => new UsageError('INVALID_SPEC', `${shownAs}/${path}: ${why}`);
    if (depth > MAX_DEPTH) throw refuse('is nested too deep');
    const real = await realpath(join(root, path)).catch((error: unknown) => {
      throw new UsageError('INVALID_SPEC', `${shownAs}/${path}: is a link to nothing`, { cause: error });
    });
    const found = await stat(real);
    if (path !== '' && isIgnored(path, found.isDirectory())) return;
    if (relative(root, real).split(sep)[0] === '..') throw leadsOut(`${shownAs}/${path}`, shownAs);
    if (found.isDirectory()) {
      const names = await readdir(real);
      for (const name of names.sort()) await walk(path === '' ? name : `${path}/${name}`, depth + 1);
      return;
    }
    if (!found.isFile()) throw refuse('is not a regular file');
    if (found.size > MAX_CHART_FILE_BYTES) throw refuse(`is ${found.size} bytes; Helm takes ${MAX_CHART_FILE_BYTES}`);
    total += found.size;
    if (total > MAX_CHART_BYTES) throw refuse(`makes the chart larger than the ${MAX_CHART_BYTES} bytes Helm takes`);
    if (files.length >= MAX_CHART_FILES) throw refuse(`is one file more than ${MAX_CHART_FILES}`);
    files.push({ path, bytes: withoutByteOrderMark(await readBounded(real, { what: 'a file of a chart', limit: MAX_CHART_FILE_BYTES })) });
  };
  await walk('', 0);
  return files;
}

async function readIgnoreRules(root: string, shownAs: string): Promise<IgnoreRules> {
  const path = join(root, '.helmignore');
  const bytes = await readIfThere(path, { what: 'a .helmignore', limit: MAX_CHART_FILE_BYTES });
  return parseHelmIgnore(bytes?.toString('utf8') ?? '', `${shownAs}/.helmignore`);
}

/** What is beside the release.yaml is pinned; what a link leads to elsewhere is not. */
function leadsOut(place: string, chart: string): UsageError {
  return new UsageError('INVALID_SPEC', `${place}: is a link that leads out of the chart`, {
    hint: `run \`helm package ${chart}\`, which follows it, and name the package instead`,
  });
}

/** Drops the byte order mark, as Helm does. */
function withoutByteOrderMark(bytes: Buffer): Buffer {
  return bytes.length >= 3 && bytes.readUIntBE(0, 3) === 0xefbbbf ? bytes.subarray(3) : bytes;
}
