/** Uploads one blob: a session, then all of it in one PUT; for registries that will not have that, in pieces. */
import type { AdaptiveSlots } from '../../../base/slots/adaptive-slots.ts';
import { isRetryable, retrying } from '../../../base/retry.ts';
import type { Bytes } from '../../../base/bytes.ts';
import { bytesOf, collect, exactly } from '../../../content/verified.ts';
import { AuthError, IntegrityError, RegistryError } from '../../../errors.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import { ConsecutiveParts } from './consecutive-parts.ts';
import { protocolFailure } from '../../../base/http/network-failure.ts';
import type { RegistryHost } from '../host.ts';
import { resolveLocation, withQuery, type Place } from '../../../base/http/location.ts';
import type { RepositoryScope } from '../auth/scope.ts';
import { answerFailure, refusal, REGISTRY } from '../registry-refusal.ts';
import { sendContent, type Reply } from './upload-exchange.ts';

/** Blobs up to this size are kept in memory while they are sent, so that they can be sent again. */
const MAX_REPLAYED_BYTES = 1024 * 1024;
/** Piece sizes after a refusal for size, each smaller than the one before; the last is nginx's own limit. */
const PIECE_SIZES = [Number.POSITIVE_INFINITY, 16 * 1024 * 1024, 4 * 1024 * 1024, 1024 * 1024] as const;
/** A registry that demands larger pieces than this is refused. */
const MAX_DEMANDED_PIECE_BYTES = 1024 * 1024 * 1024;
/** Refusals of the way, not of the content. */
const REFUSES_ONE_PUT = new Set([404, 405, 411, 413, 416]);

/** Where and what to upload. */
export interface UploadContext {
  readonly host: RegistryHost;
  readonly repository: string;
  readonly signal?: AbortSignal | undefined;
}

/** A session to upload into. */
interface Session {
  readonly place: Place;
  /** The registry's lower bound of a piece, in bytes. */
  readonly minPieceBytes: number;
}

/**
 * Stores the blob, or nothing. Content up to 1 MiB is sent again by itself when that may help; larger content is a
 * stream that was consumed, so its failures say (`retryable`) whether to push again with a new one.
 * @throws RegistryError, AuthError; IntegrityError when the content has another size or the registry another digest.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
 */
export async function uploadBlob(
  context: UploadContext,
  expected: Descriptor,
  content: Bytes,
  session?: Place,
): Promise<void> {
  const where = `${context.host.registry}/${context.repository}`;
  const sized = exactly(content, expected, where);
  if (expected.size > MAX_REPLAYED_BYTES) {
    return uploadOnce(context, expected, sized, session);
  }
  const bytes = await collect(sized);
  await retrying((attempt) => uploadOnce(context, expected, bytesOf(bytes), attempt === 1 ? session : undefined), {
    policy: context.host.retry,
    signal: context.signal,
  });
}

/** What a push into a repository needs to be allowed. */
export function pushScopes(repository: string): readonly RepositoryScope[] {
  return [{ repository, actions: ['pull', 'push'] }];
}

/** Reads an upload session out of the answer that opened it. */
export function sessionPlace(answer: Omit<Reply, 'body'>): Place | undefined {
  const location = answer.headers['location'];
  return location === undefined || location === '' ? undefined : resolveLocation(answer, location, 'an upload');
}

async function uploadOnce(context: UploadContext, expected: Descriptor, content: Bytes, open?: Place): Promise<void> {
  const { host, signal } = context;
  const release = await host.writes.acquire(signal);
  try {
    const session = open === undefined ? await startSession(context) : { place: open, minPieceBytes: 0 };
    const step = host.uploadStep;
    const counted = countedIn(host.writes, content);
    const reply =
      step < 0
        ? await putWhole(context, expected, counted, session.place)
        : await putPieces(context, expected, counted, session, PIECE_SIZES[step] ?? 0);
    checkStored(expected, reply);
  } catch (error) {
    if (isRetryable(error)) host.congested();
    throw error;
  } finally {
    release();
    await content[Symbol.asyncIterator]().return?.();
  }
}

async function* countedIn(slots: AdaptiveSlots, content: Bytes): Bytes {
  for await (const chunk of content) {
    yield chunk;
    slots.moved(chunk.length);
  }
}

async function startSession({ host, repository, signal }: UploadContext): Promise<Session> {
  return host.call(
    { method: 'POST', kind: 'upload', to: `/v2/${repository}/blobs/uploads/`, scopes: pushScopes(repository), signal },
    async (answer) => {
      if (answer.status !== 202) throw await refusal(answer);
      await answer.discard();
      const place = sessionPlace(answer);
      if (place === undefined)
        throw protocolFailure(answer.asked, answer.status, 'opened an upload without a Location');
      const minPieceBytes = Number(answer.headers['oci-chunk-min-length'] ?? 0);
      return { place, minPieceBytes: Number.isSafeInteger(minPieceBytes) ? minPieceBytes : 0 };
    },
  );
}

async function putWhole(context: UploadContext, expected: Descriptor, content: Bytes, place: Place): Promise<Reply> {
  const { host, repository, signal } = context;
  const reply = await sendContent(host, {
    method: 'PUT',
    place: withQuery(place, `digest=${encodeURIComponent(expected.digest)}`),
    scopes: pushScopes(repository),
    headers: { 'content-type': 'application/octet-stream' },
    length: expected.size,
    content,
    signal,
  });
  if (isStored(reply)) return reply;
  if (REFUSES_ONE_PUT.has(reply.status) && !isLostSession(reply)) throw stepDown(context, reply);
  throw uploadFailure(context, reply);
}

async function putPieces(
  context: UploadContext,
  expected: Descriptor,
  content: Bytes,
  session: Session,
  pieceSize: number,
): Promise<Reply> {
  const { host, repository, signal } = context;
  const scopes = pushScopes(repository);
  if (session.minPieceBytes > MAX_DEMANDED_PIECE_BYTES) {
    throw protocolFailure(
      { peer: REGISTRY, method: 'PATCH', url: session.place.url },
      202,
      'it demands pieces of more than 1 GiB',
    );
  }
  const size = Math.max(pieceSize, session.minPieceBytes);
  const parts = new ConsecutiveParts(content);
  let { place } = session;
  try {
    for (let at = 0; at < expected.size;) {
      const length = Math.min(size, expected.size - at);
      const last = at + length - 1;
      const isWhole = length === expected.size;
      const reply = await sendContent(host, {
        method: 'PATCH',
        place,
        scopes,
        headers: {
          'content-type': 'application/octet-stream',
          ...(isWhole ? {} : { 'content-range': `${at}-${last}` }),
        },
        length,
        content: parts.take(length),
        signal,
      });
      if (reply.status === 413) throw stepDown(context, reply);
      if (![201, 202, 204].includes(reply.status)) throw uploadFailure(context, reply);
      place = sessionPlace(reply) ?? place;
      at = nextOffset(reply, at, last);
    }
  } finally {
    await parts.close();
  }
  const reply = await sendContent(host, {
    method: 'PUT',
    place: withQuery(place, `digest=${encodeURIComponent(expected.digest)}`),
    scopes,
    headers: {},
    length: 0,
    content: bytesOf(),
    signal,
  });
  if (isStored(reply)) return reply;
  throw uploadFailure(context, reply);
}

/** Some registries take a piece, say so, and drop it: what they hold must have grown by it. */
function nextOffset(reply: Reply, at: number, last: number): number {
  const range = /^(?:bytes=)?0-(\d+)$/.exec(reply.headers['range']?.trim() ?? '');
  if (range !== null && Number(range[1]) !== last) {
    throw protocolFailure(reply.asked, reply.status, `sent bytes ${at}-${last}, but it holds 0-${range[1]}`);
  }
  return last + 1;
}

function isStored({ status }: Reply): boolean {
  return status === 201 || status === 204 || status === 200;
}

/** The registry answers with its own digest; of another algorithm it cannot be compared. */
function checkStored(expected: Descriptor, reply: Reply): void {
  const stored = reply.headers['docker-content-digest'];
  if (stored === undefined || !stored.startsWith('sha256:') || stored === expected.digest) return;
  throw new IntegrityError(
    'DIGEST_MISMATCH',
    `${reply.asked.url.host} stored ${stored} instead of ${expected.digest}`,
    {
      hint: 'the registry or a proxy in front of it changes content',
      details: { digest: expected.digest, actual: stored.slice(0, 100) },
    },
  );
}

/** Remembers that this host wants smaller steps; the push is worth repeating while there is one left. */
function stepDown({ host }: UploadContext, reply: Reply): Error {
  const step = host.uploadStep + (reply.status === 413 && host.uploadStep < 0 ? 2 : 1);
  const isLast = step >= PIECE_SIZES.length;
  if (!isLast && step > host.uploadStep) {
    host.uploadStep = step;
    const bytes = PIECE_SIZES[step] ?? 0;
    const pieces = Number.isFinite(bytes) ? `in pieces of ${bytes} bytes` : 'by PATCH and PUT';
    host.decided(`${host.registry} refused an upload with ${reply.status}: uploads go ${pieces} from now on`);
  }
  const error = answerFailure(reply.asked, reply.status, reply.headers, reply.body);
  if (isLast || !(error instanceof RegistryError)) return error;
  return new RegistryError(error.message, { ...error.failure, retryable: true }, { hint: error.hint, cause: error });
}

function isLostSession({ status, body }: Reply): boolean {
  return status === 404 && /BLOB_UPLOAD_(?:UNKNOWN|INVALID)/.test(Buffer.from(body).toString('latin1'));
}

/** A lost session or an expired token passes with a new push; a token that was just made does not. */
function uploadFailure({ host, repository }: UploadContext, reply: Reply): Error {
  const error = answerFailure(reply.asked, reply.status, reply.headers, reply.body);
  const expired = error instanceof AuthError && reply.status === 401;
  if (expired) host.forgetToken(pushScopes(repository));
  if (!expired && !isLostSession(reply)) return error;
  return new RegistryError(
    error.message,
    { method: reply.asked.method, url: reply.asked.url.origin, status: reply.status, errors: [], retryable: true },
    { hint: error.hint, cause: error },
  );
}
