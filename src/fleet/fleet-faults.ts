/** What a schema cannot see of a fleet.yaml: names that come twice or name nothing, and what goes round in a circle. */
import { problem, type DocumentProblem } from '../base/schemas/document-problems.ts';
import { nearest } from '../base/suggestion.ts';
import type { YamlDocument, YamlPath } from '../base/yaml-source.ts';
import type { FleetDocument } from './fleet-schema.ts';
import { parseDuration } from '../kubernetes/resources/quantity.ts';

/** Every fault, each at its place. */
export function findFleetFaults(data: FleetDocument, document: YamlDocument): readonly DocumentProblem[] {
  return [...clusterFaults(data, document), ...linkFaults(data, document), ...placementFaults(data, document)];
}

function clusterFaults({ clusters }: FleetDocument, document: YamlDocument): readonly DocumentProblem[] {
  const first = new Map<string, number>();
  const firstAt = new Map<string, number>();
  return clusters.flatMap(({ name, context, kubeconfig = '' }, index) => {
    const other = first.get(name);
    if (other === undefined) first.set(name, index);
    // Two releases would be deployed over each other.
    const place = context === undefined ? undefined : JSON.stringify([kubeconfig, context]);
    const same = place === undefined ? undefined : firstAt.get(place);
    if (place !== undefined && same === undefined) firstAt.set(place, index);
    const here = ['clusters', index] as const;
    const lineOf = (cluster: number, field: string): number => document.locate(['clusters', cluster, field]).line;
    return [
      ...(other === undefined
        ? []
        : [at(document, [...here, 'name'], `cluster ${name} is there already, in line ${lineOf(other, 'name')}`)]),
      ...(same === undefined
        ? []
        : [
            at(
              document,
              [...here, 'context'],
              `${context ?? ''} is the context of another cluster already, in line ${lineOf(same, 'context')}`,
            ),
          ]),
    ];
  });
}

function linkFaults({ clusters, links = [] }: FleetDocument, document: YamlDocument): readonly DocumentProblem[] {
  const names = new Set(clusters.map(({ name }) => name));
  const first = new Map<string, number>();
  return links.flatMap(({ between, syncInterval, offlineTimeout }, index) => {
    const here = ['links', index] as const;
    const unknown = between.flatMap((name, position) => {
      if (names.has(name)) return [];
      const meant = nearest(name, names);
      const hint = meant === undefined ? undefined : `did you mean ${meant}?`;
      return [at(document, [...here, 'between', position], `no cluster is called ${name}`, hint)];
    });
    const pair = [...between].sort().join(' ');
    const other = first.get(pair);
    if (other === undefined) first.set(pair, index);
    const line = other === undefined ? 0 : document.locate(['links', other]).line;
    const tooShort =
      syncInterval !== undefined &&
      offlineTimeout !== undefined &&
      parseDuration(offlineTimeout) < parseDuration(syncInterval);
    return [
      ...unknown,
      ...(between[0] === between[1] ? [at(document, [...here, 'between'], 'a link needs two clusters')] : []),
      ...(other === undefined ? [] : [at(document, [...here, 'between'], `is linked already, in line ${line}`)]),
      ...(tooShort
        ? [
            at(
              document,
              [...here, 'offlineTimeout'],
              'is shorter than syncInterval: the cluster would always be offline',
            ),
          ]
        : []),
    ];
  });
}

function placementFaults({ placement = {} }: FleetDocument, document: YamlDocument): readonly DocumentProblem[] {
  return Object.keys(placement).flatMap((name) => {
    const trail = [name];
    for (let next = placement[name]?.near?.component; next !== undefined; next = placement[next]?.near?.component) {
      const isBack = trail.includes(next);
      trail.push(next);
      if (!isBack) continue;
      // A circle is told once, by the first of its names.
      const circle = trail.slice(trail.indexOf(next), -1);
      if (next !== name || [...circle].sort()[0] !== name) return [];
      return [at(document, ['placement', name, 'near'], `goes round in a circle: ${trail.join(' is near ')}`)];
    }
    return [];
  });
}

function at(document: YamlDocument, path: YamlPath, message: string, hint?: string): DocumentProblem {
  return problem(document.locate(path), path, message, hint);
}
