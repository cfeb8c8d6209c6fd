/** Makes an imported release one that a release.yaml may say: names that fit, nothing twice, platforms that agree. */
import { formatReference } from '../../oci/reference.ts';
import { isPortableName } from '../../base/portable-path.ts';
import { DOCKER_DAEMON_PREFIX, parseImage, SpecDocument, SpecFile } from '../spec/spec-schema.ts';
import { shown } from './foreign-file.ts';
import type {
  ImportedChart,
  ImportedComponent,
  ImportedFile,
  ImportedImage,
  ImportedPath,
  ImportedRelease,
  Unexpressed,
} from './imported-release.ts';

const MAX_NAME = 63;
const MAX_DESCRIPTION = 1000;
const DEFAULT_VERSION = '0.1.0';

/** What a person says of the release; it goes before what the file says. */
export interface SettleOptions {
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  /** As `os/architecture[/variant]`. */
  readonly platforms?: readonly string[] | undefined;
  /** Where neither names it. */
  readonly fallbackName: string;
}

/** A release as it is written. */
export interface SettledRelease extends ImportedRelease {
  /** Fits the schema of release.yaml. */
  readonly name: string;
  /** Fits it too. */
  readonly version: string;
  /** Absent: all. */
  readonly platforms?: readonly string[] | undefined;
  /** What nothing in the file says, and was chosen here. */
  readonly chosen: readonly ('version' | 'platforms')[];
}

/** Settles names, platforms and duplicates; what is dropped on the way is added to `unexpressed`. */
export function settle(imported: ImportedRelease, options: SettleOptions): SettledRelease {
  const left: Unexpressed[] = [];
  const platforms = options.platforms?.length ? options.platforms : imported.platforms;
  const images = settlePlatforms(imported.components, platforms, left);
  const names = new Set<string>();
  const fileNames = new Set<string>();
  const components = imported.components
    .map((component, index) => ({ ...component, images: images[index] ?? [] }))
    .filter(({ images, charts, manifests, docs, files }) =>
      [images, charts, manifests, docs, files].some(({ length }) => length > 0),
    )
    .map((component): ImportedComponent => ({
      ...component,
      name: unique(toName(component.name, 'component'), names),
      description: component.description?.trim().slice(0, MAX_DESCRIPTION) || undefined,
      charts: uniteCharts(component.charts, left),
      manifests: withoutCovered(component.manifests),
      docs: withoutCovered(component.docs),
      files: settleFiles(component.files, fileNames),
    }));
  const version = options.version ?? imported.version;
  const fits = version !== undefined && SpecDocument.shape.version.safeParse(version).success;
  if (!fits && version !== undefined && options.version === undefined) {
    left.push({
      at: 1,
      message: `version ${shown(version)} is not of the form 1.2.3: say it with --version`,
      isContent: false,
    });
  }
  return {
    name: options.name ?? toName(imported.name ?? options.fallbackName, 'release'),
    version: options.version ?? (fits ? version : DEFAULT_VERSION),
    platforms,
    components,
    unexpressed: [...imported.unexpressed, ...left].sort((a, b) => a.at - b.at),
    chosen: [
      ...(fits || options.version !== undefined ? [] : (['version'] as const)),
      ...(platforms === undefined ? (['platforms'] as const) : []),
    ],
  };
}

/** A name as components and releases have it; words between other characters are joined by dashes. */
function toName(text: string, otherwise: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_NAME)
    .replace(/^-+|-+$/g, '');
  return name === '' ? otherwise : name;
}

function unique(name: string, taken: Set<string>): string {
  let found = name;
  for (let count = 2; taken.has(found.toLowerCase()); count += 1) {
    const suffix = `-${count}`;
    found = `${name.slice(0, MAX_NAME - suffix.length)}${suffix}`;
  }
  taken.add(found.toLowerCase());
  return found;
}

/** One image has the same platforms wherever it is named: all that any of its places asks for. */
function settlePlatforms(
  components: readonly ImportedComponent[],
  platforms: readonly string[] | undefined,
  left: Unexpressed[],
): readonly (readonly ImportedImage[])[] {
  const choices = new Map<string, Set<string> | 'all'>();
  for (const image of components.flatMap((component) => component.images)) {
    const before = choices.get(keyOf(image));
    if (before === 'all' || image.platforms === undefined) choices.set(keyOf(image), 'all');
    else choices.set(keyOf(image), new Set([...(before ?? []), ...image.platforms]));
  }
  const choose = (image: ImportedImage): readonly ImportedImage[] => {
    const choice = choices.get(keyOf(image)) ?? 'all';
    if (choice === 'all') return [{ ...image, platforms: undefined }];
    const own = [...choice].filter((platform) => platforms?.includes(platform) ?? true).sort();
    if (own.length === 0) {
      const message = `image ${shown(image.reference)} is for ${[...choice].join(', ')} alone, which this release is not for`;
      left.push({ at: image.at, message, isContent: false });
      return [];
    }
    return [{ ...image, platforms: own.length === platforms?.length ? undefined : own }];
  };
  return components.map(({ images }) =>
    [...new Map(images.map((image) => [keyOf(image), image])).values()].flatMap(choose),
  );
}

function keyOf({ reference }: ImportedImage): string {
  const { reference: parsed, origin } = parseImage(reference);
  return `${origin === 'docker-daemon' ? DOCKER_DAEMON_PREFIX : ''}${formatReference(parsed)}`;
}

/** One chart with several sets of values, instead of one chart several times. */
function uniteCharts(charts: readonly ImportedChart[], left: Unexpressed[]): readonly ImportedChart[] {
  const united = new Map<string, ImportedChart>();
  for (const chart of charts) {
    const key = JSON.stringify([chart.chart, chart.repository, chart.version]);
    const before = united.get(key);
    if (before === undefined) {
      united.set(key, chart);
      continue;
    }
    const sets = [before, chart].flatMap(({ values }) => (values.length === 0 ? [[]] : values));
    const values = [...new Map(sets.map((files) => [JSON.stringify(files), files])).values()];
    united.set(key, { ...before, values: values.every(({ length }) => length === 0) ? [] : values });
    if (before.namespace === chart.namespace && before.releaseName === chart.releaseName) continue;
    const message = `chart ${shown(chart.chart)} is there twice: it is rendered under the first name and namespace, with the values of both`;
    left.push({ at: chart.at, message, isContent: false });
  }
  return [...united.values()];
}

/** Without what is there twice, or lies below another. */
function withoutCovered(paths: readonly ImportedPath[]): readonly ImportedPath[] {
  return paths.filter(
    ({ path }, index) =>
      paths.findIndex((other) => other.path === path) === index &&
      !paths.some((other) => path.startsWith(`${other.path}/`)),
  );
}

/** Names of files are unique in a release, whatever the case of letters. */
function settleFiles(files: readonly ImportedFile[], taken: Set<string>): readonly ImportedFile[] {
  const once = [...new Map(files.map((file) => [`${file.path}\n${file.as ?? ''}`, file])).values()];
  return once.map((file) => {
    const own = file.path.split('/').at(-1) ?? '';
    const asked = file.as !== undefined && isFileName(file.as) ? file.as : own;
    const plain = isFileName(asked) ? asked : `_${asked}`;
    const as = unique(plain.slice(0, MAX_NAME), taken);
    return { ...file, as: as === own ? undefined : as };
  });
}

function isFileName(name: string): boolean {
  return isPortableName(name) && SpecFile.shape.as.safeParse(name).success;
}
