/**
 * The Kubernetes API, as far as a deployment needs it: JSON over the one HTTP client. Server-side apply with strict fields,
 * reads, deletion and logs; whatever is safe to ask again is asked again while the server is away for a moment.
 */
import { HttpClient } from '../../base/http/client.ts';
import {
  readBody,
  readJson,
  type Answer,
  type HttpRequest,
  type Method,
  type RequestEvent,
} from '../../base/http/answer.ts';
import { placeOf } from '../../base/http/location.ts';
import type { Environment } from '../../base/http/proxy.ts';
import { jsonFaultOf, parseJson } from '../../base/json/parse-json.ts';
import { protocolFailure } from '../../base/http/network-failure.ts';
import { retrying, type RetryPolicy } from '../../base/retry.ts';
import { AirgapError, ClusterError } from '../../errors.ts';
import type { ClusterAccess } from './access/cluster-access.ts';
import { areCurrent, readUserCredentials, type UserCredentials } from './access/user-credentials.ts';
import { ApiResources, type ApiResource } from './api-resources.ts';
import { execPath, EXEC_PROTOCOLS, readExec, type ExecRequest, type ExecResult } from './exec.ts';
import { webSocketAccept, webSocketHeaders, webSocketKey } from '../../base/web-socket.ts';
import { formatKey, isClusterObject, keyOf, listAt, type ClusterObject, type ObjectKey } from './cluster-object.ts';
import { apiServerPeer, refusal } from './status-refusal.ts';

/** What the cluster's records call this program. */
export const FIELD_MANAGER = 'airgap';
/** Bytes of one answer: a list of some thousand pods. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const MAX_LOG_BYTES = 256 * 1024;
/** An API server that is restarted is away for half a minute, on a busy machine for longer. */
const PATIENCE: RetryPolicy = { tries: 25, baseMs: 250, maxMs: 5_000 };
const APPLY_PATCH = 'application/apply-patch+yaml';

/** Options of {@link ClusterClient}. */
export interface ClusterClientOptions {
  /** Of the process: proxies, and what exec plugins are given. */
  readonly environment: Environment;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
  /** @defaultValue 25 tries within about a minute and a half */
  readonly retry?: RetryPolicy | undefined;
  /** Told of each request. */
  readonly onRequest?: ((event: RequestEvent) => void) | undefined;
  /** Milliseconds of the epoch. @defaultValue the clock of this machine */
  readonly nowMs?: (() => number) | undefined;
}

/** How {@link ClusterClient.apply} applies. */
export interface ApplyOptions {
  /** Only ask what would become of it. @defaultValue false */
  readonly isDryRun?: boolean | undefined;
  /** Take over fields that others have set. @defaultValue false */
  readonly force?: boolean | undefined;
}

/** Which objects of a kind. */
export interface Selection {
  readonly namespace?: string | undefined;
  /** `app=api,tier in (web)` */
  readonly labels?: string | undefined;
  /** `involvedObject.name=api` */
  readonly fields?: string | undefined;
}

interface Connection {
  readonly http: HttpClient;
  readonly credentials: UserCredentials;
}

interface Call {
  readonly method: Method;
  /** Below the address of the server, with its query. */
  readonly path: string;
  /** For messages: `apply Deployment shop/api`. */
  readonly doing: string;
  readonly body?: unknown;
  readonly contentType?: string | undefined;
  /** Headers that ask for a WebSocket. */
  readonly webSocket?: Readonly<Record<string, string>> | undefined;
  /** Beside that of the client. */
  readonly signal?: AbortSignal | undefined;
}

/** One cluster, spoken to as one user. Close it after use. */
export class ClusterClient implements AsyncDisposable {
  /** How the cluster is reached, and as whom. */
  readonly access: ClusterAccess;
  readonly #options: ClusterClientOptions;
  readonly #resources: ApiResources;
  #connection: Promise<Connection> | undefined;

  /** Nothing is asked until the first call. */
  constructor(access: ClusterAccess, options: ClusterClientOptions) {
    this.access = access;
    this.#options = options;
    this.#resources = new ApiResources(async (path, doing) => await this.#readJson({ method: 'GET', path, doing }));
  }

  /** The version of the server: `v1.37.2`. @throws HttpError `CLUSTER`, AuthError */
  async version(): Promise<string> {
    const answer = await this.#readJson({ method: 'GET', path: '/version', doing: 'ask the cluster for its version' });
    const { gitVersion } = (answer ?? {}) as { gitVersion?: unknown };
    return typeof gitVersion === 'string' ? gitVersion : 'unknown';
  }

  /** What the cluster knows of a kind; undefined where it does not know it. Asked once, and again after {@link forget}. */
  async resourceOf(apiVersion: string, kind: string): Promise<ApiResource | undefined> {
    return await this.#resources.find(apiVersion, kind);
  }

  /** Kinds may have come or gone: they are asked for again. */
  forget(): void {
    this.#resources.forget();
  }

  /** An object; undefined where there is none. */
  async get(key: ObjectKey): Promise<ClusterObject | undefined> {
    const doing = `read ${formatKey(key)}`;
    const path = await this.#pathOf(key, doing);
    const answer = await this.#readJson({ method: 'GET', path, doing });
    return answer === undefined ? undefined : this.#asObject(answer, doing);
  }

  /** The objects of a kind that a selection names; none where the cluster does not know the kind. */
  async list(apiVersion: string, kind: string, selection: Selection = {}): Promise<readonly ClusterObject[]> {
    const resource = await this.resourceOf(apiVersion, kind);
    if (resource === undefined) return [];
    const { namespace, labels, fields } = selection;
    const query = new URLSearchParams({
      ...(labels === undefined ? {} : { labelSelector: labels }),
      ...(fields === undefined ? {} : { fieldSelector: fields }),
    });
    const path = `${collectionPath(resource, namespace)}?${query.toString()}`;
    const answer = await this.#readJson({ method: 'GET', path, doing: `list ${resource.plural}` });
    // Items of a list leave out what they all have in common.
    return listAt(answer, 'items').map((item) => ({ ...item, apiVersion, kind }) as unknown as ClusterObject);
  }

  /**
   * Applies an object on the side of the server: fields that it has and did not have to have are left alone.
   * @returns the object as it is now, or would be
   * @throws HttpError `CONFLICT` naming the fields and who set them; `CLUSTER` for what the cluster refuses
   * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/
   */
  async apply(object: ClusterObject, { isDryRun = false, force = false }: ApplyOptions = {}): Promise<ClusterObject> {
    const doing = `${isDryRun ? 'try to apply' : 'apply'} ${formatKey(keyOf(object))}`;
    const query = new URLSearchParams({
      fieldManager: FIELD_MANAGER,
      fieldValidation: 'Strict',
      ...(force ? { force: 'true' } : {}),
      ...(isDryRun ? { dryRun: 'All' } : {}),
    });
    const path = `${await this.#pathOf(keyOf(object), doing)}?${query.toString()}`;
    const call: Call = { method: 'PATCH', path, doing, body: object, contentType: APPLY_PATCH };
    const answer = await this.#readJson(call, false);
    return this.#asObject(answer, doing);
  }

  /** Deletes an object and what belongs to it; that it is gone is not waited for. @returns whether there was one */
  async delete(key: ObjectKey): Promise<boolean> {
    const doing = `delete ${formatKey(key)}`;
    const path = await this.#pathOf(key, doing);
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' };
    return (await this.#readJson({ method: 'DELETE', path, doing, body })) !== undefined;
  }

  /** The last lines of a container; undefined where there are none to be had. */
  async log(
    pod: { readonly namespace: string; readonly name: string },
    container: string,
    { lines, isPrevious = false }: { readonly lines: number; readonly isPrevious?: boolean },
  ): Promise<string | undefined> {
    const query = new URLSearchParams({
      container,
      tailLines: String(lines),
      ...(isPrevious ? { previous: 'true' } : {}),
    });
    const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/log?${query.toString()}`;
    try {
      const answer = await this.#send({ method: 'GET', path, doing: `read the log of ${pod.namespace}/${pod.name}` });
      if (answer.status === 200) return (await readBody(answer, MAX_LOG_BYTES)).toString('utf8');
      await answer.discard();
      return undefined;
    } catch (error) {
      // It explains another failure, and is no failure of its own.
      if (error instanceof AirgapError) return undefined;
      throw error;
    }
  }

  /**
   * Runs a command in a container until it ends. One that could not be started is tried again, one that was is not.
   * @param signal ends the waiting; the command itself goes on
   * @returns its exit code and the end of its output
   * @throws HttpError `CLUSTER`, AuthError for what the API server refuses; ClusterError `CLUSTER` when the connection
   *   breaks off before the command has ended
   */
  async exec(
    request: ExecRequest,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ExecResult> {
    const { namespace, pod, container, command } = request;
    const doing = `run ${command[0] ?? ''} in container ${container} of ${namespace}/${pod}`;
    const key = webSocketKey();
    const headers = webSocketHeaders(key, EXEC_PROTOCOLS);
    const socket = await retrying(
      async () => {
        const call: Call = { method: 'GET', path: execPath(request), doing, webSocket: headers, signal };
        const answer = await this.#send(call);
        const { socket: opened, headers: answered } = answer;
        if (opened === undefined) throw await refusal(answer, doing, this.access.user.name);
        if (answered['sec-websocket-accept'] === webSocketAccept(key)) return opened;
        opened.destroy();
        throw protocolFailure(
          answer.asked,
          answer.status,
          'the connection was turned over to something that is no WebSocket',
        );
      },
      { policy: this.#options.retry ?? PATIENCE, signal: this.#signalOf(signal) },
    );
    const ending = this.#signalOf(signal);
    const onAbort = (): void => void socket.destroy();
    ending?.addEventListener('abort', onAbort, { once: true });
    try {
      ending?.throwIfAborted();
      return await readExec(socket, request);
    } catch (error) {
      ending?.throwIfAborted();
      throw error;
    } finally {
      socket.destroy();
      ending?.removeEventListener('abort', onAbort);
    }
  }

  #signalOf(signal: AbortSignal | undefined): AbortSignal | undefined {
    const signals = [this.#options.signal, signal].filter((each) => each !== undefined);
    return signals.length === 0 ? undefined : AbortSignal.any(signals);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    await connection?.http.close();
  }

  async #pathOf({ apiVersion, kind, namespace, name }: ObjectKey, doing: string): Promise<string> {
    const resource = await this.resourceOf(apiVersion, kind);
    if (resource === undefined) {
      throw new ClusterError('CLUSTER', `cannot ${doing}: the cluster knows no ${kind} of ${apiVersion}`, {
        hint: 'install what defines it, or use a cluster of a version that has it',
        details: { reason: 'NoKindMatch' },
      });
    }
    return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
  }

  #asObject(answer: unknown, doing: string): ClusterObject {
    if (isClusterObject(answer)) return answer;
    throw new ClusterError('CLUSTER', `cannot ${doing}: the API server answered with something that is no object`);
  }

  /** The answer of a call that may be made again; undefined for what is not there, unless that is a refusal. */
  async #readJson(call: Call, mayBeAbsent = true): Promise<unknown> {
    return await retrying(
      async () => {
        const answer = await this.#send(call);
        if (answer.status === 404 && mayBeAbsent) {
          await answer.discard();
          return undefined;
        }
        if (answer.status < 200 || answer.status > 299) throw await refusal(answer, call.doing, this.access.user.name);
        const bytes = await readJson(answer, MAX_ANSWER_BYTES);
        try {
          return parseJson(bytes, { maxBytes: MAX_ANSWER_BYTES, reading: 'lenient' });
        } catch (error) {
          throw protocolFailure(answer.asked, answer.status, `the answer ${jsonFaultOf(error)}`, true);
        }
      },
      { policy: this.#options.retry ?? PATIENCE, signal: this.#options.signal },
    );
  }

  /** Once more with new credentials where the server no longer takes those it was shown. */
  async #send(call: Call): Promise<Answer> {
    const { answer, connection } = await this.#exchange(call);
    const { exec, tokenFile } = this.access.user;
    if (answer.status !== 401 || (exec === undefined && tokenFile === undefined)) return answer;
    await answer.discard();
    await this.#drop(connection);
    return (await this.#exchange(call)).answer;
  }

  async #exchange(call: Call): Promise<{ readonly answer: Answer; readonly connection: Connection }> {
    const { method, path, body, contentType = 'application/json', webSocket, signal } = call;
    const { server } = this.access;
    const url = new URL(`${server.pathname.replace(/\/$/, '')}${path}`, server);
    const connection = await this.#connect();
    const request: HttpRequest = {
      method,
      kind: 'cluster',
      place: placeOf(url),
      headers: {
        // API servers hand this on to the kubelet, which answers with 406 where it is told a type: a WebSocket has none.
        accept: webSocket === undefined ? 'application/json' : '*/*',
        ...(body === undefined ? {} : { 'content-type': contentType }),
        ...webSocket,
      },
      credentials: connection.credentials.headers,
      ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
      ...(webSocket === undefined ? {} : { upgradeTo: 'websocket' }),
      redirect: 'manual',
      signal: this.#signalOf(signal),
    };
    return { answer: await connection.http.request(request), connection };
  }

  async #connect(): Promise<Connection> {
    const nowMs = this.#options.nowMs?.() ?? Date.now();
    const known = await this.#connection;
    if (known !== undefined && areCurrent(known.credentials, nowMs)) return known;
    if (known !== undefined) await this.#drop(known);
    this.#connection ??= this.#open(nowMs);
    try {
      return await this.#connection;
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
  }

  async #open(nowMs: number): Promise<Connection> {
    const { environment, signal, onRequest } = this.#options;
    const credentials = await readUserCredentials(this.access, environment, { nowMs, signal });
    const { origin, settings } = this.access;
    const fixed = { ...origin, ...credentials.pair };
    return { http: new HttpClient({ environment, peer: apiServerPeer(settings), fixed, onRequest }), credentials };
  }

  async #drop(connection: Connection): Promise<void> {
    if ((await this.#connection) === connection) this.#connection = undefined;
    // What others still read of it ends by itself.
    void connection.http.close();
  }
}

function collectionPath({ group, version, plural, isNamespaced }: ApiResource, namespace: string | undefined): string {
  const api = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const scope = isNamespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${api}${scope}/${plural}`;
}
