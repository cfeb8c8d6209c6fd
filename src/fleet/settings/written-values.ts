/**
 * What the manifests of a release have written for every fleet, such as the host of an example, and what it is on one
 * cluster. Which text stands for what is data of the fleet.yaml, so that any maker's manifests will do. Pure.
 */
import { UsageError } from '../../errors.ts';
import type { Cluster, FleetSetting } from '../fleet.ts';
import type { ClusterView } from './cluster-view.ts';
import { parseEndpoint } from './endpoint.ts';

/** A text of the manifests, and what takes its place. */
export interface WrittenValue {
  readonly written: string;
  readonly is: string;
}

/** `{primary.endpoints.database.host}` */
const FACT = /\{([^{}]*)\}/g;

/**
 * The values of the settings that hold for a cluster.
 * @throws UsageError `USAGE` naming the fact that the fleet.yaml does not state
 */
export function resolveSettings(settings: readonly FleetSetting[], view: ClusterView): readonly WrittenValue[] {
  return settings
    .filter(({ roles }) => roles === undefined || roles.includes(view.self.role))
    .map(({ written, is }) => ({
      written,
      is: is.replaceAll(FACT, (_, fact: string) => {
        const [of = '', ...path] = fact.split('.');
        const cluster = of === 'self' ? view.self : of === 'primary' ? view.primary : undefined;
        const value = cluster && factOf(cluster, path);
        if (value !== undefined) return value;
        const whose =
          cluster === undefined ? `there is no cluster ${of}` : `${cluster.name} states no ${path.join('.')}`;
        throw new UsageError('USAGE', `the settings of cluster ${view.self.name} need {${fact}}, and ${whose}`, {
          hint: 'facts are {self.…} and {primary.…}: name, region, zone, endpoints.NAME, endpoints.NAME.host, endpoints.NAME.port, values.NAME',
        });
      }),
    }));
}

function factOf(cluster: Cluster, [first = '', name = '', part, ...more]: readonly string[]): string | undefined {
  if (more.length > 0) return undefined;
  if (first === 'values') return part === undefined ? cluster.values?.[name] : undefined;
  if (first !== 'endpoints') {
    const { region, zone, name: own } = cluster;
    return name === '' ? new Map([['name', own], ['region', region], ['zone', zone]]).get(first) : undefined; // prettier-ignore
  }
  const text = cluster.endpoints?.[name];
  if (text === undefined) return undefined;
  const { host, port } = parseEndpoint(text);
  return new Map([['', text], ['host', host], ['port', String(port)]]).get(part ?? ''); // prettier-ignore
}
