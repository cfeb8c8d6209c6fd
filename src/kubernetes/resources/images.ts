/** The images a Kubernetes resource makes a node pull, each with the place it was found. */
import { AirgapError, UsageError } from '../../errors.ts';
import { parseReference, withDefaultTag, type Reference } from '../../oci/reference.ts';
import type { YamlPath } from '../../base/yaml-source.ts';
import { findPlaces, formatPath, rulesFor, type ImagePlace, type ImageRule } from './image-places.ts';
import { findAt, type PlaceRule } from './place-path.ts';
import { NO_LINE, type KubernetesResource } from './yaml-documents.ts';

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
/** What a controller fills in before it makes a pod: parameters of Argo and Tekton, templates, variables. */
const FILLED_IN = /\{\{|\$[({]/;
/** What Istio's webhook replaces, in any pod. */
const WEBHOOK_FILLS = 'auto';
/** KubeVirt and CDI write where the image is fetched from in front of it. */
const TRANSPORT = /^docker:\/\//;

/** One image field. */
export interface ImageHit {
  /** Canonical, with `:latest` where neither tag nor digest was given, as the kubelet reads it. */
  readonly reference: Reference;
  /** `manifests/app.yaml:21 Deployment/app spec.template.spec.containers[0].image`. */
  readonly at: string;
}

/** One image field of a resource. */
export interface ResourceImage extends ImageHit {
  /** The file, kind and name of the resource. */
  readonly file: string;
  readonly kind: string;
  readonly name: string;
  readonly path: YamlPath;
  /** The row of the table of places that names it. */
  readonly rule: string;
}

/** Says which image a pod gets in the place of the one that is written, and which file decides so. */
export type ImageReplacer = (image: string) => { readonly image: string; readonly by?: string | undefined };

const keep: ImageReplacer = (image) => ({ image });

/**
 * Finds the images at the places that image-places.ts names: wherever a PodSpec stands, in Kubernetes' own kinds and in
 * custom ones, and where well-known controllers take an image. Empty images and `auto` are skipped, and in custom kinds
 * those with parameters: something else fills them in. `rules` name more places.
 * @throws UsageError `INVALID_SPEC` naming file and line of an image that is no reference.
 */
export function findImages(
  resource: KubernetesResource,
  override: ImageReplacer = keep,
  rules: readonly PlaceRule[] = [],
): readonly ResourceImage[] {
  const { apiVersion, kind, name, value, fileName: file } = resource;
  if (kind === SCHEMA_KIND) return [];
  const hits: ResourceImage[] = [];
  const places = [...findPlaces(value, rulesFor(apiVersion, kind))];
  const known = new Set(places.map(({ path }) => formatPath(path)));
  const own = findRuled(resource, rules).filter(({ path }) => !known.has(formatPath(path)));
  for (const { path, value: image, rule } of [...places, ...own]) {
    if (image === undefined || image === null || image === '' || image === WEBHOOK_FILLS) continue;
    const at = describePlace(resource, path);
    if (typeof image !== 'string') {
      if (POD_KINDS.has(kind)) throw invalid(`${at}: an image must be text`);
      continue;
    }
    if (FILLED_IN.test(image) && !POD_KINDS.has(kind)) continue;
    const { image: actual, by } = rule.isOverridable === true ? override(image) : keep(image);
    const place = by === undefined ? at : `${at}, replaced by ${by}`;
    hits.push({ reference: toReference(actual, place), at: place, file, kind, name, path, rule: rule.name });
  }
  return hits;
}

/** What stands at the places that a release names itself. */
function findRuled(
  { apiVersion, kind, value }: KubernetesResource,
  rules: readonly PlaceRule[],
): readonly (ImagePlace & { readonly rule: Pick<ImageRule, 'name' | 'isOverridable'> })[] {
  const applying = rules.filter((rule) => rule.kind === kind && (rule.apiVersion ?? apiVersion) === apiVersion);
  const places = applying.flatMap(({ path }) =>
    findAt(value, path).map((place) => ({ ...place, rule: { name: `rule ${path.text}` } })),
  );
  return [...new Map(places.map((place) => [formatPath(place.path), place])).values()];
}

/** `manifests/app.yaml:21 Deployment/app spec.template.spec.containers[0].image`. */
export function describePlace(resource: KubernetesResource, path: YamlPath): string {
  const { fileName, kind, name } = resource;
  const line = resource.lineOf(path);
  return `${fileName}${line === NO_LINE ? '' : `:${line}`} ${kind}/${name} ${formatPath(path)}`;
}

function toReference(text: string, at: string): Reference {
  try {
    return withDefaultTag(parseReference(text.replace(TRANSPORT, '')));
  } catch (error) {
    if (!(error instanceof AirgapError)) throw error;
    throw invalid(`${at}: ${error.message}`, error.hint, error);
  }
}

function invalid(message: string, hint?: string, cause?: unknown): UsageError {
  return new UsageError('INVALID_SPEC', message, { hint, cause });
}
