/** Gathers what a component is made of: its files with their place in the archive, and every image they name. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { IntegrityError, UsageError } from '../../errors.ts';
import { openChart, readChartPackage, type ChartPackage } from '../../kubernetes/charts/chart-package.ts';
import type { ImageHit, ResourceImage } from '../../kubernetes/resources/images.ts';
import { findManifestImages, type ManifestImages } from '../../kubernetes/resources/manifest-images.ts';
import type { ExpectedDigest } from '../../kubernetes/charts/images-lock.ts';
import type { PlaceRule } from '../../kubernetes/resources/place-path.ts';
import { digestOf, sha256, type Digest } from '../../oci/digest.ts';
import { parseChartSource } from '../../release/spec/chart-source.ts';
import { loadImageList } from '../../release/spec/image-list.ts';
import { parsePathPattern } from '../../release/spec/path-pattern.ts';
import { pinned } from '../../release/spec/integrity.ts';
import type { Reference } from '../../oci/reference.ts';
import { listSpecFiles, resolveSpecPath } from '../../release/spec/spec-paths.ts';
import type { ChartSpec } from '../../release/spec/chart-spec.ts';
import type { ComponentSpec, ImageSpec } from '../../release/spec/spec.ts';
import { readChunks } from '../../base/files/open-file.ts';
import { readTextFile } from '../../base/files/read-file.ts';
import type { LockFile, LockImage, ReleaseLock } from '../../release/lock/lock-schema.ts';
import type { Source } from '../../content/store.ts';
import type { FileContent } from '../../stores/files.ts';
import { fetchChart, fetchPinnedChart } from './registry-chart.ts';

/** Bytes of one Kubernetes file that is read for images. */
const MAX_RESOURCE_BYTES = 16 * 1024 * 1024;

/** A file with its place in the archive, its pin, and where its bytes are. */
export interface CollectedFile extends LockFile {
  readonly content: FileContent;
}

/** An image somebody named, and where. */
export interface CollectedImage extends Pick<ImageSpec, 'reference' | 'origin' | 'platforms'> {
  /** `manifests/app.yaml:12 Deployment/api …`, relative to the release.yaml. */
  readonly foundIn: string;
  /** Whether a person named it, or a resource or chart: these say neither where from nor for which platforms. */
  readonly isFound?: boolean | undefined;
  /** The place in a resource, for an image of a manifest. */
  readonly place?: ResourceImage | undefined;
  /** What it has to be on its platforms, where a chart says so. */
  readonly expected?: readonly ExpectedDigest[] | undefined;
  /** Of a suspect that is carried: the entry that says so. */
  readonly accepted?: LockImage['accepted'];
}

/** What one component brings. */
export interface CollectedComponent {
  readonly files: readonly CollectedFile[];
  readonly images: readonly CollectedImage[];
  /** What a person should know, a sentence each. */
  readonly warnings: readonly string[];
  /** Its charts, to be rendered. */
  readonly charts: readonly CollectedChart[];
}

/** A chart, and what it says of its images itself. */
export interface CollectedChart {
  readonly spec: ChartSpec;
  readonly file: CollectedFile;
  readonly isLibrary: boolean;
  /** What is not known unless it is rendered, a sentence each. */
  readonly unrendered: readonly string[];
}

/** Opens the repository that a chart is fetched from. */
export type OpenChart = (reference: Reference, origin: 'registry') => Promise<Source> | Source;

/** Reads everything a component names. `created` is the time that packaged charts carry. */
export async function collectComponent(
  component: ComponentSpec,
  directory: string,
  created: Date,
  openSource: OpenChart,
  { rules, signal }: { readonly rules?: readonly PlaceRule[]; readonly signal?: AbortSignal | undefined } = {},
): Promise<CollectedComponent> {
  const files: CollectedFile[] = [];
  const warnings: string[] = [];
  const charts: CollectedChart[] = [];
  const images: CollectedImage[] = component.images.map((image) => ({ ...image, foundIn: below(directory, image.at) }));
  for (const { path } of component.imageLists) {
    const listed = await loadImageList(await resolveSpecPath(directory, path), path);
    images.push(...listed.map((image) => ({ ...image, foundIn: image.at })));
  }
  for (const spec of component.charts) {
    const { path, reference } = spec;
    assertFetchable(spec);
    const { file, chart } =
      reference === undefined
        ? await collectChart(directory, path, created)
        : await collectRegistryChart(reference, path, openSource, signal);
    files.push(file);
    images.push(...chart.images.map((image) => ({ ...toImage(image), expected: image.expected })));
    warnings.push(...chart.warnings);
    charts.push({ spec, file, isLibrary: chart.metadata.type === 'library', unrendered: chart.unrendered });
  }
  const manifests = await collectManifests(component, directory, rules);
  files.push(...manifests.files);
  images.push(...manifests.images.map((place) => ({ ...toImage(place), place })));
  warnings.push(...manifests.warnings);
  for (const { path } of component.docs) files.push(...(await collectTree('doc', directory, path)));
  for (const { path, integrity, as } of component.files) {
    const file = await resolveSpecPath(directory, path);
    for await (const _ of pinned(readChunks(file, { what: 'a file of a release' }), integrity, path));
    files.push(await pinFile('file', `files/${as}`, path, file));
  }
  return { files, images, warnings, charts };
}

/**
 * Finds the files of a lock again, for a build from the lock alone.
 * @throws IntegrityError `DIGEST_MISMATCH` naming the first file that is not what the lock pins.
 */
export async function openLockedFiles(
  lock: ReleaseLock,
  directory: string,
  openSource: OpenChart,
  signal?: AbortSignal,
): Promise<ReadonlyMap<Digest, FileContent>> {
  const contents = new Map<Digest, FileContent>();
  for (const { path, from, kind, digest, size } of lock.files) {
    const { reference } = kind === 'chart' ? parseChartSource(from) : {};
    if (reference !== undefined) {
      const source = await openSource(reference, 'registry');
      contents.set(digest, { bytes: await fetchPinnedChart(source, { digest, size }, from, { signal }) });
      continue;
    }
    const file =
      kind === 'chart'
        ? (await collectChart(directory, from, new Date(lock.created))).file
        : await pinFile(kind, path, from, await resolveSpecPath(directory, from));
    if (file.digest !== digest) {
      throw new IntegrityError('DIGEST_MISMATCH', `${from} has changed since the lock was written`, {
        hint: 'run `airgap resolve` to pin it anew',
        details: { file: from, pinned: digest, actual: file.digest },
      });
    }
    contents.set(digest, file.content);
  }
  return contents;
}

/** Every file below a path, under the archive's directory for its kind. */
async function collectTree(kind: 'manifest' | 'doc', directory: string, path: string): Promise<CollectedFile[]> {
  const top = `${kind}s/`;
  const files = await listSpecFiles(directory, path);
  return Promise.all(
    files.map(({ path: from, file }) => pinFile(kind, from.startsWith(top) ? from : top + from, from, file)),
  );
}

/** A chart directory is packed; a package travels unchanged. */
async function collectChart(
  directory: string,
  from: string,
  created: Date,
): Promise<{ file: CollectedFile; chart: ChartPackage }> {
  const place = await resolveSpecPath(directory, from);
  const chart = await openChart(place, { shownAs: from, mtime: created });
  const { bytes } = chart;
  const content = (await stat(place)).isFile() ? { path: place } : { bytes };
  const path = `charts/${chart.fileName}`;
  return {
    file: { path, from, kind: 'chart', size: bytes.length, digest: sha256(bytes), content },
    chart,
  };
}

/** What a registry has under a chart's name, unchanged. */
async function collectRegistryChart(
  reference: Reference,
  from: string,
  openSource: OpenChart,
  signal: AbortSignal | undefined,
): Promise<{ file: CollectedFile; chart: ChartPackage }> {
  const source = await openSource(reference, 'registry');
  const bytes = await fetchChart(source, reference, from, { signal });
  const chart = await readChartPackage(bytes, from);
  const path = `charts/${chart.fileName}`;
  const file = { path, from, kind: 'chart', size: bytes.length, digest: sha256(bytes), content: { bytes } } as const;
  return { file, chart };
}

/** @throws UsageError `INVALID_SPEC` for what a release.yaml can say of a chart and this version cannot do. */
function assertFetchable({ path, at, repository, keyring }: ChartSpec): void {
  if (repository !== undefined) {
    throw new UsageError('INVALID_SPEC', `${at}: charts of classic repositories are not fetched: ${repository}`, {
      hint: `fetch the package with \`helm pull --repo ${repository} ${path}\` and name the .tgz`,
    });
  }
  if (keyring !== undefined) {
    throw new UsageError('INVALID_SPEC', `${at}: provenance files of charts are not verified: ${keyring}`, {
      hint: 'verify it with `helm verify`, and leave out `keyring`',
    });
  }
}

/** All manifests of a component, read together, since a kustomization may list any of them. */
async function collectManifests(
  component: ComponentSpec,
  directory: string,
  rules: readonly PlaceRule[] | undefined,
): Promise<ManifestImages & { readonly files: readonly CollectedFile[] }> {
  const named = new Set(component.manifests.map(({ path }) => path));
  const files: CollectedFile[] = [];
  for (const path of named) files.push(...(await collectTree('manifest', directory, path)));
  const ignored = component.ignore.map((text) => ({ text, matches: parsePathPattern(text) }));
  const isRead = ({ from }: CollectedFile): boolean => !ignored.some(({ matches }) => matches(from));
  const { images, warnings } = await findManifestImages(
    files.filter(isRead).map(({ from, content }) => ({
      path: from,
      isNamed: named.has(from),
      read: () =>
        'path' in content
          ? readTextFile(content.path, { what: 'a manifest', limit: MAX_RESOURCE_BYTES })
          : Promise.resolve(''),
    })),
    rules,
  );
  const unused = ignored.filter(({ matches }) => !files.some(({ from }) => matches(from)));
  const notes = unused.map(
    ({ text }) => `component ${component.name} ignores ${text}, which no file of its manifests matches`,
  );
  return { files, images, warnings: [...warnings, ...notes] };
}

function toImage({ reference, at }: ImageHit): CollectedImage {
  return { reference, origin: 'registry', isFound: true, foundIn: at };
}

async function pinFile(kind: LockFile['kind'], path: string, from: string, file: string): Promise<CollectedFile> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of readChunks(file, { what: 'a file of a release' })) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { path, from, kind, size, digest: digestOf(hash), content: { path: file } };
}

/** The lock must not depend on where the release lies on this machine. */
function below(directory: string, at: string): string {
  const [, file = at, place = ''] = /^(.*?)((?::\d+)*)$/.exec(at) ?? [];
  const inside = relative(directory, file);
  return inside.startsWith('..') ? at : inside + place;
}
