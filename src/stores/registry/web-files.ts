/** Files of web servers, such as chart repositories: fetched as registries are, with the same accounts, pace and retries. */
import { gunzipSync } from 'node:zlib';
import { encodingOf, type Answer } from '../../base/http/answer.ts';
import { protocolFailure, redactUrl, type Peer } from '../../base/http/network-failure.ts';
import { NotFoundError, RegistryError, UsageError } from '../../errors.ts';
import type { RegistryHost } from './host.ts';
import { createRegistryHost, type RegistryHostOptions } from './registry-hosts.ts';
import { refusal } from './registry-refusal.ts';

const SERVER: Peer = {
  name: 'the chart repository',
  specification: 'HTTP',
  failure: (message, failure, options) => new RegistryError(message, { errors: [], ...failure }, options),
};

/** Where a file is. */
export interface WebFile {
  /** `host[:port]` */
  readonly host: string;
  /** Begins with a slash; escaped as in URLs. */
  readonly path: string;
  /** HTTP or HTTPS. @defaultValue HTTPS, and whichever answers on loopback */
  readonly plainHttp?: boolean | undefined;
}

/** Options of {@link WebFiles.read}. */
export interface WebReadOptions {
  /** What is fetched, for messages. */
  readonly what: string;
  /** Bytes, unpacked. */
  readonly limit: number;
  /** Takes what is compressed on the way. @defaultValue false: the bytes are as they lie on the server */
  readonly takesGzip?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads files; keeps a client for each host, to be closed together. */
export class WebFiles implements AsyncDisposable {
  readonly #optionsOf: (host: string) => RegistryHostOptions;
  readonly #hosts = new Map<string, RegistryHost>();

  constructor(optionsOf: (host: string) => RegistryHostOptions) {
    this.#optionsOf = optionsOf;
  }

  /**
   * The whole file. A user name and password that are known for the host, or for a path above the file, go with the first
   * request, since such servers may answer "not found" to strangers.
   * @throws NotFoundError `NOT_FOUND`
   * @throws UsageError `INVALID_SPEC` when it is over the limit.
   * @throws AuthError, RegistryError as for registries.
   */
  async read({ host, path, plainHttp }: WebFile, options: WebReadOptions): Promise<Buffer> {
    const { what, limit, takesGzip = false, signal } = options;
    const server = this.#hostOf(host, plainHttp);
    const directory = decodeURIComponent(path.slice(1, Math.max(1, path.lastIndexOf('/'))));
    const request = {
      method: 'GET',
      kind: 'file',
      to: path,
      scopes: [{ repository: directory, actions: [] }],
      headers: takesGzip ? { 'accept-encoding': 'gzip' } : {},
      signal,
    } as const;
    return server.call(request, async (answer) => {
      const { status, asked } = answer;
      if (status === 404 || status === 410) {
        await answer.discard();
        throw new NotFoundError('NOT_FOUND', `${what}: GET ${redactUrl(asked.url)} answered ${status}`);
      }
      if (status !== 200) throw await refusal(answer);
      if (Number(answer.headers['content-length'] ?? 0) > limit) {
        await answer.discard();
        throw tooLarge(what, limit);
      }
      const bytes = await readWithin(answer, what, limit);
      return takesGzip && encodingOf(answer) === 'gzip' ? unpack(answer, bytes, limit) : bytes;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => host.close()));
  }

  #hostOf(host: string, plainHttp: boolean | undefined): RegistryHost {
    const key = `${plainHttp ?? ''} ${host}`;
    let server = this.#hosts.get(key);
    if (server === undefined) {
      const options = this.#optionsOf(host);
      server = createRegistryHost(host, {
        ...options,
        peer: SERVER,
        sendsAccount: true,
        plainHttp: plainHttp ?? options.plainHttp,
      });
      this.#hosts.set(key, server);
    }
    return server;
  }
}

async function readWithin(answer: Answer, what: string, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer.body) {
    length += chunk.length;
    if (length > limit) throw tooLarge(what, limit);
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks, length);
}

function unpack({ asked, status }: Answer, bytes: Buffer, limit: number): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: limit });
  } catch {
    throw protocolFailure(asked, status, `sent what is not gzip, or more than ${limit} bytes when unpacked`);
  }
}

function tooLarge(what: string, limit: number): UsageError {
  return new UsageError('INVALID_SPEC', `${what}: is larger than the ${limit} bytes that are read`);
}
