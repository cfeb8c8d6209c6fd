/** What a person names to be looked through: a release.yaml, a chart, or manifests. */
import { access, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { readTextFile } from '../../base/files/read-file.ts';
import { onDisk, systemCode } from '../../base/files/system-errors.ts';
import { readYaml } from '../../base/yaml-source.ts';
import { AirgapError, NotFoundError } from '../../errors.ts';
import { isMapping } from '../../kubernetes/resources/yaml-documents.ts';
import { chartAt } from '../../release/spec/chart-spec.ts';
import { loadSpec, type ComponentSpec } from '../../release/spec/spec.ts';
import { SPEC_KIND } from '../../release/spec/spec-schema.ts';
import { NO_DECISIONS, type ImageDecisions } from '../../release/suspects/decisions.ts';

const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;
const PACKAGE = /\.tgz$/;

/** What an input brings. */
export interface Input {
  /** What the paths of its components are relative to. */
  readonly directory: string;
  readonly components: readonly ComponentSpec[];
  /** What it decides about images that something may pull. */
  readonly decisions: ImageDecisions;
  /** Whether it is a release.yaml. */
  readonly isRelease: boolean;
}

/**
 * Reads what was named. A chart or manifests are a component that holds nothing else.
 * @throws NotFoundError `NOT_FOUND` for what is not there. @throws UsageError `INVALID_SPEC` for a broken release.yaml.
 */
export async function readInput(path: string): Promise<Input> {
  const plain = { decisions: NO_DECISIONS, isRelease: false };
  const empty = { name: path, images: [], imageLists: [], charts: [], manifests: [], ignore: [], docs: [], files: [] };
  if (/^(?:oci|https?):\/\//.test(path)) {
    return { directory: '.', components: [{ ...empty, charts: [chartAt(path, path)] }], ...plain };
  }
  const place = resolve(path);
  // Evidence names what lies below the current directory by the path from there.
  const inside = relative(resolve(), place);
  const isInside = inside !== '' && !inside.startsWith('..') && !isAbsolute(inside);
  const directory = isInside ? resolve() : dirname(place);
  const entry = { path: isInside ? inside.split(sep).join('/') : basename(place), at: path };
  if (await isChart(path, place)) {
    return { directory, components: [{ ...empty, charts: [{ ...chartAt('chart', path), ...entry }] }], ...plain };
  }
  if (await isRelease(place)) return { directory: dirname(place), isRelease: true, ...(await loadSpec(path)) };
  return { directory, components: [{ ...empty, manifests: [entry] }], ...plain };
}

async function isChart(shownAs: string, place: string): Promise<boolean> {
  const found = await onDisk(`cannot read ${shownAs}`, async () => {
    try {
      return await stat(place);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw error;
      throw new NotFoundError('NOT_FOUND', `${shownAs}: no such file or directory`, {
        hint: 'name a release.yaml, a chart (directory, .tgz or oci://…), or manifests',
      });
    }
  });
  if (!found.isDirectory()) return PACKAGE.test(place);
  return access(join(place, 'Chart.yaml')).then(
    () => true,
    () => false,
  );
}

/** Whether a file declares a release; what is broken is told by the reader of what it was taken for. */
async function isRelease(place: string): Promise<boolean> {
  if (!/\.ya?ml$/.test(place) || (await stat(place)).isDirectory()) return false;
  const text = await readTextFile(place, { what: 'a release.yaml or a manifest', limit: MAX_MANIFEST_BYTES });
  try {
    return readYaml(text, place).some(
      ({ value }) => isMapping(value) && value['kind'] === SPEC_KIND && /^airgap\./.test(String(value['apiVersion'])),
    );
  } catch (error) {
    if (error instanceof AirgapError) return false;
    throw error;
  }
}
