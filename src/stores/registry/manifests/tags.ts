/** Lists the tags of a repository. */
import { parseJson } from '../../../base/json/parse-json.ts';
import type { Place } from '../../../base/http/location.ts';
import { notFound, type ManifestContext } from './repository-manifests.ts';
import { MAX_PAGES, nextPage, tooLong } from './pages.ts';
import { protocolFailure } from '../../../base/http/network-failure.ts';
import { readJson, type Answer } from '../../../base/http/answer.ts';
import { RegistryError, StoreError } from '../../../errors.ts';
import { refusal } from '../registry-refusal.ts';

const MAX_PAGE_BYTES = 16 * 1024 * 1024;
const PAGE_SIZE = 1000;

/**
 * All tags, over all pages.
 * @throws NotFoundError `NOT_FOUND` when there is no such repository.
 * @throws StoreError `UNSUPPORTED` when there are more pages than `maxPages`, or the registry has no such list.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
 */
export async function listTags(
  { host, repository, scopes, signal }: ManifestContext,
  maxPages: number = MAX_PAGES,
): Promise<readonly string[]> {
  const name = `${host.registry}/${repository}`;
  const tags: string[] = [];
  let to: string | Place = `/v2/${repository}/tags/list?n=${PAGE_SIZE}`;
  for (let pages = 0; pages < maxPages; pages++) {
    const page: Page = await host.call({ method: 'GET', kind: 'tags', to, scopes, signal }, (answer) =>
      readPage(answer, name),
    );
    tags.push(...page.tags);
    if (page.next === undefined) return tags;
    to = page.next;
  }
  throw tooLong(name, 'tags');
}

/** A registry that answers, and neither with a list nor with a word on who may read it, keeps none. */
function unlisted(name: string, error: unknown): unknown {
  if (!(error instanceof RegistryError) || error.failure.retryable || error.failure.status < 400) return error;
  return new StoreError('UNSUPPORTED', `${name} does not list its tags: ${error.message}`, {
    cause: error,
    hint: 'signatures by tag cannot be found without the list; ask the operator of the registry to allow it',
  });
}

interface Page {
  readonly tags: readonly string[];
  readonly next: Place | undefined;
}

async function readPage(answer: Answer, name: string): Promise<Page> {
  if (answer.status === 404) throw notFound(name, await refusal(answer));
  if (answer.status !== 200) throw unlisted(name, await refusal(answer));
  const body = await readJson(answer, MAX_PAGE_BYTES);
  let json: unknown;
  try {
    json = parseJson(body, { maxBytes: MAX_PAGE_BYTES, reading: 'lenient' });
  } catch {
    json = undefined;
  }
  const tags: unknown = typeof json === 'object' && json !== null && 'tags' in json ? json.tags : undefined;
  if (tags !== null && !Array.isArray(tags)) {
    throw protocolFailure(answer.asked, answer.status, 'the answer is not a list of tags');
  }
  return { tags: (tags ?? []).filter((tag) => typeof tag === 'string'), next: nextPage(answer) };
}
