/** Reads and writes the manifests of one repository: by digest they are verified, by tag their digest is computed. */
import { retrying } from '../../../base/retry.ts';
import { AuthError, IntegrityError, NotFoundError, RegistryError } from '../../../errors.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import { isDigest, sha256 } from '../../../oci/digest.ts';
import { MAX_MANIFEST_BYTES, parseManifest, type Index, type Manifest } from '../../../oci/manifest.ts';
import { isManifestType, MediaType } from '../../../oci/media-types.ts';
import { isRetryableStatus, protocolFailure } from '../../../base/http/network-failure.ts';
import type { RegistryHost } from '../host.ts';
import type { RepositoryScope } from '../auth/scope.ts';
import { readJson, type Answer } from '../../../base/http/answer.ts';
import { refusal } from '../registry-refusal.ts';

/** Schema 1 is named only to be recognised and refused with advice. */
const ACCEPT = [
  MediaType.index,
  MediaType.dockerIndex,
  MediaType.manifest,
  MediaType.dockerManifest,
  MediaType.dockerSchema1Signed,
  MediaType.dockerSchema1,
].join(', ');

/** Where manifests are. */
export interface ManifestContext {
  readonly host: RegistryHost;
  readonly repository: string;
  readonly scopes: readonly RepositoryScope[];
  readonly signal?: AbortSignal | undefined;
}

/** A manifest with the bytes its digest is of. */
export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly manifest: Manifest | Index;
}

/**
 * What a HEAD says about a manifest; undefined when it does not say enough (no digest, no type, an error without a
 * body) and a GET must be asked. "Not found" is enough: it is what every push to a new place hears.
 * @throws NotFoundError `NOT_FOUND`
 */
export async function headManifest(context: ManifestContext, tagOrDigest: string): Promise<Descriptor | undefined> {
  const head = request(context, 'HEAD', tagOrDigest, async (answer) => {
    await answer.discard();
    if (isRetryableStatus(answer.status)) throw await refusal(answer);
    if (answer.status === 404) throw notFound(nameOf(context, tagOrDigest));
    if (answer.status !== 200) return undefined;
    const digest = answer.headers['docker-content-digest'];
    const mediaType = mediaTypeOf(answer);
    const length = answer.headers['content-length'];
    if (!isDigest(digest) || mediaType === undefined || length === undefined || !/^\d{1,15}$/.test(length)) return;
    return { mediaType, digest, size: Number(length) };
  });
  try {
    return await head;
  } catch (error) {
    if (error instanceof AuthError) return undefined; // a GET says why, and some registries refuse only HEAD
    throw error;
  }
}

/**
 * The manifest behind a tag or a digest, its digest computed from the bytes.
 * @throws NotFoundError `NOT_FOUND`
 * @throws IntegrityError when the bytes have another digest than the one asked for, or are not a manifest.
 */
export async function getManifest(context: ManifestContext, tagOrDigest: string): Promise<FetchedManifest> {
  const { bytes, type, announced } = await getBytes(context, tagOrDigest);
  const what = nameOf(context, tagOrDigest);
  const digest = sha256(bytes);
  if (isDigest(tagOrDigest) && digest !== tagOrDigest) throw wrongDigest(what, tagOrDigest, digest);
  const manifest = parseManifest(bytes, type, what);
  // Many registries announce a wrong digest for a tag; the bytes must then at least be found under their own.
  if (!isDigest(tagOrDigest) && isDigest(announced) && announced !== digest) {
    const again = await getBytes(context, digest).catch((error: unknown) => {
      if (error instanceof NotFoundError) throw wrongDigest(what, announced, digest);
      throw error;
    });
    if (sha256(again.bytes) !== digest) throw wrongDigest(what, announced, digest);
  }
  return { descriptor: { mediaType: manifest.mediaType, digest, size: bytes.length }, bytes, manifest };
}

/** Bytes under `/manifests/`, as they came. @throws NotFoundError `NOT_FOUND` */
export async function getBytes(
  context: ManifestContext,
  tagOrDigest: string,
): Promise<{ bytes: Buffer; type: string | undefined; announced: string | undefined }> {
  return request(context, 'GET', tagOrDigest, async (answer) => {
    if (answer.status === 404) throw notFound(nameOf(context, tagOrDigest), await refusal(answer));
    if (answer.status !== 200) throw await refusal(answer);
    const bytes = await readJson(answer, MAX_MANIFEST_BYTES);
    return { bytes, type: mediaTypeOf(answer), announced: answer.headers['docker-content-digest'] };
  });
}

/**
 * Stores the bytes of a manifest verbatim under a tag or its digest.
 * @returns the subject the registry says it has linked this manifest to.
 * @throws RegistryError with the registry's own codes, such as `MANIFEST_BLOB_UNKNOWN`.
 */
export async function putManifest(
  context: ManifestContext,
  tagOrDigest: string,
  expected: Descriptor,
  bytes: Uint8Array,
): Promise<{ readonly linkedSubject: string | undefined }> {
  const stored = await context.host.call(
    {
      method: 'PUT',
      kind: 'manifest',
      to: `/v2/${context.repository}/manifests/${tagOrDigest}`,
      scopes: context.scopes,
      headers: { 'content-type': expected.mediaType },
      body: bytes,
      signal: context.signal,
    },
    async (answer) => {
      if (![200, 201, 202, 204].includes(answer.status)) throw await refusal(answer);
      await answer.discard();
      return { digest: answer.headers['docker-content-digest'], linkedSubject: answer.headers['oci-subject'], answer };
    },
  );
  if (stored.digest?.startsWith('sha256:') !== true) await checkKept(context, tagOrDigest, expected, stored.answer);
  else if (stored.digest !== expected.digest) {
    throw wrongDigest(nameOf(context, tagOrDigest), expected.digest, stored.digest.slice(0, 100));
  }
  return { linkedSubject: stored.linkedSubject };
}

/** The error for content that is not there. */
export function notFound(what: string, cause?: unknown): NotFoundError {
  const said = cause instanceof RegistryError ? cause.failure.errors.map(({ code }) => code).join(', ') : '';
  return new NotFoundError('NOT_FOUND', `${what} does not exist${said === '' ? '' : ` (${said})`}`, {
    cause,
    hint: 'check the name and the tag; some registries also say this when an account may not read',
  });
}

/** The error for bytes of another digest. */
export function wrongDigest(what: string, expected: string, actual: string): IntegrityError {
  return new IntegrityError('DIGEST_MISMATCH', `${what} has digest ${actual}, not ${expected}`, {
    hint: 'the registry or a proxy in front of it changes content',
    details: { digest: expected, actual },
  });
}

/** Reads what was just written: some registries take a moment until they see it. @throws NotFoundError when it stays away. */
export function afterWrite<T>({ host, signal }: ManifestContext, read: () => Promise<T>): Promise<T> {
  return retrying(read, { policy: host.retry, signal, isRetryable: (error) => error instanceof NotFoundError });
}

async function checkKept(
  context: ManifestContext,
  tagOrDigest: string,
  expected: Descriptor,
  answer: Answer,
): Promise<void> {
  const kept = await afterWrite(
    context,
    async () => (await headManifest(context, tagOrDigest)) ?? (await getManifest(context, tagOrDigest)).descriptor,
  );
  if (kept.digest === expected.digest) return;
  throw protocolFailure(answer.asked, answer.status, `took ${expected.digest} but serves ${kept.digest}`);
}

function request<T>(
  { host, repository, scopes, signal }: ManifestContext,
  method: 'GET' | 'HEAD',
  tagOrDigest: string,
  read: (answer: Answer) => Promise<T>,
): Promise<T> {
  const to = `/v2/${repository}/manifests/${tagOrDigest}`;
  return host.call({ method, kind: 'manifest', to, scopes, headers: { accept: ACCEPT }, signal }, read);
}

function nameOf({ host, repository }: ManifestContext, tagOrDigest: string): string {
  return `${host.registry}/${repository}${isDigest(tagOrDigest) ? '@' : ':'}${tagOrDigest}`;
}

/** The type without parameters, where it is one of a manifest: generic types say nothing. */
function mediaTypeOf({ headers }: Answer): string | undefined {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';
  return isManifestType(type) ? type : undefined;
}
