/**
 * What a site has in front of its services: answers HTTPS at ADDRESS:443 with the certificate that an ingress names, and
 * hands each request to a pod of the service that its path belongs to. A script, to be run in the network of a node:
 * `site-ingress API CA TOKEN ADDRESS` prints `ready` once it listens.
 */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { createSecureContext, type SecureContext } from 'node:tls';
import { openClusterApi } from '../cluster/api.ts';

interface Backend {
  readonly service: { readonly name: string; readonly port: { readonly name: string } };
}
interface IngressSpec {
  readonly tls: readonly { readonly hosts: readonly string[]; readonly secretName: string }[];
  readonly rules: readonly {
    readonly host: string;
    readonly http: { readonly paths: readonly { readonly path: string; readonly backend: Backend }[] };
  }[];
}
interface Slice {
  readonly endpoints?: readonly {
    readonly addresses: readonly string[];
    readonly conditions: { readonly ready: boolean };
  }[];
  readonly ports?: readonly { readonly name: string; readonly port: number }[];
}

const [server = '', caFile = '', token = '', address = ''] = process.argv.slice(2);
const api = await openClusterApi(server, caFile, token);

/** The ingress of a host, with its namespace. */
async function ingressOf(
  host: string,
): Promise<{ readonly namespace: string; readonly spec: IngressSpec } | undefined> {
  for (const { metadata, spec } of await api.list('/apis/networking.k8s.io/v1/ingresses')) {
    const found = spec as unknown as IngressSpec;
    if (found.rules.some((rule) => rule.host === host)) return { namespace: metadata.namespace ?? '', spec: found };
  }
  return undefined;
}

async function contextOf(host: string): Promise<SecureContext> {
  const ingress = await ingressOf(host);
  const entry = ingress?.spec.tls.find(({ hosts }) => hosts.includes(host));
  if (ingress === undefined || entry === undefined) throw new Error(`no ingress has ${host}`);
  const { data = {} } = await api.get(`/api/v1/namespaces/${ingress.namespace}/secrets/${entry.secretName}`);
  const part = (name: string): Buffer => Buffer.from(data[name] ?? '', 'base64');
  return createSecureContext({ cert: part('tls.crt'), key: part('tls.key') });
}

/** A pod that is ready, and its port. */
async function podBehind(
  namespace: string,
  { service: { name, port } }: Backend,
): Promise<{ host: string; port: number } | undefined> {
  const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
  const slices = await api.list(`${path}?labelSelector=kubernetes.io/service-name%3D${name}`);
  for (const { endpoints, ports } of slices as readonly Slice[]) {
    const [host] = endpoints?.find(({ conditions }) => conditions.ready)?.addresses ?? [];
    const found = ports?.find((each) => each.name === port.name)?.port;
    if (host !== undefined && found !== undefined) return { host, port: found };
  }
  return undefined;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { host = '' } = request.headers;
  const ingress = await ingressOf(host);
  const paths = ingress?.spec.rules.find((rule) => rule.host === host)?.http.paths ?? [];
  const [best] = paths
    .filter(({ path }) => (request.url ?? '').startsWith(path))
    .sort((one, other) => other.path.length - one.path.length);
  const pod = best === undefined ? undefined : await podBehind(ingress?.namespace ?? '', best.backend);
  if (pod === undefined) {
    response.writeHead(503).end('no pod is ready\n');
    return;
  }
  const passed = httpRequest({ ...pod, path: request.url, method: request.method, headers: { host } });
  request.pipe(passed);
  const [reply] = (await once(passed, 'response')) as [IncomingMessage];
  response.writeHead(reply.statusCode ?? 502, { 'x-pod': pod.host });
  reply.pipe(response);
}

const front = createServer(
  {
    SNICallback: (host, done) => {
      contextOf(host).then(
        (context) => done(null, context),
        (error: unknown) => done(error as Error),
      );
    },
  },
  (request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(502).end(String(error)));
  },
);
await once(front.listen(443, address), 'listening');
process.stdout.write('ready\n');
