/** The files a release.yaml names: found on disk, links followed, and never outside its directory. */
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { systemCode } from '../../base/files/system-errors.ts';
import { UsageError } from '../../errors.ts';
import { pathFault } from '../../base/portable-path.ts';
import type { YamlDocument, YamlPath } from '../../base/yaml-source.ts';
import { problem, type DocumentProblem } from '../../base/schemas/document-problems.ts';
import { nearest } from '../../base/suggestion.ts';

/** Files below one directory. */
const MAX_FILES = 20_000;
const MAX_DEPTH = 20;

/** One file of a release, ready to be read. */
export interface SpecFilePath {
  /** Relative to the release.yaml, forward slashes. */
  readonly path: string;
  /** The real location on this machine, links resolved. */
  readonly file: string;
}

/** Paths that do not exist or lead out of the directory, each at the place it was written. */
export async function findMisplacedPaths(
  directory: string,
  paths: readonly { readonly path: string; readonly place: YamlPath }[],
  document: YamlDocument,
): Promise<readonly DocumentProblem[]> {
  const root = await realpath(directory);
  const problems = await Promise.all(
    paths.map(async ({ path, place }) => {
      const fault = await faultOf(root, path);
      return fault === undefined ? [] : [problem(document.locate(place), place, fault.message, fault.hint)];
    }),
  );
  return problems.flat();
}

/**
 * The real location of a path of a release.
 * @throws UsageError `INVALID_SPEC` when it is missing or leads outside of the directory, by a link too.
 */
export async function resolveSpecPath(directory: string, path: string): Promise<string> {
  const root = await realpath(directory);
  const fault = await faultOf(root, path);
  if (fault !== undefined) throw new UsageError('INVALID_SPEC', fault.message, { hint: fault.hint });
  return realpath(join(root, path));
}

/**
 * The files a path stands for: itself, or every file below it, sorted by path. Hidden files are left out.
 * @throws UsageError `INVALID_SPEC` when anything below is no regular file or directory, leads outside, or has a name
 *   that cannot be a member of an archive.
 */
export async function listSpecFiles(directory: string, path: string): Promise<readonly SpecFilePath[]> {
  const root = await realpath(directory);
  const files: SpecFilePath[] = [];
  const walk = async (current: string, depth: number): Promise<void> => {
    const fault = pathFault(current);
    if (fault !== undefined) throw wrong(current, fault, 'give it a shorter or plainer name');
    if (depth > MAX_DEPTH) throw wrong(current, 'is nested too deep');
    const file = await resolveSpecPath(root, current);
    const found = await stat(file);
    if (found.isFile()) {
      files.push({ path: current, file });
      if (files.length > MAX_FILES) throw wrong(path, `holds more than ${MAX_FILES} files`);
    } else if (found.isDirectory()) {
      const names = (await readdir(file)).filter((name) => !name.startsWith('.'));
      for (const name of names.sort()) await walk(`${current}/${name}`, depth + 1);
    } else {
      throw wrong(current, 'is not a regular file');
    }
  };
  await walk(path, 0);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function faultOf(
  root: string,
  path: string,
): Promise<{ message: string; hint?: string | undefined } | undefined> {
  let real: string;
  try {
    real = await realpath(join(root, path));
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP') throw error;
    const isLink = (await lstat(join(root, path)).catch(() => undefined))?.isSymbolicLink() === true;
    if (isLink) return { message: `${path} is a link to nothing` };
    return { message: `${path} does not exist`, hint: await suggestPath(root, path) };
  }
  const inside = relative(root, real);
  const isOut = inside === '..' || inside.startsWith(`..${sep}`) || inside.startsWith(sep);
  return isOut
    ? { message: `${path} is a link that leads out of the directory`, hint: 'copy the file instead' }
    : undefined;
}

async function suggestPath(root: string, path: string): Promise<string | undefined> {
  const cut = path.lastIndexOf('/');
  const folder = cut < 0 ? '' : path.slice(0, cut);
  const names = await readdir(join(root, folder)).catch(() => []);
  const name = nearest(path.slice(cut + 1), names);
  return name === undefined ? undefined : `did you mean ${folder === '' ? '' : `${folder}/`}${name}?`;
}

function wrong(path: string, why: string, hint?: string): UsageError {
  return new UsageError('INVALID_SPEC', `${path} ${why}`, { hint });
}
