/** Manifests and indexes: taken only when everything they name is there, served exactly as they came. */
import { readFile } from 'node:fs/promises';
import { AirgapError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, registeredDigestOf, type RegisteredDigest } from '../oci/digest.ts';
import { isIndex, MAX_MANIFEST_BYTES, parseRegisteredManifest, type Index, type Manifest } from '../oci/manifest.ts';
import { isForeignLayerType, isManifestType } from '../oci/media-types.ts';
import type { Exchange } from './request-exchange.ts';
import { Ingest } from './directory/ingest.ts';
import { Refusal } from './client-refusal.ts';
import { Repository } from './directory/repository-links.ts';
import { isTag, type ManifestReference } from './route.ts';
import { unlessMissing, type Storage } from './directory/storage.ts';

/** Tags that one manifest may be given in one request. */
const MAX_TAGS = 100;

/**
 * Answers GET and HEAD of a manifest with its stored media type, whatever the client says it accepts.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
 * @throws Refusal `MANIFEST_UNKNOWN`, `NAME_UNKNOWN`
 */
export async function sendManifest(
  storage: Storage,
  name: string,
  reference: ManifestReference,
  exchange: Exchange,
): Promise<void> {
  const repository = new Repository(storage, name);
  const digest = reference.digest ?? (await repository.resolveTag(reference.tag));
  const mediaType = digest === undefined ? undefined : await repository.manifestType(digest);
  if (digest === undefined || mediaType === undefined) throw await missingManifest(repository, reference);
  const etag = `"${digest}"`;
  const headers = { 'Content-Type': mediaType, 'Docker-Content-Digest': digest, ETag: etag };
  if (exchange.isFresh(etag)) return exchange.send(304, headers);
  const bytes = await unlessMissing(() => readFile(storage.contentPath(digest)));
  if (bytes === undefined) throw await missingManifest(repository, reference);
  exchange.send(200, headers, bytes);
}

/**
 * Answers PUT of a manifest.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
 * @throws Refusal `MANIFEST_INVALID`, `DIGEST_INVALID`, `MANIFEST_BLOB_UNKNOWN`
 */
export async function storeManifest(
  storage: Storage,
  name: string,
  reference: ManifestReference,
  acceptSparseIndexes: boolean,
  exchange: Exchange,
): Promise<void> {
  const declaredType = declaredTypeOf(exchange);
  const tags = reference.tag === undefined ? requestedTags(exchange) : [reference.tag];
  const bytes = await exchange.readBody(MAX_MANIFEST_BYTES);
  // Under a tag the digest is the registry's to choose: the one that every client can check.
  const digest = registeredDigestOf(bytes, reference.digest === undefined ? 'sha256' : algorithmOf(reference.digest));
  if (reference.digest !== undefined && reference.digest !== digest) {
    throw new Refusal('DIGEST_INVALID', 'the manifest does not match the digest', {
      detail: { expected: reference.digest, actual: digest },
    });
  }
  const manifest = parse(bytes, declaredType, digest);
  const repository = new Repository(storage, name);
  await requireReferenced(repository, manifest, acceptSparseIndexes);
  const ingest = new Ingest(storage, algorithmOf(digest));
  try {
    await ingest.append(once(bytes));
    await ingest.commit(digest);
  } finally {
    await ingest.discard();
  }
  if (manifest.subject !== undefined) {
    await repository.addReferrer(manifest.subject.digest, toReferrer(manifest, digest, bytes.length));
  }
  await repository.linkManifest(digest, manifest.mediaType);
  for (const tag of tags) await repository.setTag(tag, digest);
  exchange.send(201, {
    Location: `/v2/${name}/manifests/${digest}`,
    'Docker-Content-Digest': digest,
    ...(manifest.subject === undefined ? {} : { 'OCI-Subject': manifest.subject.digest }),
    ...(reference.tag !== undefined || tags.length === 0 ? {} : { 'OCI-Tag': tags.join(', ') }),
  });
}

/**
 * Answers DELETE of a manifest, which takes its tags along, or of a tag alone.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#deleting-manifests
 * @throws Refusal `MANIFEST_UNKNOWN`, `NAME_UNKNOWN`
 */
export async function deleteManifest(
  storage: Storage,
  name: string,
  reference: ManifestReference,
  exchange: Exchange,
): Promise<void> {
  const repository = new Repository(storage, name);
  const isRemoved =
    reference.digest === undefined
      ? await repository.removeTag(reference.tag)
      : await repository.unlinkManifest(reference.digest);
  if (!isRemoved) throw await missingManifest(repository, reference);
  exchange.send(202, {});
}

/** Tags that a manifest pushed by digest is to have: `?tag=1&tag=1.2`. All are checked before the first is set. */
function requestedTags(exchange: Exchange): readonly string[] {
  const tags = exchange.query.getAll('tag');
  if (tags.length > MAX_TAGS) {
    throw new Refusal('MANIFEST_INVALID', `more than ${MAX_TAGS} tags in one request`, { status: 414 });
  }
  const fault = tags.find((tag) => !isTag(tag));
  if (fault === undefined) return tags;
  throw new Refusal('MANIFEST_INVALID', 'not a tag: at most 128 letters, digits, ".", "_" and "-"', {
    detail: { tag: fault.slice(0, 200) },
  });
}

/** The `Content-Type` without its parameters, which the specification says to ignore. */
function declaredTypeOf(exchange: Exchange): string | undefined {
  const type = exchange.request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type === undefined || isManifestType(type)) return type;
  throw new Refusal('MANIFEST_INVALID', `Content-Type ${JSON.stringify(type.slice(0, 100))} is not a manifest type`);
}

function parse(
  bytes: Buffer,
  declaredType: string | undefined,
  digest: RegisteredDigest,
): Manifest<RegisteredDigest> | Index<RegisteredDigest> {
  try {
    return parseRegisteredManifest(bytes, declaredType, digest);
  } catch (error) {
    if (error instanceof AirgapError) throw new Refusal('MANIFEST_INVALID', error.message, { cause: error });
    throw error;
  }
}

/** A subject may be missing, and so may layers that are only pointed at by URL. */
async function requireReferenced(
  repository: Repository,
  manifest: Manifest<RegisteredDigest> | Index<RegisteredDigest>,
  acceptSparseIndexes: boolean,
): Promise<void> {
  const missing = (digest: RegisteredDigest, what: string): Refusal =>
    new Refusal('MANIFEST_BLOB_UNKNOWN', `${what} unknown to the repository`, { detail: { digest } });
  if (isIndex(manifest)) {
    if (acceptSparseIndexes) return;
    for (const { digest } of manifest.manifests) {
      if ((await repository.manifestType(digest)) === undefined) throw missing(digest, 'manifest');
    }
    return;
  }
  for (const { digest, mediaType, urls } of [manifest.config, ...manifest.layers]) {
    if (isForeignLayerType(mediaType) && urls !== undefined && urls.length > 0) continue;
    if (!(await repository.hasBlob(digest))) throw missing(digest, 'blob');
  }
}

/** What the referrers list says about a manifest. */
function toReferrer(
  manifest: Manifest<RegisteredDigest> | Index<RegisteredDigest>,
  digest: RegisteredDigest,
  size: number,
): Descriptor<RegisteredDigest> {
  const artifactType = manifest.artifactType ?? (isIndex(manifest) ? undefined : manifest.config.mediaType);
  const { mediaType, annotations } = manifest;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined || artifactType === '' ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield bytes;
}

async function missingManifest(repository: Repository, reference: ManifestReference): Promise<Refusal> {
  return (await repository.exists())
    ? new Refusal('MANIFEST_UNKNOWN', 'manifest unknown to the repository', { detail: reference })
    : new Refusal('NAME_UNKNOWN', 'repository name not known to the registry');
}
