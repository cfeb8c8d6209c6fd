/** Lists: tags, repositories and referrers, in pages where they are long. */
import type { RegisteredDigest } from '../oci/digest.ts';
import { MediaType } from '../oci/media-types.ts';
import type { Exchange } from './request-exchange.ts';
import { Refusal } from './client-refusal.ts';
import { Repository } from './directory/repository-links.ts';
import type { Storage } from './directory/storage.ts';

/** Entries of one page when the client does not say, and at most. */
const MAX_PAGE_ENTRIES = 1000;
const COUNT = /^\d{1,9}$/;

/**
 * Answers `tags/list`.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
 * @throws Refusal `NAME_UNKNOWN`
 */
export async function sendTags(storage: Storage, name: string, exchange: Exchange): Promise<void> {
  const repository = new Repository(storage, name);
  if (!(await repository.exists())) throw new Refusal('NAME_UNKNOWN', 'repository name not known to the registry');
  const { entries: tags, link } = toPage(await repository.listTags(), (tag) => tag, exchange);
  exchange.sendJson({ name, tags }, link);
}

/**
 * Answers `_catalog`.
 * @see https://distribution.github.io/distribution/spec/api/#listing-repositories
 */
export async function sendCatalog(storage: Storage, exchange: Exchange): Promise<void> {
  const { entries: repositories, link } = toPage(await storage.listRepositories(), (name) => name, exchange);
  exchange.sendJson({ repositories }, link);
}

/**
 * Answers the referrers of a manifest; none is an empty index, also for an unknown digest.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
export async function sendReferrers(
  storage: Storage,
  name: string,
  subject: RegisteredDigest,
  exchange: Exchange,
): Promise<void> {
  const artifactType = exchange.query.get('artifactType');
  const all = await new Repository(storage, name).listReferrers(subject);
  const requested = artifactType === null ? all : all.filter((referrer) => referrer.artifactType === artifactType);
  const { entries: manifests, link } = toPage(requested, (referrer) => referrer.digest, exchange);
  exchange.sendJson(
    { schemaVersion: 2, mediaType: MediaType.index, manifests },
    {
      ...link,
      'Content-Type': MediaType.index,
      ...(artifactType === null ? {} : { 'OCI-Filters-Applied': 'artifactType' }),
    },
  );
}

/** The part of a sorted list after `last`, at most `n` entries, and the `Link` to the rest. */
function toPage<T>(
  all: readonly T[],
  keyOf: (entry: T) => string,
  exchange: Exchange,
): { readonly entries: readonly T[]; readonly link: Record<string, string> } {
  const { query, path } = exchange;
  const count = query.get('n') ?? `${MAX_PAGE_ENTRIES}`;
  if (!COUNT.test(count)) throw new Refusal('PAGINATION_NUMBER_INVALID', 'n is not a number of entries');
  const size = Math.min(Number(count), MAX_PAGE_ENTRIES);
  const after = query.get('last');
  const rest = after === null ? all : all.filter((entry) => keyOf(entry) > after);
  const entries = rest.slice(0, size);
  const end = entries.at(-1);
  if (end === undefined || entries.length === rest.length) return { entries, link: {} };
  const next = new URLSearchParams(query);
  next.set('n', `${size}`);
  next.set('last', keyOf(end));
  return { entries, link: { Link: `<${path}?${next.toString()}>; rel="next"` } };
}
