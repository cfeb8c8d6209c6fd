/** Serving blobs: whole or by range, through two reused buffers, one being filled while the other is on its way out. */
import { open, type FileHandle } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { RegisteredDigest } from '../oci/digest.ts';
import type { Exchange } from './request-exchange.ts';
import { parseRange, type ByteRange } from './ranges.ts';
import { Refusal } from './client-refusal.ts';
import { Repository } from './directory/repository-links.ts';
import { unlessMissing, type Storage } from './directory/storage.ts';

/** Bytes of one read; larger ones gain nothing, smaller ones cost a trip to the thread pool each. */
const READ_BYTES = 256 * 1024;

/**
 * Answers GET and HEAD of a blob.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs
 * @throws Refusal `BLOB_UNKNOWN`, `NAME_UNKNOWN`, `RANGE_INVALID`
 */
export async function sendBlob(
  storage: Storage,
  name: string,
  digest: RegisteredDigest,
  exchange: Exchange,
): Promise<void> {
  const repository = new Repository(storage, name);
  if (!(await repository.hasBlob(digest))) throw await missingBlob(repository, digest);
  const file = await unlessMissing(() => open(storage.contentPath(digest), 'r'));
  if (file === undefined) throw await missingBlob(repository, digest);
  try {
    const { size } = await file.stat();
    await sendContent(file, size, digest, exchange);
  } finally {
    await file.close();
  }
}

/**
 * Answers DELETE of a blob.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#deleting-blobs
 * @throws Refusal `BLOB_UNKNOWN`, `NAME_UNKNOWN`
 */
export async function deleteBlob(
  storage: Storage,
  name: string,
  digest: RegisteredDigest,
  exchange: Exchange,
): Promise<void> {
  const repository = new Repository(storage, name);
  if (!(await repository.unlinkBlob(digest))) throw await missingBlob(repository, digest);
  exchange.send(202, {});
}

async function sendContent(
  file: FileHandle,
  size: number,
  digest: RegisteredDigest,
  exchange: Exchange,
): Promise<void> {
  const { request, response } = exchange;
  const etag = `"${digest}"`;
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Docker-Content-Digest': digest,
    'Accept-Ranges': 'bytes',
    ETag: etag,
  };
  if (exchange.isFresh(etag)) return exchange.send(304, headers);
  // A condition that names another entity asks for the whole of this one.
  const isSameEntity = (request.headers['if-range'] ?? etag) === etag;
  const asked = exchange.method === 'GET' && isSameEntity ? parseRange(request.headers.range, size) : undefined;
  if (asked === 'unsatisfiable') {
    throw new Refusal('RANGE_INVALID', 'the blob does not have this range', {
      headers: { 'Content-Range': `bytes */${size}` },
    });
  }
  const range = asked ?? { first: 0, last: size - 1 };
  const part = asked === undefined ? {} : { 'Content-Range': `bytes ${asked.first}-${asked.last}/${size}` };
  const length = range.last - range.first + 1;
  response.writeHead(asked === undefined ? 200 : 206, { ...headers, ...part, 'Content-Length': length });
  if (exchange.method === 'GET') await stream(file, range, exchange);
  response.end();
  request.resume();
}

async function stream(file: FileHandle, range: ByteRange, exchange: Exchange): Promise<void> {
  const bufferBytes = Math.min(READ_BYTES, range.last - range.first + 1);
  let [filling, leaving] = [Buffer.allocUnsafe(bufferBytes), Buffer.allocUnsafe(bufferBytes)];
  let sent: Promise<void> = Promise.resolve();
  for (let position = range.first; position <= range.last;) {
    const requested = Math.min(bufferBytes, range.last - position + 1);
    const [{ bytesRead }] = await Promise.all([file.read(filling, 0, requested, position), sent]);
    // Cutting the connection is the only way left to say that the file is shorter than it was.
    if (bytesRead === 0) throw new Error(`content ends at byte ${position}`);
    sent = write(exchange.response, filling.subarray(0, bytesRead));
    exchange.bytesOut += bytesRead;
    position += bytesRead;
    [filling, leaving] = [leaving, filling];
  }
  await sent;
}

/** Resolves when the bytes have left, so that their buffer may be used again. */
function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = response.socket;
    if (socket === null || socket.destroyed) return reject(new Error('the client went away'));
    const onClose = (): void => reject(new Error('the client went away'));
    socket.once('close', onClose);
    response.write(bytes, (error) => {
      socket.off('close', onClose);
      if (error) reject(error);
      else resolve();
    });
  });
}

async function missingBlob(repository: Repository, digest: RegisteredDigest): Promise<Refusal> {
  return (await repository.exists())
    ? new Refusal('BLOB_UNKNOWN', 'blob unknown to the repository', { detail: { digest } })
    : new Refusal('NAME_UNKNOWN', 'repository name not known to the registry');
}
