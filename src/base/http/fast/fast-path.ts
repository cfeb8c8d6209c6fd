/**
 * The fast path of large transfers: own HTTP/1.1 connections that read into, and write from, memory that is used again
 * (measured at a third to a quarter of a general client's CPU time). What is unusual is left to the general path.
 */
import type { Bytes } from '../../bytes.ts';
import type { Answer, Content, HttpRequest } from '../answer.ts';
import { Exchange, type Wire } from '../http-exchange.ts';
import { protocolFailure } from '../network-failure.ts';
import { DownloadConnection, type Download } from './download.ts';
import { formatHead } from './http-head.ts';
import { IdleConnections } from './idle-connections.ts';
import type { SocketOptions } from './socket.ts';
import { UploadConnection } from './fast-upload.ts';

/** A connection that was idle longer may have been closed by the server without our noticing. */
const MAX_DOWNLOAD_IDLE_MS = 8_000;
/** A request with content cannot be sent twice, so only connections that surely live are used again. */
const MAX_UPLOAD_IDLE_MS = 2_000;

/** Fast connections of one client. Both ways return undefined when the general path is to be taken instead. */
export class FastPath {
  readonly #wire: Wire;
  readonly #downloads = new IdleConnections<DownloadConnection>(MAX_DOWNLOAD_IDLE_MS);
  readonly #uploads = new IdleConnections<UploadConnection>(MAX_UPLOAD_IDLE_MS);

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /**
   * Sends a GET; `onUnfit` is told of an answer that this path does not take.
   * @throws HttpError with status 0 when no answer arrived.
   */
  async download(request: HttpRequest, onUnfit: () => void): Promise<Answer | undefined> {
    const { place, signal } = request;
    const exchange = new Exchange(this.#wire, request);
    const text = formatHead('GET', place.target, { host: place.url.host, accept: '*/*', ...exchange.headers });
    if (text === undefined) return undefined;
    try {
      const { connection, download } = await this.#get(place.url, text, signal);
      if (download === undefined) {
        onUnfit();
        exchange.end();
        return undefined;
      }
      const { status, headers } = download.head;
      exchange.answered(status);
      const end = (): void => {
        exchange.end();
        this.#downloads.keep(connection, place.url);
      };
      return {
        asked: exchange.asked,
        place,
        status,
        headers,
        body: exchange.counted(download.chunks, end),
        discard: async () => {
          await download.discard();
          end();
        },
      };
    } catch (error) {
      throw exchange.failed(error);
    }
  }

  /**
   * Sends content and reads the short answer whole; an answer that comes early ends the sending.
   * @throws HttpError with status 0 when the connection fails.
   */
  async upload(request: HttpRequest, content: Content, onUnfit: () => void): Promise<Answer | undefined> {
    const { method, place, signal } = request;
    const exchange = new Exchange(this.#wire, request);
    const headers = { host: place.url.host, ...exchange.headers, 'content-length': String(content.length) };
    const text = formatHead(method, place.target, headers);
    if (text === undefined) return undefined;
    let connection: UploadConnection | undefined;
    try {
      connection = this.#uploads.take(place.url) ?? (await UploadConnection.open(this.#socket(place.url, signal)));
      const onSent = (bytes: number): unknown => (exchange.bytesOut += bytes);
      const { head, body, isEarly } = await connection.send({ head: text, content: content.chunks, onSent, signal });
      exchange.answered(head.status);
      if (isEarly && head.status < 300)
        throw protocolFailure(exchange.asked, head.status, 'accepted the content before its end', true);
      return {
        asked: exchange.asked,
        place,
        status: head.status,
        headers: head.headers,
        body: exchange.counted(once(body), () => exchange.end()),
        discard: async () => exchange.end(),
      };
    } catch (error) {
      if (connection?.isUnfit === true) onUnfit();
      throw exchange.failed(error);
    } finally {
      if (connection !== undefined) this.#uploads.keep(connection, place.url);
    }
  }

  close(): void {
    this.#downloads.close();
    this.#uploads.close();
  }

  /** An idle connection may be dead without our knowing: then the request is sent again on a new one. */
  async #get(
    url: URL,
    head: string,
    signal: AbortSignal | undefined,
  ): Promise<{ connection: DownloadConnection; download: Download | undefined }> {
    const idle = this.#downloads.take(url);
    if (idle !== undefined) {
      try {
        return { connection: idle, download: await idle.get(head, signal) };
      } catch {
        signal?.throwIfAborted();
      }
    }
    const connection = await DownloadConnection.open(this.#socket(url, signal));
    return { connection, download: await connection.get(head, signal) };
  }

  #socket(url: URL, signal: AbortSignal | undefined): SocketOptions {
    return { url, tls: this.#wire.origins.tlsOf(url), signal };
  }
}

async function* once(bytes: Uint8Array): Bytes {
  if (bytes.length > 0) yield bytes;
}
