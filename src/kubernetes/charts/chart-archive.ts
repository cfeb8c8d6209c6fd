/** Chart packages that somebody made, read with suspicion. */
import { gunzipSync } from 'node:zlib';
import { readTar } from '../../base/tar/tar-reader.ts';
import { bytesOf, collect } from '../../content/verified.ts';
import { IntegrityError } from '../../errors.ts';
import { MAX_CHART_BYTES, MAX_CHART_FILE_BYTES, MAX_CHART_FILES } from './chart-files.ts';
import type { ChartFile } from './chart-files.ts';

/** Headers and padding on top of the files' own bytes. */
const MAX_TAR_BYTES: number = MAX_CHART_BYTES + 64 * 1024 * 1024;
/** A real chart shrinks to a fifth; from this size on, what unpacks to far more than its own size was made to hurt. */
const MAX_RATIO = 100;
const SMALL_TAR_BYTES = 16 * 1024 * 1024;
/** Bytes that may still be unpacked: packages within a package share it, since each could be as large as the whole. */
export interface UnpackBudget {
  bytes: number;
}

/** What all packages within one package may unpack to. */
export function createUnpackBudget(): UnpackBudget {
  return { bytes: MAX_TAR_BYTES };
}

/**
 * Reads the files of a chart package, as Helm's loader would see them: the first path segment, whatever it is, is the
 * chart's directory.
 * @throws IntegrityError `MALFORMED` for anything a package has no business to hold: links, devices, paths that leave,
 *   a name twice, several top directories, no Chart.yaml, more than Helm's limits.
 */
export async function unpackChart(
  bytes: Buffer,
  fileName: string,
  budget?: UnpackBudget,
): Promise<readonly ChartFile[]> {
  return (await unpackDatedChart(bytes, fileName, budget)).files;
}

/** The files of a package. */
export interface DatedChart {
  readonly files: readonly ChartFile[];
  /** When the newest of them was changed; the epoch where none says. */
  readonly modified: Date;
}

/** As {@link unpackChart}, with the time. */
export async function unpackDatedChart(
  bytes: Buffer,
  fileName: string,
  budget: UnpackBudget = { bytes: MAX_TAR_BYTES },
): Promise<DatedChart> {
  const refuse = (why: string, cause?: unknown): IntegrityError =>
    new IntegrityError('MALFORMED', `${fileName}: ${why}`, {
      hint: 'this is not a chart package Helm would install',
      cause,
    });
  const tar = decompress(bytes, budget, refuse);
  const files = new Map<string, Buffer>();
  let top: string | undefined;
  let total = 0;
  let newest = 0;
  try {
    for await (const { name, kind, size, modified = 0, content } of readTar(bytesOf(tar))) {
      total += size;
      if (size > MAX_CHART_FILE_BYTES)
        throw refuse(`${JSON.stringify(name)} is larger than ${MAX_CHART_FILE_BYTES} bytes`);
      if (total > MAX_CHART_BYTES) throw refuse(`holds more than ${MAX_CHART_BYTES} bytes`);
      if (kind !== 'file' && kind !== 'directory') throw refuse(`${JSON.stringify(name)} is a ${kind}`);
      if (kind === 'directory') continue;
      const [directory, path] = splitName(name, refuse);
      top ??= directory;
      if (directory !== top)
        throw refuse(`has two top directories, ${JSON.stringify(top)} and ${JSON.stringify(directory)}`);
      if (files.has(path)) throw refuse(`holds ${JSON.stringify(name)} twice`);
      if (files.size >= MAX_CHART_FILES) throw refuse(`holds more than ${MAX_CHART_FILES} files`);
      files.set(path, await collect(content));
      newest = Math.max(newest, modified);
    }
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw refuse(error.message, error);
    throw error;
  }
  if (!files.has('Chart.yaml')) throw refuse('has no Chart.yaml');
  return { files: [...files].map(([path, content]) => ({ path, bytes: content })), modified: new Date(newest * 1000) };
}

type Refuse = (why: string, cause?: unknown) => IntegrityError;

function decompress(bytes: Buffer, budget: UnpackBudget, refuse: Refuse): Buffer {
  const maxOutputLength = Math.min(budget.bytes, Math.max(SMALL_TAR_BYTES, bytes.length * MAX_RATIO));
  if (maxOutputLength < 1) throw refuse('makes the packages in it too large when unpacked');
  try {
    const tar = gunzipSync(bytes, { maxOutputLength });
    budget.bytes -= tar.length;
    return tar;
  } catch (error) {
    throw refuse('is not gzip, or too large when unpacked', error);
  }
}

function splitName(name: string, refuse: Refuse): readonly [string, string] {
  const segments = name
    .replaceAll('\\', '/')
    .replace(/^(\.\/)+/, '')
    .split('/');
  const isBad = segments.some((segment) => segment === '' || segment === '.' || segment === '..');
  if (isBad || /[\x00-\x1f]/.test(name) || /^[A-Za-z]:/.test(name))
    throw refuse(`${JSON.stringify(name)} is not a safe path`);
  const [top = '', ...rest] = segments;
  if (rest.length === 0) throw refuse(`${JSON.stringify(name)} is outside of the chart's directory`);
  return [top, rest.join('/')];
}
