/** The manifests that charts render to, for sites that install without Helm: made when a release is pinned, and again from its lock. */
import { readBounded, readTextFile } from '../../base/files/read-file.ts';
import { readYaml } from '../../base/yaml-source.ts';
import { IntegrityError } from '../../errors.ts';
import { MAX_PACKAGE_BYTES } from '../../kubernetes/charts/chart-package.ts';
import type { ChartRenderer, RenderRequest, ValuesFile } from '../../kubernetes/rendering/chart-renderer.ts';
import { stageManifests } from '../../kubernetes/staging/staged-manifests.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import type { LockRendering, ReleaseLock } from '../../release/lock/lock-schema.ts';
import { resolveSpecPath } from '../../release/spec/spec-paths.ts';
import type { FileContent } from '../../stores/files.ts';
import type { CollectedChart } from './collect.ts';
import type { CollectedFile } from './collected-file.ts';
import { chartBytes, MAX_VALUES_BYTES, openRendererFor, prepareCharts, type OpenRenderer } from './render-charts.ts';

/** Charts with values whose manifests are wanted. */
export interface ManifestsRequest {
  /** For each component. */
  readonly charts: readonly (readonly CollectedChart[])[];
  /** Of the release.yaml. */
  readonly directory: string;
  /** Absent: charts are not rendered. */
  readonly openRenderer: OpenRenderer | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What charts render to. */
export interface RenderedManifests {
  /** For each component. */
  readonly files: readonly (readonly CollectedFile[])[];
  /** Directories that the release asks for, and that there are not since nothing is to be rendered; sorted. */
  readonly missing: readonly string[];
}

/**
 * Renders the sets of values that ask for manifests, for each component.
 * @throws UsageError `INVALID_SPEC` for what cannot be carried.
 * @throws NotFoundError `NOT_FOUND` where nothing renders charts.
 */
export async function collectRenderedManifests(request: ManifestsRequest): Promise<RenderedManifests> {
  const { directory, openRenderer, signal } = request;
  const asks = ({ isLibrary, spec }: CollectedChart): boolean =>
    !isLibrary && spec.values.some(({ rendersManifests }) => rendersManifests === true);
  const wanted = request.charts.map((own) => own.filter(asks));
  const charts = await prepareCharts(wanted, directory);
  const made: CollectedFile[][] = request.charts.map(() => []);
  if (openRenderer === undefined) {
    const sets = charts.flatMap((chart) => chart.sets).filter(({ rendersManifests }) => rendersManifests === true);
    return { files: made, missing: sets.map(({ name }) => `${folderOf(name)}/`).sort() };
  }
  const renderer = await openRendererFor(charts, openRenderer);
  if (renderer === undefined) return { files: made, missing: [] };
  for (const { component, chart, sets } of charts) {
    const bytes = await chartBytes(chart);
    for (const { name, files, rendersManifests } of sets) {
      if (rendersManifests !== true) continue;
      const { from } = chart.file;
      const request = { chart: bytes, from, name, files, ...chart.spec.settings };
      made[component]?.push(...(await renderManifests(renderer, request, signal)));
    }
  }
  return { files: made, missing: [] };
}

/** Where the manifests of a set of values are in the archive. */
function folderOf(set: string): string {
  return `manifests/${set}`;
}

/** Where the rest of a lock's release is. */
export interface LockedManifestsRequest {
  readonly directory: string;
  /** The charts, among other files, by digest. */
  readonly contents: ReadonlyMap<Digest, FileContent>;
  readonly openRenderer: OpenRenderer;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Renders again what a lock pins, and compares.
 * @throws IntegrityError `DIGEST_MISMATCH` naming the file of values, or the manifest, that is another than the lock pins.
 * @throws NotFoundError `NOT_FOUND` where nothing renders charts.
 */
export async function openLockedManifests(
  lock: ReleaseLock,
  { directory, contents, openRenderer, signal }: LockedManifestsRequest,
): Promise<ReadonlyMap<Digest, FileContent>> {
  const found = new Map<Digest, FileContent>();
  const pinned = lock.files.filter(({ kind }) => kind === 'rendered');
  if (pinned.length === 0) return found;
  const renderer = await openRenderer();
  const made: CollectedFile[] = [];
  for (const { from, digest, values, ...settings } of lock.rendering?.charts ?? []) {
    for (const set of values) {
      if (set.manifests !== true) continue;
      const files = await readLockedValues(directory, set.files);
      const chart = await contentBytes(contents.get(digest), from);
      made.push(...(await renderManifests(renderer, { chart, from, name: set.name, files, ...settings }, signal)));
    }
  }
  for (const { path, from, digest } of pinned) {
    const file = made.find((each) => each.path === path);
    if (file?.digest !== digest) throw rendersOtherwise(path, from, lock, renderer);
    found.set(digest, file.content);
  }
  return found;
}

/** A chart with one set of values, as a release or a lock says it. */
interface NamedRequest extends Pick<
  RenderRequest,
  'chart' | 'releaseName' | 'namespace' | 'kubeVersion' | 'apiVersions'
> {
  readonly from: string;
  readonly name: string;
  readonly files: readonly ValuesFile[];
}

async function renderManifests(
  renderer: ChartRenderer,
  { from, name, files, ...settings }: NamedRequest,
  signal: AbortSignal | undefined,
): Promise<readonly CollectedFile[]> {
  const shownAs = `${from} with the values ${name}`;
  const request = { ...settings, shownAs: from, values: files, includeCrds: true };
  const one = await renderer.render({ ...request, seed: 0 }, { signal });
  const other = await renderer.render({ ...request, seed: 1 }, { signal });
  const staged = stageManifests({
    shownAs,
    folder: folderOf(name),
    namespace: settings.namespace,
    renderings: [one.documents, other.documents],
    givenTexts: new Set(files.flatMap(textsOf)),
  });
  return staged.map(({ name: file, bytes }) => ({
    path: `${folderOf(name)}/${file}`,
    from,
    kind: 'rendered',
    size: bytes.length,
    digest: sha256(bytes),
    content: { bytes },
  }));
}

/** All texts and numbers that a file of values gives. */
function textsOf({ name, text }: ValuesFile): readonly string[] {
  const texts: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk);
    else if ((typeof value === 'string' && value !== '') || typeof value === 'number') texts.push(String(value));
  };
  for (const { value } of readYaml(text, name, { merge: true, maxLength: MAX_VALUES_BYTES, uniqueKeys: false }))
    walk(value);
  return texts;
}

/** @throws IntegrityError `DIGEST_MISMATCH` naming the file of values that is another than the lock pins. */
export async function readLockedValues(
  directory: string,
  files: LockRendering['charts'][number]['values'][number]['files'],
): Promise<readonly ValuesFile[]> {
  return Promise.all(
    files.map(async ({ path: name, digest }) => {
      const path = await resolveSpecPath(directory, name);
      const text = await readTextFile(path, { what: 'a file of values', limit: MAX_VALUES_BYTES });
      if (sha256(text) === digest) return { name, text };
      throw new IntegrityError('DIGEST_MISMATCH', `${name} has changed since the lock was written`, {
        hint: 'run `airgap resolve` to pin it anew',
        details: { file: name, pinned: digest, actual: sha256(text) },
      });
    }),
  );
}

/** The bytes of a chart that a lock renders. @throws IntegrityError `MALFORMED` where the lock does not have it. */
export async function contentBytes(content: FileContent | undefined, from: string): Promise<Buffer> {
  if (content === undefined) {
    throw new IntegrityError('MALFORMED', `the lock renders ${from}, which is none of its files`, {
      hint: 'run `airgap resolve` to write it anew',
    });
  }
  if ('bytes' in content) return Buffer.from(content.bytes);
  return readBounded(content.path, { what: 'a chart', limit: MAX_PACKAGE_BYTES });
}

function rendersOtherwise(
  path: string,
  from: string,
  lock: ReleaseLock,
  { name, version }: ChartRenderer,
): IntegrityError {
  const before = lock.rendering?.renderer;
  const was = `${before?.name ?? 'nothing'} ${before?.version ?? ''}`.trim();
  const now = `${name} ${version}`;
  const by = was === now ? '' : `: ${was} rendered it, and ${now} is here`;
  return new IntegrityError('DIGEST_MISMATCH', `${from} renders to another ${path} than the lock pins${by}`, {
    hint: `${was === now ? 'run' : `build with ${was}, or run`} \`airgap resolve\` to pin it anew`,
    details: { file: path },
  });
}
