/** Talks to a Kubernetes API server as a test wants to: one call, one JSON answer, and waiting until something holds. */
import { readFile } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;
const WAIT_MS = 300_000;

/** An object as the API gives it. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly generation?: number;
    readonly resourceVersion?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** An answer, whatever its status. */
export interface Answer {
  readonly status: number;
  /** Parsed where it is JSON, the text where it is none. */
  readonly body: unknown;
}

/** How an object is applied. */
export interface ApplyOptions {
  /** Where the object names no namespace and has one. @defaultValue `default` */
  readonly namespace?: string;
  /** @defaultValue `test` */
  readonly fieldManager?: string;
  /** Nothing is kept. @defaultValue false */
  readonly dryRun?: boolean;
}

/** Calls of one user. */
export interface ClusterApi extends Disposable {
  request(method: string, path: string, body?: unknown, contentType?: string): Promise<Answer>;
  /** The object or list at a path. @throws Error with the server's words when there is none */
  get(path: string): Promise<KubernetesObject>;
  /** The objects of a list. */
  list(path: string): Promise<readonly KubernetesObject[]>;
  /** Applies on the server's side, unknown fields refused, conflicts overridden. */
  apply(object: unknown, options?: ApplyOptions): Promise<Answer>;
  /** As {@link apply}. @throws Error with the server's words when it refuses */
  applyOk(object: unknown, options?: ApplyOptions): Promise<KubernetesObject>;
  /** Where an object is: `/apis/apps/v1/namespaces/a/deployments/b`. */
  pathOf(object: unknown, namespace?: string): Promise<string>;
  /** Asks until the object is as wanted, and gives that. @throws Error with its last state when time is over */
  waitFor(path: string, what: string, isWanted: (object: KubernetesObject) => boolean): Promise<KubernetesObject>;
}

interface Kind {
  readonly plural: string;
  readonly isNamespaced: boolean;
}

/** Opens connections to `server`, as the holder of `token`. */
export async function openClusterApi(server: string, caFile: string, token: string): Promise<ClusterApi> {
  const agent = new Agent({ keepAlive: true, ca: await readFile(caFile) });
  const kinds = new Map<string, Promise<ReadonlyMap<string, Kind>>>();

  function request(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<Answer> {
    const bytes = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(bytes === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(bytes) }),
      };
      const asked = httpsRequest(`${server}${path}`, { method, agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString()) });
        });
      });
      asked.once('error', reject);
      asked.end(bytes);
    });
  }

  async function ok(method: string, path: string, body?: unknown, contentType?: string): Promise<KubernetesObject> {
    const answer = await request(method, path, body, contentType);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${messageOf(answer)}`);
    return answer.body as KubernetesObject;
  }

  async function readKinds(apiVersion: string): Promise<ReadonlyMap<string, Kind>> {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const { resources } = (await ok('GET', root)) as unknown as {
      readonly resources: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
    };
    const whole = resources.filter(({ name }) => !name.includes('/'));
    return new Map(whole.map(({ name, kind, namespaced }) => [kind, { plural: name, isNamespaced: namespaced }]));
  }

  async function pathOf(object: unknown, namespace = 'default'): Promise<string> {
    const { apiVersion, kind, metadata } = object as KubernetesObject;
    const known = kinds.get(apiVersion) ?? readKinds(apiVersion);
    kinds.set(apiVersion, known);
    // A definition may have brought it in the meantime.
    known.catch(() => kinds.delete(apiVersion));
    const found = (await known).get(kind);
    if (found === undefined) {
      kinds.delete(apiVersion);
      throw new Error(`the server has no ${apiVersion} ${kind}`);
    }
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const within = found.isNamespaced ? `/namespaces/${metadata.namespace ?? namespace}` : '';
    return `${root}${within}/${found.plural}/${metadata.name}`;
  }

  async function apply(object: unknown, options: ApplyOptions = {}): Promise<Answer> {
    const query = new URLSearchParams({
      fieldManager: options.fieldManager ?? 'test',
      fieldValidation: 'Strict',
      force: 'true',
      ...(options.dryRun === true ? { dryRun: 'All' } : {}),
    });
    const path = await pathOf(object, options.namespace);
    return request('PATCH', `${path}?${query.toString()}`, object, 'application/apply-patch+yaml');
  }

  async function waitFor(
    path: string,
    what: string,
    isWanted: (object: KubernetesObject) => boolean,
  ): Promise<KubernetesObject> {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const { status, body } = await request('GET', path);
      if (status === 200 && isWanted(body as KubernetesObject)) return body as KubernetesObject;
      if (Date.now() > deadline) throw new Error(`${path} was not ${what}: ${status} ${JSON.stringify(body, null, 1)}`);
      await delay(POLL_MS);
    }
  }

  return {
    request,
    get: (path) => ok('GET', path),
    list: async (path) => (await ok('GET', path))['items'] as readonly KubernetesObject[],
    apply,
    applyOk: async (object, options) => {
      const answer = await apply(object, options);
      const { kind, metadata } = object as KubernetesObject;
      if (answer.status >= 300) throw new Error(`${kind}/${metadata.name}: ${answer.status} ${messageOf(answer)}`);
      return answer.body as KubernetesObject;
    },
    pathOf,
    waitFor,
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** The server's own words of a refusal. */
export function messageOf({ body }: Answer): string {
  const message = (body as { message?: unknown } | undefined)?.message;
  return typeof message === 'string' ? message : JSON.stringify(body);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
