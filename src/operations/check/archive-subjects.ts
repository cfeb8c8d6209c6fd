/** What an archive deploys, to be checked: its manifests, and its charts rendered. Only its files are read, and each is hashed. */
import { divideAlternatives } from '../../compliance/alternatives.ts';
import { carriedBy } from '../../compliance/carried.ts';
import { createSubject, minorOf, type Subject } from '../../compliance/subject.ts';
import type { InventoryFile } from '../../archive/inventory/inventory-schema.ts';
import type { TrustedArchive } from '../../archive/verification/trusted-archive.ts';
import { readArchiveFile } from '../../archive/verification/archive-file.ts';
import { UsageError } from '../../errors.ts';
import { readChartPackage } from '../../kubernetes/charts/chart-package.ts';
import { isKustomizationFile } from '../../kubernetes/resources/kustomization.ts';
import { readManifestFile } from '../../kubernetes/resources/manifest-file.ts';
import { isKubernetesFile } from '../../kubernetes/resources/yaml-documents.ts';
import { DEFAULT_SETTINGS } from '../../release/spec/chart-spec.ts';
import { renderSubject } from './chart-subject.ts';
import { openRenderer, valueSet, type CheckedInput, type CheckOptions } from './check-options.ts';

const MANIFEST = /^manifests\//;
const CHART = /^charts\/[^/]+\.tgz$/;

/**
 * Reads the manifests and charts of a trusted archive.
 * @param paths only these files and what is below these directories; everything when empty
 * @throws UsageError when nothing is there to check, or a chart does not render with these values.
 * @throws IntegrityError for a file that is not what the signed inventory says.
 */
export async function subjectsOfArchive(
  archive: TrustedArchive,
  paths: readonly string[],
  options: CheckOptions,
): Promise<CheckedInput> {
  const { inventory } = archive.release;
  const chosen = inventory.files.filter(({ path }) => isChosen(path, paths));
  const isCarried = carriedBy(inventory.images.map(({ reference }) => reference));
  const kubeMinor = options.kubeMinor ?? minorOf(DEFAULT_SETTINGS.kubeVersion) ?? 0;
  const parts = { namespace: DEFAULT_SETTINGS.namespace, isCarried, kubeMinor, isLive: false };
  const manifests = [];
  const warnings: string[] = [];
  for (const file of chosen.filter(({ path }) => MANIFEST.test(path))) {
    if (isKustomizationFile(file.path))
      warnings.push(`${file.path} is not built: what it lists is checked as it is written`);
    if (!isKubernetesFile(file.path)) continue;
    const text = (await readArchiveFile(archive, file, options)).toString('utf8');
    manifests.push(...readManifestFile(text, file.path, false).resources);
  }
  const subjects = divideAlternatives(manifests).map(({ folder, resources }) =>
    createSubject({ ...parts, name: folder === '' ? 'manifests' : folder, resources }),
  );
  for (const file of chosen.filter(({ path }) => CHART.test(path))) {
    if (options.openRenderer === undefined) warnings.push(`${file.path} is not checked: charts are not rendered`);
    else subjects.push(...(await subjectsOfChart(archive, file, parts, options)));
  }
  if (subjects.length === 0 && warnings.length === 0) {
    throw new UsageError(
      'USAGE',
      `${archive.name} has nothing to check${paths.length > 0 ? ` below ${paths.join(', ')}` : ''}`,
      {
        hint: 'only manifests and charts are checked; `airgap inspect` lists what there is',
      },
    );
  }
  return { subjects, warnings };
}

async function subjectsOfChart(
  archive: TrustedArchive,
  file: InventoryFile,
  parts: Omit<Subject, 'pods' | 'name' | 'resources'>,
  { openRenderer: open, values, signal, kubeMinor }: CheckOptions,
): Promise<readonly Subject[]> {
  const bytes = await readArchiveFile(archive, file, { signal });
  const { metadata } = await readChartPackage(bytes, file.path);
  if (metadata.type === 'library' || open === undefined) return [];
  const { name, files } = valueSet(values);
  const settings =
    kubeMinor === undefined ? DEFAULT_SETTINGS : { ...DEFAULT_SETTINGS, kubeVersion: `1.${kubeMinor}.0` };
  try {
    const request = { chart: bytes, shownAs: file.path, values: files, ...settings };
    const renderer = await openRenderer(open);
    return [await renderSubject(renderer, request, { ...parts, name: `${file.path} (${name})` }, signal)];
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const next = 'give the values of the site (--values FILE), or check the rest alone (--path manifests)';
    throw new UsageError(error.code, error.message, {
      hint: [error.hint, next].filter(Boolean).join('; '),
      cause: error,
    });
  }
}

function isChosen(path: string, paths: readonly string[]): boolean {
  return (
    paths.length === 0 || paths.some((chosen) => path === chosen || path.startsWith(`${chosen.replace(/\/+$/, '')}/`))
  );
}
