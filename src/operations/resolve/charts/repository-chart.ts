/** A chart from a classic repository: found in its index as Helm finds it, and carried byte for byte. */
import { IntegrityError, NotFoundError, UsageError, inContext } from '../../../errors.ts';
import { MAX_PACKAGE_BYTES } from '../../../kubernetes/charts/chart-package.ts';
import {
  findIndexedVersions,
  MAX_INDEX_BYTES,
  type IndexedChart,
  type IndexedVersion,
} from '../../../kubernetes/charts/repository/repository-index.ts';
import { compareVersions, parseVersion, type Version } from '../../../kubernetes/charts/semantic-version.ts';
import { parseVersionRange } from '../../../kubernetes/charts/version-range.ts';
import { sha256 } from '../../../oci/digest.ts';
import type { WebReadOptions } from '../../../stores/registry/web-files.ts';

/** Versions that an error names. */
const SHOWN_VERSIONS = 8;

/** Reads the file at an http(s) address. */
export type ReadAddress = (address: URL, options: WebReadOptions) => Promise<Buffer>;

/** What a release asks a repository for. */
export interface RepositoryRequest {
  /** Address of the directory of `index.yaml`. */
  readonly repository: string;
  readonly name: string;
  /** A version, or a range as Helm takes it. */
  readonly version: string;
}

/** One version of a chart, found. */
export interface FoundChart {
  readonly version: string;
  /** Of its package: absolute, `https://`, `http://` or `oci://`. */
  readonly address: string;
  /** SHA-256 of the package, where the index has it. */
  readonly digest?: string | undefined;
}

/** Indexes that were read in one run, by address. */
export type IndexCache = Map<string, Promise<Buffer>>;

/**
 * Finds the newest version that is asked for.
 * @throws NotFoundError `NOT_FOUND` when there is no index, chart or version, with what there is instead.
 * @throws UsageError `INVALID_SPEC` for an index that is none.
 * @see https://helm.sh/docs/topics/chart_repository/
 */
export async function findChart(
  request: RepositoryRequest,
  read: ReadAddress,
  indexes: IndexCache,
  signal?: AbortSignal,
): Promise<FoundChart> {
  const { repository, name, version } = request;
  const index = addressOf('index.yaml', repository);
  const bytes = await readIndex(index, read, indexes, signal);
  const { versions, similar } = findIndexedVersions(bytes, name, index.href);
  if (versions.length === 0) {
    throw new NotFoundError('NOT_FOUND', `${repository} has no chart ${name} (asked for at version ${version})`, {
      hint: similar === undefined ? `look at ${index.href}` : `did you mean ${similar}?`,
    });
  }
  const chart = choose(versions, version)?.read();
  if (chart === undefined) throw noVersion(request, versions);
  return { version: chart.version, address: packageAddress(chart, request), digest: chart.digest };
}

/**
 * The package at an http(s) address.
 * @throws NotFoundError `NOT_FOUND`, IntegrityError `DIGEST_MISMATCH` when it is not what the index says.
 */
export async function fetchPackageAt(
  address: string,
  digest: string | undefined,
  read: ReadAddress,
  signal?: AbortSignal,
): Promise<Buffer> {
  const bytes = await read(new URL(address), { what: address, limit: MAX_PACKAGE_BYTES, signal });
  const actual = sha256(bytes);
  if (digest !== undefined && actual !== `sha256:${digest}`) {
    throw new IntegrityError(
      'DIGEST_MISMATCH',
      `${address} is ${actual}, and the index of its repository says sha256:${digest}`,
      {
        hint: 'the repository is inconsistent or its package was replaced: ask its maintainers, and do not carry it until they answer',
        details: { file: address, expected: `sha256:${digest}`, actual },
      },
    );
  }
  return bytes;
}

async function readIndex(
  index: URL,
  read: ReadAddress,
  indexes: IndexCache,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  let reading = indexes.get(index.href);
  if (reading === undefined) {
    reading = read(index, { what: 'the index of the repository', limit: MAX_INDEX_BYTES, takesGzip: true, signal });
    indexes.set(index.href, reading);
  }
  try {
    return await reading;
  } catch (error) {
    indexes.delete(index.href);
    if (!(error instanceof NotFoundError)) throw error;
    throw inContext(error, 'no chart repository', 'its address is the directory in which index.yaml lies');
  }
}

/** Helm's choice: the very version that was named, else the newest that the range allows. */
function choose(versions: readonly IndexedVersion[], asked: string): IndexedVersion | undefined {
  const exact = versions.find(({ version }) => version === asked);
  if (exact !== undefined) return exact;
  const range = parseVersionRange(asked);
  if (range === undefined) {
    throw new UsageError('INVALID_SPEC', `${JSON.stringify(asked)} is neither a version nor a range of versions`, {
      hint: 'such as 1.2.3, ^1.2, ~1.2.0, >=1.2 <2 or 1.x',
    });
  }
  return sorted(versions).find(({ parsed }) => range.allows(parsed))?.entry;
}

function sorted(versions: readonly IndexedVersion[]): { readonly entry: IndexedVersion; readonly parsed: Version }[] {
  const parsed = versions.flatMap((entry) => {
    const version = parseVersion(entry.version);
    return version === undefined ? [] : [{ entry, parsed: version }];
  });
  return parsed.sort((a, b) => compareVersions(b.parsed, a.parsed));
}

function noVersion(
  { repository, name, version }: RepositoryRequest,
  versions: readonly IndexedVersion[],
): NotFoundError {
  const newest = sorted(versions);
  const releases = newest.filter(({ parsed }) => parsed.preRelease === '');
  const wanted = parseVersion(version.replace(/^[\^~=<>\s]+/, ''));
  const isNear = ({ parsed }: { readonly parsed: Version }): boolean => parsed.numbers[0] === wanted?.numbers[0];
  const near = newest.filter(isNear);
  const shown = (near.length > 0 ? near : newest).slice(0, SHOWN_VERSIONS).map(({ entry }) => entry.version);
  const more = versions.length - shown.length;
  const preReleases =
    releases.length === 0 ? `; all are pre-releases, which a range takes only if it names one: ${version}-0` : '';
  return new NotFoundError('NOT_FOUND', `${repository} has no version ${version} of ${name}`, {
    hint: `it has ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}${preReleases}`,
  });
}

/** As Helm resolves it: relative to the directory of the index, whatever a redirect said. */
function packageAddress({ name, version, urls: [first] }: IndexedChart, { repository }: RepositoryRequest): string {
  const refuse = (why: string, hint: string): UsageError =>
    new UsageError('INVALID_SPEC', `${repository}: the package of ${name} ${version} ${why}`, { hint });
  if (first.startsWith('oci://')) return first;
  if (!URL.canParse(first, `${repository}/`)) throw refuse('has no address that can be read', 'have the index mended');
  const address = new URL(first, `${repository}/`);
  if (address.protocol !== 'https:' && address.protocol !== 'http:') {
    throw refuse(`lies at ${address.protocol}, which is not fetched`, 'download it, and name the .tgz as chart');
  }
  if (repository.startsWith('https:') && address.protocol === 'http:') {
    throw refuse(
      `lies at ${address.origin}, and leaving https is refused`,
      'have the index mended, or download it, and name the .tgz as chart',
    );
  }
  if (address.username !== '' || address.password !== '' || address.search !== '') {
    throw refuse(
      'has an address with an account or a signature in it, which the lock would keep',
      'download it, and name the .tgz as chart',
    );
  }
  address.hash = '';
  return address.href;
}

function addressOf(path: string, repository: string): URL {
  return new URL(path, `${repository}/`);
}
