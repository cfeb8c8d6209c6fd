/** Values of Secrets that a chart makes up when it is installed: a release does not carry them. */
import { isMapping, type KubernetesResource } from '../../kubernetes/resources/yaml-documents.ts';

/** What stands in their place, as in the manifests that are rendered for sites without Helm. */
const PLACEHOLDER = '${SITE}';
const PARTS = ['data', 'stringData'] as const;

/** Whether there may be such values: a Secret that holds any. */
export function mayHoldMadeValues(resources: readonly KubernetesResource[]): boolean {
  return resources.some((resource) => isSecret(resource) && PARTS.some((part) => isMapping(resource.value[part])));
}

/**
 * Puts a placeholder where the value of a Secret differs between two renderings of one chart with different chance.
 * What is equal in both is the chart's own, and stays. A Secret whose name differs too has no match, and stays as well.
 */
export function leaveToSite(
  resources: readonly KubernetesResource[],
  again: readonly KubernetesResource[],
): readonly KubernetesResource[] {
  const others = new Map(again.filter(isSecret).map((resource) => [keyOf(resource), resource.value]));
  return resources.map((resource) => {
    const other = isSecret(resource) ? others.get(keyOf(resource)) : undefined;
    if (other === undefined) return resource;
    const value: Record<string, unknown> = { ...resource.value };
    for (const part of PARTS) {
      const [one, two] = [value[part], other[part]];
      if (!isMapping(one) || !isMapping(two)) continue;
      const entries = Object.entries(one).map(([key, held]) => [key, held === two[key] ? held : PLACEHOLDER] as const);
      value[part] = Object.fromEntries(entries);
    }
    return { ...resource, value };
  });
}

function isSecret({ apiVersion, kind }: KubernetesResource): boolean {
  return apiVersion === 'v1' && kind === 'Secret';
}

function keyOf({ namespace, name }: KubernetesResource): string {
  return `${namespace ?? ''}/${name}`;
}
