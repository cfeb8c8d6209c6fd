/** What a release.yaml says twice, or in two ways that contradict each other. Works on documents that are wrong elsewhere too. */
import { AirgapError } from '../../errors.ts';
import { formatPlatform, parsePlatform } from '../../oci/platform.ts';
import { formatReference } from '../../oci/reference.ts';
import { normalizePortablePath } from '../../base/portable-path.ts';
import { parseChartSource } from './chart-source.ts';
import { parseImage } from './spec-schema.ts';
import type { YamlDocument, YamlPath } from '../../base/yaml-source.ts';
import { problem, type DocumentProblem } from '../../base/schemas/document-problems.ts';

const PATH_LISTS = ['imageLists', 'charts', 'manifests', 'docs'] as const;

/**
 * The duplicates of a document: component names, images and paths within a component, platforms, and the archive names
 * of extra files within the release; also image platforms the release does not have, and two components that want one
 * image for different platforms.
 */
export function findDuplicates(document: YamlDocument): readonly DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  const top = fieldsOf(document.value);
  const once = (what: string) => {
    const seen = new Map<string, number>();
    return (key: string, path: YamlPath, hint?: string): void => {
      const line = seen.get(key);
      const position = document.locate(path);
      if (line === undefined) seen.set(key, position.line);
      else problems.push(problem(position, path, `duplicate ${what} ${key}, already in line ${line}`, hint));
    };
  };

  const releasePlatforms = platformsOf(top['platforms']);
  const platformOnce = once('platform');
  releasePlatforms?.forEach((platform, index) => platformOnce(platform, ['platforms', index]));

  const nameOnce = once('component');
  const fileOnce = once('file name');
  const choices = new Map<string, string>();
  listOf(top['components']).forEach((value, index) => {
    const component = fieldsOf(value);
    const here: YamlPath = ['components', index];
    if (typeof component['name'] === 'string') nameOnce(component['name'], [...here, 'name']);

    const imageOnce = once('image');
    listOf(component['images']).forEach((image, position) => {
      const path = [...here, 'images', position];
      const fields = fieldsOf(image);
      const reference = canonicalImage(typeof image === 'string' ? image : fields['reference']);
      if (reference === undefined) return;
      imageOnce(reference, path);
      const requested = platformsOf(fields['platforms']);
      const unknown = requested?.filter(
        (platform) => releasePlatforms !== undefined && !releasePlatforms.includes(platform),
      );
      for (const platform of new Set(unknown)) {
        const message = `platform ${platform} is not among the release's platforms`;
        problems.push(problem(document.locate([...path, 'platforms']), [...path, 'platforms'], message));
      }
      const choice = requested === undefined ? 'all of the release' : [...requested].sort().join(', ');
      const before = choices.get(reference);
      if (before !== undefined && before !== choice) {
        const message = `${reference} is declared for ${choice} here and for ${before} in another component`;
        problems.push(problem(document.locate(path), path, message, 'give the same platforms in both places'));
      }
      choices.set(reference, choice);
    });

    for (const field of PATH_LISTS) {
      const pathOnce = once('path');
      const paths = listOf(component[field]).map((path) => canonicalPath(path, field));
      paths.forEach((path, position) => {
        if (path === '') return;
        pathOnce(path, [...here, field, position]);
        const parent = paths.find((other) => other !== '' && path.startsWith(`${other}/`));
        if (parent === undefined) return;
        const message = `${path} is already covered by ${parent}`;
        problems.push(problem(document.locate([...here, field, position]), [...here, field, position], message));
      });
    }
    listOf(component['charts']).forEach((chart, position) => {
      const setOnce = once('set of values');
      listOf(fieldsOf(chart)['values']).forEach((set, number) => {
        const name = nameOfSet(set);
        const hint = 'give one of them another name';
        if (name !== '') setOnce(name, [...here, 'charts', position, 'values', number], hint);
      });
    });
    listOf(component['files']).forEach((file, position) => {
      const { path, as } = fieldsOf(file);
      const name =
        typeof as === 'string' ? as : typeof path === 'string' ? normalizePortablePath(path).split('/').at(-1) : '';
      if (name === undefined || name === '') return;
      fileOnce(name.toLowerCase(), [...here, 'files', position], 'give one of them another name with `as`');
    });
  });
  return problems;
}

/** The canonical text of an image, or undefined where the schema complains about it already. */
function canonicalImage(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    const { reference, origin } = parseImage(value);
    return `${origin === 'docker-daemon' ? 'docker-daemon:' : ''}${formatReference(reference)}`;
  } catch (error) {
    if (error instanceof AirgapError) return undefined;
    throw error;
  }
}

/** The one spelling of a path or of a chart's place; empty where the schema complains about it already. */
function canonicalPath(value: unknown, field: (typeof PATH_LISTS)[number]): string {
  if (field !== 'charts') return typeof value === 'string' ? normalizePortablePath(value) : '';
  const { chart, repository, version } = typeof value === 'string' ? { chart: value } : fieldsOf(value);
  if (typeof chart !== 'string') return '';
  if (typeof repository === 'string') return `${repository.replace(/\/+$/, '')} ${chart} ${String(version)}`;
  try {
    return parseChartSource(chart).from;
  } catch (error) {
    if (error instanceof AirgapError) return '';
    throw error;
  }
}

/** The name that a set of values gets; empty where the schema complains about it already. */
function nameOfSet(set: unknown): string {
  const files = typeof set === 'string' ? [set] : listOf(set);
  const { name } = fieldsOf(set);
  return typeof name === 'string' ? name : files.map((file) => normalizePortablePath(String(file))).join('+');
}

/** The canonical platforms of a list; undefined when there is none or one of them is wrong. */
function platformsOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  try {
    return value.map((platform) => formatPlatform(parsePlatform(String(platform))));
  } catch (error) {
    if (error instanceof AirgapError) return undefined;
    throw error;
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
