/** Gathers what a component is made of: its files with their place in the archive, and every image they name. */
import { relative } from 'node:path';
import { IntegrityError } from '../../errors.ts';
import type { ImageHit, ResourceImage } from '../../kubernetes/resources/images.ts';
import { findManifestImages, type ManifestImages } from '../../kubernetes/resources/manifest-images.ts';
import type { ExpectedDigest } from '../../kubernetes/charts/images-lock.ts';
import type { PlaceRule } from '../../kubernetes/resources/place-path.ts';
import type { Digest } from '../../oci/digest.ts';
import { loadImageList } from '../../release/spec/image-list.ts';
import { parsePathPattern } from '../../release/spec/path-pattern.ts';
import { pinned } from '../../release/spec/integrity.ts';
import { listSpecFiles, resolveSpecPath } from '../../release/spec/spec-paths.ts';
import type { ChartSpec } from '../../release/spec/chart-spec.ts';
import type { ComponentSpec, ImageSpec } from '../../release/spec/spec.ts';
import { readChunks } from '../../base/files/open-file.ts';
import { readTextFile } from '../../base/files/read-file.ts';
import type { LockImage, ReleaseLock } from '../../release/lock/lock-schema.ts';
import type { FileContent } from '../../stores/files.ts';
import { openChartOf, openLockedChart, type ChartContext } from './charts/charts.ts';
import { pinFile, type CollectedFile } from './collected-file.ts';

/** Bytes of one Kubernetes file that is read for images. */
const MAX_RESOURCE_BYTES = 16 * 1024 * 1024;

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

/** Reads everything a component names. `rules` say where kinds that are not known hold images. */
export async function collectComponent(
  component: ComponentSpec,
  context: ChartContext,
  rules?: readonly PlaceRule[],
): Promise<CollectedComponent> {
  const { directory } = context;
  const files: CollectedFile[] = [];
  const warnings: string[] = [];
  const charts: CollectedChart[] = [];
  const images: CollectedImage[] = component.images.map((image) => ({ ...image, foundIn: below(directory, image.at) }));
  for (const { path } of component.imageLists) {
    const listed = await loadImageList(await resolveSpecPath(directory, path), path);
    images.push(...listed.map((image) => ({ ...image, foundIn: image.at })));
  }
  for (const spec of component.charts) {
    const { chart, file, provenance, warnings: notes } = await openChartOf(spec, context);
    files.push(file, ...provenance);
    images.push(...chart.images.map((image) => ({ ...toImage(image), expected: image.expected })));
    warnings.push(...notes);
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
 * Finds the files of a lock again, for a build from the lock alone; but what is rendered: `rendered-manifests.ts`.
 * @throws IntegrityError `DIGEST_MISMATCH` naming the first file that is not what the lock pins.
 */
export async function openLockedFiles(
  lock: ReleaseLock,
  context: ChartContext,
): Promise<ReadonlyMap<Digest, FileContent>> {
  const contents = new Map<Digest, FileContent>();
  for (const entry of lock.files) {
    const { path, from, kind, digest } = entry;
    // Made of the charts, once these are here.
    if (kind === 'rendered') continue;
    const isOfChart = kind === 'chart' || kind === 'provenance';
    const file = isOfChart
      ? await openLockedChart(entry, context)
      : await pinFile(kind, path, from, await resolveSpecPath(context.directory, from));
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

/** The lock must not depend on where the release lies on this machine. */
function below(directory: string, at: string): string {
  const [, file = at, place = ''] = /^(.*?)((?::\d+)*)$/.exec(at) ?? [];
  const inside = relative(directory, file);
  return inside.startsWith('..') ? at : inside + place;
}
