/** Folders that hold the same objects in several forms are alternatives: each is a deployment of its own. */
import type { KubernetesResource } from '../kubernetes/resources/yaml-documents.ts';

/** Resources that are deployed together. */
export interface ResourceGroup {
  /** The folder; empty for what belongs to no alternative. */
  readonly folder: string;
  readonly resources: readonly KubernetesResource[];
}

/**
 * Divides resources by the folders of their files. Folders stay together unless they define one object twice, as the
 * directories do that a chart was rendered into with several sets of values.
 */
export function divideAlternatives(resources: readonly KubernetesResource[]): readonly ResourceGroup[] {
  const top = commonFolder(resources.map(({ fileName }) => fileName));
  const folders = Map.groupBy(resources, ({ fileName }) => firstFolder(fileName.slice(top.length)));
  const holders = new Map<string, Set<string>>();
  for (const [folder, own] of folders) {
    for (const resource of own) {
      const name = nameOf(resource);
      holders.set(name, (holders.get(name) ?? new Set()).add(folder));
    }
  }
  const alternatives = new Set([...holders.values()].filter(({ size }) => size > 1).flatMap((found) => [...found]));
  const rest = resources.filter(({ fileName }) => !alternatives.has(firstFolder(fileName.slice(top.length))));
  return [
    ...(rest.length > 0 ? [{ folder: '', resources: rest }] : []),
    ...[...folders]
      .filter(([folder]) => alternatives.has(folder))
      .map(([folder, own]) => ({ folder: `${top}${folder}`, resources: own })),
  ];
}

function nameOf({ apiVersion, kind, namespace = '', name }: KubernetesResource): string {
  // A new version of an API is the same object.
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return JSON.stringify([group, kind, namespace, name]);
}

/** With a slash at its end; empty where there is none. */
function commonFolder(paths: readonly string[]): string {
  const [first = '', ...others] = paths.map((path) => path.slice(0, path.lastIndexOf('/') + 1));
  let common = first;
  while (common !== '' && !others.every((folder) => folder.startsWith(common))) {
    common = common.slice(0, common.lastIndexOf('/', common.length - 2) + 1);
  }
  return common;
}

function firstFolder(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
}
