/** What a cluster is told of the fleet it belongs to, as objects that are deployed with the release. */
import type { ClusterView } from '../../fleet/settings/cluster-view.ts';
import { parseEndpoint, type Endpoint } from '../../fleet/settings/endpoint.ts';
import type { Cluster } from '../../fleet/fleet.ts';
import type { ClusterObject } from '../../kubernetes/cluster/cluster-object.ts';

/** The API of a service mesh by which it lets traffic out. @see https://istio.io/latest/docs/reference/config/networking/service-entry/ */
export const SERVICE_ENTRY = { apiVersion: 'networking.istio.io/v1', kind: 'ServiceEntry' } as const;
const ADDRESS = /^[0-9.]+$/;
const PROTOCOLS = { https: 'HTTPS', http: 'HTTP', tcp: 'TCP' } as const;

/**
 * `<release>-fleet`: a ConfigMap with `fleet.json` and the certificates of authorities, and for a service mesh an entry for
 * each cluster that is reached by a name.
 * @param authorities PEM of certificates, by the name of a cluster
 * @param hasMesh whether the cluster knows {@link SERVICE_ENTRY}
 */
export function fleetObjects(
  release: string,
  view: ClusterView,
  authorities: ReadonlyMap<string, string>,
  hasMesh: boolean,
): readonly ClusterObject[] {
  const { fleet, self, primary, peers, flows } = view;
  const name = `${release}-fleet`;
  const document = {
    schemaVersion: 1,
    fleet,
    self: describe(self),
    ...(primary === undefined ? {} : { primary: primary.name }),
    peers: peers.map(describe),
    replication: flows.map(({ component, from, to }) => ({ component, from, to })),
  };
  const pem = [...new Set([self, ...peers].flatMap((cluster) => authorities.get(cluster.name) ?? []))].join('');
  const entries = hasMesh ? peers.flatMap((peer) => serviceEntry(`${name}-${peer.name}`, peer)) : [];
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      data: { 'fleet.json': `${JSON.stringify(document, null, 2)}\n`, ...(pem === '' ? {} : { 'ca.crt': pem }) },
    },
    ...entries,
  ];
}

function describe({ name, role, kind, region, zone, endpoints, values }: Cluster): object {
  return {
    name,
    role,
    kind,
    region,
    ...(zone && { zone }),
    ...(endpoints && { endpoints }),
    ...(values && { values }),
  };
}

function serviceEntry(name: string, { endpoints = {} }: Cluster): readonly ClusterObject[] {
  const named = Object.values(endpoints).map(parseEndpoint).filter(({ host }) => !ADDRESS.test(host)); // prettier-ignore
  if (named.length === 0) return [];
  const ports = new Map(named.map((endpoint): [number, Endpoint] => [endpoint.port, endpoint]));
  return [
    {
      ...SERVICE_ENTRY,
      metadata: { name },
      spec: {
        hosts: [...new Set(named.map(({ host }) => host))].sort(),
        location: 'MESH_EXTERNAL',
        resolution: 'DNS',
        ports: [...ports.values()]
          .sort((a, b) => a.port - b.port)
          .map(({ port, protocol }) => ({ number: port, name: `${protocol}-${port}`, protocol: PROTOCOLS[protocol] })),
      },
    },
  ];
}
