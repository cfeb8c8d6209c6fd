/** What refers to a manifest: by the referrers API, or by the tag that stands in for it. */
import { AuthError, HttpError, IntegrityError, NotFoundError, StoreError } from '../../../errors.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import { hexOf, sha256, type Digest } from '../../../oci/digest.ts';
import { parseJson } from '../../../base/json/parse-json.ts';
import { isIndex, MAX_MANIFEST_BYTES, parseManifest, type Index } from '../../../oci/manifest.ts';
import { MediaType } from '../../../oci/media-types.ts';
import type { RegistryHost } from '../host.ts';
import type { Place } from '../../../base/http/location.ts';
import { getManifest, putManifest, type FetchedManifest, type ManifestContext } from './repository-manifests.ts';
import { MAX_PAGES, nextPage, tooLong } from './pages.ts';
import { readJson, type Answer } from '../../../base/http/answer.ts';
import { refusal } from '../registry-refusal.ts';

/** Referrers of one manifest. */
const MAX_REFERRERS = 10_000;
/** What registries without the API answer in its place, but for redirects to web pages; 401 and 403 are not among it. */
const UNKNOWN_ROUTE: readonly number[] = [400, 404, 405, 406, 410, 501];

/** Updates of one fallback tag by this process happen one after the other: they read, change and write. */
const updates = new Map<string, Promise<void>>();
/** What a client has put into fallback tags: a registry may take a moment until it reads what was written. */
const written = new WeakMap<RegistryHost, Map<string, readonly Descriptor[]>>();

/**
 * Descriptors of everything that names this manifest as its subject: all of them, or an error. With `onDoubt` a refusal of the
 * list is told there, and what the fallback tag lists is returned.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
export async function listReferrers(
  context: ManifestContext,
  subject: Digest,
  onDoubt?: (error: Error) => void,
): Promise<readonly Descriptor[]> {
  try {
    return await listAll(context, subject);
  } catch (error) {
    // Some registries guard or break a route that they do not have.
    const isRefusal = error instanceof AuthError || (error instanceof HttpError && error.failure.status >= 400);
    if (onDoubt === undefined || !isRefusal) throw error;
    onDoubt(error);
    context.host.decided(`${nameOf(context)}: no list of referrers (${error.message}), so the fallback tag is read`);
    return listFallback(context, subject);
  }
}

async function listAll(context: ManifestContext, subject: Digest): Promise<readonly Descriptor[]> {
  const { host, repository, scopes, signal } = context;
  if (host.lacksReferrers) return listFallback(context, subject);
  const found: Descriptor[] = [];
  let to: string | Place = `/v2/${repository}/referrers/${subject}`;
  for (let pages = 0; pages < MAX_PAGES && found.length < MAX_REFERRERS; pages++) {
    const page: Page | undefined = await host.call(
      {
        method: 'GET',
        kind: 'referrers',
        to,
        scopes,
        headers: { accept: MediaType.index },
        signal,
        redirect: 'manual', // ghcr.io redirects to a web page
      },
      (answer) => readPage(answer, host),
    );
    if (page === undefined) return listFallback(context, subject);
    found.push(...page.referrers);
    if (page.next === undefined) return unique(found);
    to = page.next;
  }
  throw tooLong(`${host.registry}/${repository}@${subject}`, 'referrers');
}

/**
 * Adds a referrer to the subject's fallback tag, for registries without the API.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests-with-subject
 */
export async function linkByTag(context: ManifestContext, subject: Digest, referrer: Descriptor): Promise<void> {
  const key = `${context.host.registry}/${context.repository}@${subject}`;
  const before = updates.get(key) ?? Promise.resolve();
  const update = before.then(() => addToFallback(context, subject, key, referrer));
  const settled = update.catch(() => undefined); // the next in line does not care how this one ended
  updates.set(key, settled);
  try {
    await update;
  } finally {
    if (updates.get(key) === settled) updates.delete(key);
  }
}

/** `sha256-<hex>` */
function fallbackTag(subject: Digest): string {
  return `sha256-${hexOf(subject)}`;
}

async function addToFallback(
  context: ManifestContext,
  subject: Digest,
  key: string,
  referrer: Descriptor,
): Promise<void> {
  const held = await readFallback(context, subject);
  if (held !== undefined && !isIndex(held.manifest)) throw occupied(context, subject);
  const manifests = held === undefined ? [] : (held.manifest as Index).manifests;
  const remembered = written.get(context.host) ?? new Map<string, readonly Descriptor[]>();
  written.set(context.host, remembered);
  const ours = [...(remembered.get(key) ?? []), referrer];
  const lacking = ours.filter((own) => !manifests.some(({ digest }) => digest === own.digest));
  if (lacking.length === 0) return;
  // Ours to write, so it is written anew; fields of an index someone else made are kept.
  const kept = held === undefined ? {} : (parseJson(held.bytes, { maxBytes: MAX_MANIFEST_BYTES }) as { manifests?: unknown });
  const before = Array.isArray(kept.manifests) ? (kept.manifests as unknown[]) : [];
  const index = { schemaVersion: 2, mediaType: MediaType.index, ...kept, manifests: [...before, ...lacking] };
  const bytes = Buffer.from(JSON.stringify(index));
  const descriptor = { mediaType: MediaType.index, digest: sha256(bytes), size: bytes.length };
  context.host.decided(`${nameOf(context)}:${fallbackTag(subject)} lists ${lacking.length} more, since the registry keeps no list`);
  await putManifest(context, fallbackTag(subject), descriptor, bytes);
  remembered.set(key, ours);
}

/** What the fallback tag lists; without a valid index under it there is nothing that refers to the subject. */
async function listFallback(context: ManifestContext, subject: Digest): Promise<readonly Descriptor[]> {
  try {
    const held = await readFallback(context, subject);
    return held !== undefined && isIndex(held.manifest) ? held.manifest.manifests : [];
  } catch (error) {
    if (error instanceof IntegrityError && error.code === 'MALFORMED') return [];
    throw error;
  }
}

/** What is under the fallback tag. GitLab answers it with the subject itself, which means that there is no such tag. */
async function readFallback(context: ManifestContext, subject: Digest): Promise<FetchedManifest | undefined> {
  try {
    const fetched = await getManifest(context, fallbackTag(subject));
    return fetched.descriptor.digest === subject ? undefined : fetched;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

function nameOf({ host, repository }: ManifestContext): string {
  return `${host.registry}/${repository}`;
}

function occupied(context: ManifestContext, subject: Digest): StoreError {
  const what = `${nameOf(context)}:${fallbackTag(subject)}`;
  return new StoreError('UNSUPPORTED', `${what} should list referrers but is an image`, {
    hint: 'delete that tag, which is reserved for lists of referrers',
  });
}

interface Page {
  readonly referrers: readonly Descriptor[];
  readonly next: Place | undefined;
}

/** undefined: the registry has no referrers API, or something else answers in its place. */
async function readPage(answer: Answer, host: RegistryHost): Promise<Page | undefined> {
  const { status } = answer;
  const isElsewhere = status >= 300 && status < 400;
  if (status !== 200 && !isElsewhere && !UNKNOWN_ROUTE.includes(status)) throw await refusal(answer);
  const type = answer.headers['content-type']?.split(';')[0]?.trim();
  if (status !== 200 || type !== MediaType.index) {
    // The specification's own errors are JSON: such a 404 may be about the repository.
    if (status === 404 && type !== 'application/json') {
      host.lacksReferrers = true;
      host.decided(`${host.registry} has no referrers API: fallback tags (sha256-…) are read and written instead`);
    }
    await answer.discard();
    return undefined;
  }
  const index = parseManifest(await readJson(answer, MAX_MANIFEST_BYTES), MediaType.index, answer.asked.url.pathname);
  return isIndex(index) ? { referrers: index.manifests, next: nextPage(answer) } : undefined;
}

function unique(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values()];
}
