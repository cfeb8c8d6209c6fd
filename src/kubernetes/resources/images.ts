/** The images a Kubernetes resource makes a node pull, each with the place it was found. */
import { AirgapError, UsageError } from '../../errors.ts';
import { parseReference, withDefaultTag, type Reference } from '../../oci/reference.ts';
import type { YamlPath } from '../../base/yaml-source.ts';
import { isMapping, type KubernetesResource } from './yaml-documents.ts';

/** The lists of a PodSpec whose items run an image. */
const CONTAINER_LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;
/** Kinds whose PodSpec is Kubernetes' own, so that a wrong type in it is a mistake and not another meaning. */
const POD_KINDS = new Set([
  'Pod',
  'PodTemplate',
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'ReplicationController',
  'Job',
  'CronJob',
]);
/** Holds schemas and examples of resources, not resources. */
const SCHEMA_KIND = 'CustomResourceDefinition';

/** One image field. */
export interface ImageHit {
  /** Canonical, with `:latest` where neither tag nor digest was given, as the kubelet reads it. */
  readonly reference: Reference;
  /** `manifests/app.yaml:21 Deployment/app spec.template.spec.containers[0].image`. */
  readonly at: string;
}

/** Says which image a pod gets in the place of the one that is written, and which file decides so. */
export type ImageReplacer = (image: string) => { readonly image: string; readonly by?: string | undefined };

const keep: ImageReplacer = (image) => ({ image });

/**
 * Finds `image` in containers, init and ephemeral containers, and `image.reference` in volumes: wherever a PodSpec
 * stands, in Kubernetes' own kinds and in custom ones. Empty images are skipped: something else fills them in.
 * @throws UsageError `INVALID_SPEC` naming file and line of an image that is no reference.
 * @see https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec
 */
export function findImages(resource: KubernetesResource, override: ImageReplacer = keep): readonly ImageHit[] {
  if (resource.kind === SCHEMA_KIND) return [];
  const hits: ImageHit[] = [];
  const take = (image: unknown, path: YamlPath): void => {
    if (image === undefined || image === null || image === '') return;
    const line = resource.lineOf(path);
    const at = `${resource.fileName}:${line} ${resource.kind}/${resource.name} ${formatPath(path)}`;
    if (typeof image === 'string') {
      const { image: actual, by } = override(image);
      const place = by === undefined ? at : `${at}, replaced by ${by}`;
      hits.push({ reference: toReference(actual, place), at: place });
    }
    if (typeof image !== 'string' && POD_KINDS.has(resource.kind)) throw invalid(`${at}: an image must be text`);
  };
  const walk = (value: unknown, path: YamlPath): void => {
    if (Array.isArray(value)) value.forEach((item, index) => walk(item, [...path, index]));
    if (!isMapping(value)) return;
    const isPodSpec = CONTAINER_LISTS.some((list) => Array.isArray(value[list]));
    if (isPodSpec) {
      for (const list of CONTAINER_LISTS) {
        itemsOf(value[list]).forEach((item, index) => take(item['image'], [...path, list, index, 'image']));
      }
      itemsOf(value['volumes']).forEach((volume, index) => {
        if (!isMapping(volume['image'])) return;
        take(volume['image']['reference'], [...path, 'volumes', index, 'image', 'reference']);
      });
    }
    for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key]);
  };
  walk(resource.value, []);
  return hits;
}

function itemsOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map((item: unknown) => (isMapping(item) ? item : {})) : [];
}

function toReference(text: string, at: string): Reference {
  try {
    return withDefaultTag(parseReference(text));
  } catch (error) {
    if (!(error instanceof AirgapError)) throw error;
    throw invalid(`${at}: ${error.message}`, error.hint, error);
  }
}

function invalid(message: string, hint?: string, cause?: unknown): UsageError {
  return new UsageError('INVALID_SPEC', message, { hint, cause });
}

function formatPath(path: YamlPath): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
    .join('')
    .replace(/^\./, '');
}
