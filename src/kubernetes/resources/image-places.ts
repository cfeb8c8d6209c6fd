/** Where resources hold images that a node is certain to pull: a table of places, each with the kinds it stands in. */
import { isMapping } from './yaml-documents.ts';
import type { YamlPath } from '../../base/yaml-source.ts';

/** A place that a rule names, and what is there. */
export interface ImagePlace {
  readonly path: YamlPath;
  readonly value: unknown;
}

/** One row of the table. */
export interface ImageRule {
  /** What evidence calls it. */
  readonly name: string;
  /** API groups; any where absent. */
  readonly group?: RegExp | undefined;
  /** Kinds; any where absent. */
  readonly kind?: RegExp | undefined;
  /** The key that holds the image, or a list or mapping of things that do. */
  readonly key: RegExp;
  /** The way from what the key holds, or from each item of its list, to the image; empty for the value itself. */
  readonly field: readonly string[];
  /** Whether the key must stand directly under one of these. */
  readonly below?: RegExp | undefined;
  /** Whether Kustomize's `images` change what stands there. */
  readonly isOverridable?: boolean | undefined;
}

const IMAGE = ['image'] as const;

/**
 * Places by which controllers of wide use run an image themselves. Fields that only may hold one are suspects.
 * @see https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec
 * @see https://tekton.dev/docs/pipelines/tasks/#defining-steps
 * @see https://argo-workflows.readthedocs.io/en/latest/fields/#template
 * @see https://olm.operatorframework.io/docs/concepts/crds/clusterserviceversion/
 * @see https://kubevirt.io/user-guide/storage/disks_and_volumes/#containerdisk
 */
export const IMAGE_RULES: readonly ImageRule[] = [
  {
    name: 'container',
    key: /^(initContainers|containers|ephemeralContainers)$/,
    field: IMAGE,
    isOverridable: true,
  },
  // Operators take more containers for their pods under names of their own: extraContainers, sidecarContainers.
  { name: 'container', key: /(?<!^init|^ephemeral)Containers$/, field: IMAGE, isOverridable: true },
  { name: 'image volume', key: /^volumes$/, field: ['image', 'reference'], isOverridable: true },
  { name: 'tekton step', group: /^tekton\.dev$/, key: /^(steps|sidecars|stepTemplate)$/, field: IMAGE },
  { name: 'argo template', group: /^argoproj\.io$/, key: /^(container|script|sidecars)$/, field: IMAGE },
  { name: 'related image', group: /^operators\.coreos\.com$/, key: /^relatedImages$/, field: IMAGE },
  { name: 'catalog', group: /^operators\.coreos\.com$/, kind: /^CatalogSource$/, key: /^image$/, field: [] },
  { name: 'container disk', group: /(^|\.)kubevirt\.io$/, key: /^containerDisk$/, field: IMAGE },
  { name: 'kernel boot', group: /(^|\.)kubevirt\.io$/, key: /^container$/, below: /^kernelBoot$/, field: IMAGE },
  { name: 'disk image', group: /(^|\.)kubevirt\.io$/, key: /^registry$/, below: /^source$/, field: ['url'] },
  { name: 'package', group: /^pkg\.crossplane\.io$/, key: /^package$/, below: /^spec$/, field: [] },
  {
    name: 'operand',
    group: /^monitoring\.coreos\.com$/,
    kind: /^(Prometheus|PrometheusAgent|Alertmanager|ThanosRuler)$/,
    key: /^image$/,
    below: /^(spec|thanos)$/,
    field: [],
  },
  {
    name: 'operand',
    group: /^postgresql\.cnpg\.io$/,
    kind: /^Cluster$/,
    key: /^imageName$/,
    below: /^spec$/,
    field: [],
  },
  { name: 'operand', group: /^sparkoperator\.k8s\.io$/, key: /^image$/, below: /^(spec|driver|executor)$/, field: [] },
  { name: 'proxy annotation', key: /^sidecar\.istio\.io\/proxyImage$/, below: /^annotations$/, field: [] },
];

/** The rows that can apply to a resource. */
export function rulesFor(apiVersion: string, kind: string): readonly ImageRule[] {
  const group = groupOf(apiVersion);
  return IMAGE_RULES.filter((rule) => (rule.group?.test(group) ?? true) && (rule.kind?.test(kind) ?? true));
}

/** The group of an API version; empty for Kubernetes' first one. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}

/** Every place of a value that a rule names, in the value's order, with the rule; each place once. */
export function* findPlaces(
  value: unknown,
  rules: readonly ImageRule[],
  path: YamlPath = [],
): Generator<ImagePlace & { readonly rule: ImageRule }> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* findPlaces(item, rules, [...path, index]);
  }
  if (!isMapping(value)) return;
  const above = path.at(-1);
  for (const [key, inner] of Object.entries(value)) {
    const here = [...path, key];
    const rule = rules.find((row) => row.key.test(key) && (row.below?.test(String(above)) ?? true));
    if (rule !== undefined) for (const place of placesOf(inner, here, rule)) yield { ...place, rule };
    yield* findPlaces(inner, rules, here);
  }
}

function placesOf(value: unknown, path: YamlPath, { field }: ImageRule): readonly ImagePlace[] {
  const holders: readonly ImagePlace[] = Array.isArray(value)
    ? value.map((item: unknown, index) => ({ value: item, path: [...path, index] }))
    : [{ value, path }];
  // A list of containers is a list: `containers: {image: x}` means something else.
  if (path.at(-1) !== undefined && /[cC]ontainers$|^volumes$/.test(String(path.at(-1))) && !Array.isArray(value))
    return [];
  return holders.map(({ value: held, path: at }) => ({ value: step(held, field), path: [...at, ...field] }));
}

function step(value: unknown, field: readonly string[]): unknown {
  return field.reduce<unknown>((held, key) => (isMapping(held) ? held[key] : undefined), value);
}

/** `spec.containers[0].image`. */
export function formatPath(path: YamlPath): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : /^[\w-]+$/.test(key) ? `.${key}` : `["${key}"]`))
    .join('')
    .replace(/^\./, '');
}
