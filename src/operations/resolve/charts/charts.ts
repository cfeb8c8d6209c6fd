/** The charts of a release: packed from directories, or had from where they were published and carried as they are. */
import { stat } from 'node:fs/promises';
import { readBounded, readIfThere } from '../../../base/files/read-file.ts';
import type { Source } from '../../../content/store.ts';
import { AuthError, IntegrityError, NotFoundError } from '../../../errors.ts';
import { openChart, readChartPackage, type ChartPackage } from '../../../kubernetes/charts/chart-package.ts';
import { isProvenance, MAX_PROVENANCE_BYTES, PROVENANCE_EXTENSION } from '../../../kubernetes/charts/provenance-file.ts';
import { compareVersions, parseVersion } from '../../../kubernetes/charts/semantic-version.ts';
import { MediaType } from '../../../oci/media-types.ts';
import type { Reference } from '../../../oci/reference.ts';
import type { LockFile } from '../../../release/lock/lock-schema.ts';
import { parseChartSource } from '../../../release/spec/chart-source.ts';
import type { ChartSpec } from '../../../release/spec/chart-spec.ts';
import { resolveSpecPath } from '../../../release/spec/spec-paths.ts';
import { collectProvenance, type FoundProvenance } from './chart-signature.ts';
import { pinBytes, type CollectedFile } from '../collected-file.ts';
import { fetchDependencies } from './dependencies.ts';
import { fetchChart, fetchPinnedLayer } from './registry-chart.ts';
import { fetchPackageAt, findChart, type IndexCache, type ReadAddress, type RepositoryRequest } from './repository-chart.ts';

/** Where charts are fetched from. */
export interface ChartSources {
  /** Opens the repository of an `oci://` chart. */
  readonly open: (reference: Reference, origin: 'registry') => Promise<Source> | Source;
  /** Reads a file of a chart repository. */
  readonly read: ReadAddress;
}

/** What the charts of a release are collected with. */
export interface ChartContext {
  /** Of the release.yaml. */
  readonly directory: string;
  /** When the signatures that a release demands must be valid. Absent: none is looked at, since nothing is carried. */
  readonly now?: Date | undefined;
  readonly sources: ChartSources;
  /** Indexes of chart repositories that were read before. */
  readonly indexes: IndexCache;
  readonly signal?: AbortSignal | undefined;
}

/** One chart, with what is carried of it. */
export interface OpenedChart {
  readonly chart: ChartPackage;
  readonly file: CollectedFile;
  /** Its provenance file, where there is one. */
  readonly provenance: readonly CollectedFile[];
  /** What a person should know, a sentence each. */
  readonly warnings: readonly string[];
}

/** A package as it was published, and where. */
export interface PublishedChart {
  readonly from: string;
  readonly bytes: Buffer;
  readonly provenance?: { readonly from: string; readonly bytes: Buffer } | undefined;
}

/**
 * Has a chart, wherever it lies, and its provenance file, verified where the release names a keyring.
 * @throws UsageError `INVALID_SPEC`, IntegrityError, TrustError, NotFoundError `NOT_FOUND`, AuthError, RegistryError
 */
export async function openChartOf(spec: ChartSpec, context: ChartContext): Promise<OpenedChart> {
  const published = await fetchPublished(spec, context);
  if (published === undefined) return collectLocal(spec, context);
  const chart = await readChartPackage(published.bytes, published.from);
  const file = pinBytes('chart', `charts/${chart.fileName}`, published.from, published.bytes);
  return withProvenance(spec, chart, file, published.provenance, context);
}

/** A file of a chart that a lock pins, wherever it was. Its digest is for the caller to compare. */
export async function openLockedChart(entry: LockFile, context: ChartContext): Promise<CollectedFile> {
  const { kind, path, from, digest, size } = entry;
  const { directory, sources, signal } = context;
  const { reference, address } = parseChartSource(from);
  if (reference !== undefined) {
    const source = await sources.open(reference, 'registry');
    const mediaType = kind === 'chart' ? MediaType.helmChart : MediaType.helmProvenance;
    return pinBytes(kind, path, from, await fetchPinnedLayer(source, { digest, size, mediaType }, from, { signal }));
  }
  if (address !== undefined) {
    return pinBytes(kind, path, from, await fetchPackageAt(address, undefined, sources.read, signal));
  }
  const place = await resolveSpecPath(directory, from);
  if (kind === 'chart') return (await openLocal(from, place, context)).file;
  const bytes = await readBounded(place, { what: 'a provenance file', limit: MAX_PROVENANCE_BYTES });
  return pinBytes(kind, path, from, bytes, place);
}

/** A chart that is not beside the release.yaml; undefined for one that is. */
async function fetchPublished(spec: ChartSpec, context: ChartContext): Promise<PublishedChart | undefined> {
  const { repository, path, version, reference, address } = spec;
  if (reference !== undefined) return fetchOci(path, reference, context);
  if (address !== undefined) return fetchAddress(address, undefined, context);
  if (repository === undefined) return undefined;
  return fetchFromRepository({ repository, name: path, version: version ?? '*' }, context);
}

/**
 * The newest version in a repository that is asked for.
 * @throws as {@link findChart}; IntegrityError `MALFORMED` when the package is another chart than the index says.
 */
export async function fetchFromRepository(
  request: { readonly repository: string; readonly name: string; readonly version: string },
  context: Pick<ChartContext, 'sources' | 'indexes' | 'signal'>,
): Promise<PublishedChart> {
  const found = await findChart(request, context.sources.read, context.indexes, context.signal);
  const { reference, from } = parseChartSource(found.address);
  const published =
    reference === undefined
      ? await fetchAddress(found.address, found.digest, context)
      : await fetchOci(from, reference, context);
  const { name, version } = (await readChartPackage(published.bytes, published.from)).metadata;
  const [ours, theirs] = [parseVersion(version), parseVersion(found.version)];
  const isSame = ours !== undefined && theirs !== undefined && compareVersions(ours, theirs) === 0;
  if (name === request.name && isSame) return published;
  throw new IntegrityError(
    'MALFORMED',
    `${published.from} is ${name} ${version}; ${request.repository} calls it ${request.name} ${found.version}`,
    { hint: 'the repository is inconsistent: ask its maintainers' },
  );
}

/** A chart in a registry. */
export async function fetchOci(
  from: string,
  reference: Reference,
  { sources, signal }: Pick<ChartContext, 'sources' | 'signal'>,
): Promise<PublishedChart> {
  const source = await sources.open(reference, 'registry');
  const { bytes, provenance } = await fetchChart(source, reference, from, { signal });
  return { from, bytes, ...(provenance === undefined ? {} : { provenance: { from, bytes: provenance } }) };
}

async function fetchAddress(
  address: string,
  digest: string | undefined,
  { sources, signal }: Pick<ChartContext, 'sources' | 'signal'>,
): Promise<PublishedChart> {
  const bytes = await fetchPackageAt(address, digest, sources.read, signal);
  const from = `${address}${PROVENANCE_EXTENSION}`;
  try {
    const what = 'a provenance file';
    const signed = await sources.read(new URL(from), { what, limit: MAX_PROVENANCE_BYTES, signal });
    return { from: address, bytes, ...(isProvenance(signed) ? { provenance: { from, bytes: signed } } : {}) };
  } catch (error) {
    // Object stores answer "denied" to those who may not list what there is.
    const isAbsent = error instanceof NotFoundError || (error instanceof AuthError && error.code === 'DENIED');
    if (!isAbsent) throw error;
    return { from: address, bytes };
  }
}

/** A chart directory is packed; a package travels unchanged. */
async function collectLocal(spec: ChartSpec, context: ChartContext): Promise<OpenedChart> {
  const place = await resolveSpecPath(context.directory, spec.path);
  const { chart, file } = await openLocal(spec.path, place, context);
  const from = `${spec.path}${PROVENANCE_EXTENSION}`;
  const isPackage = 'path' in file.content;
  const what = { what: 'a provenance file', limit: MAX_PROVENANCE_BYTES };
  const isThere = isPackage && (await readIfThere(`${place}${PROVENANCE_EXTENSION}`, what)) !== undefined;
  if (!isThere) return withProvenance(spec, chart, file, undefined, context);
  const signed = await resolveSpecPath(context.directory, from);
  return withProvenance(spec, chart, file, { from, bytes: await readBounded(signed, what), place: signed }, context);
}

async function openLocal(
  from: string,
  place: string,
  context: ChartContext,
): Promise<{ readonly file: CollectedFile; readonly chart: ChartPackage }> {
  const { directory } = context;
  const fetch = { repository: (wanted: RepositoryRequest) => fetchFromRepository(wanted, context), oci: (text: string, reference: Reference) => fetchOci(text, reference, context) };
  const chart = await openChart(place, {
    shownAs: from,
    addDependencies: (files) => fetchDependencies({ files, shownAs: from, directory, fetch }),
  });
  const isPackage = (await stat(place)).isFile();
  return {
    file: pinBytes('chart', `charts/${chart.fileName}`, from, chart.bytes, isPackage ? place : undefined),
    chart,
  };
}

async function withProvenance(
  spec: ChartSpec,
  chart: ChartPackage,
  file: CollectedFile,
  provenance: FoundProvenance | undefined,
  context: ChartContext,
): Promise<OpenedChart> {
  const signed = await collectProvenance(spec, file, provenance, context);
  return { chart, file, provenance: signed.files, warnings: [...chart.warnings, ...signed.warnings] };
}
