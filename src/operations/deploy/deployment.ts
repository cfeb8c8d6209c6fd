/** What is installed: the manifests of an archive, filled in, pulling by digest from the internal registry. No cluster is asked. */
import { UsageError } from '../../errors.ts';
import type { PlannedImage } from '../../release/mapping/image-target.ts';
import { formatReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import type { ClusterObject } from '../../kubernetes/cluster/cluster-object.ts';
import { relocateImages } from '../../kubernetes/relocation/relocate.ts';
import type { ImagePlaces } from '../../kubernetes/relocation/image-text.ts';
import { readManifestFile } from '../../kubernetes/resources/manifest-file.ts';
import type { KubernetesResource } from '../../kubernetes/resources/yaml-documents.ts';
import { fillText, type FilledValues } from '../../kubernetes/staging/filled-values.ts';
import type { WrittenValue } from '../../fleet/settings/written-values.ts';
import { replaceWritten } from './written-values.ts';
import type { ManifestText } from './chosen-manifests.ts';

/** The objects of one deployment, as they are applied. */
export interface Deployment {
  /** What names no namespace belongs to it, as far as it belongs to one. */
  readonly namespace: string;
  readonly objects: readonly ClusterObject[];
  /** Images that were pointed at the registry: how many places. */
  readonly relocated: number;
  /** Images of the release that are named in parts and were left as they are. */
  readonly untouched: readonly string[];
}

/** What a deployment is made of. */
export interface DeploymentParts {
  readonly manifests: readonly ManifestText[];
  readonly values: FilledValues;
  readonly places: ImagePlaces;
  /** The namespace that was asked for. */
  readonly namespace: string | undefined;
  /** The one of the context, where the manifests do not say either. */
  readonly contextNamespace: string;
  /** Whether an object of the manifest at `path` is part of it. @defaultValue all are */
  readonly keeps?: ((resource: KubernetesResource, path: string) => boolean) | undefined;
  /** What is other here than the manifests have written. @defaultValue nothing */
  readonly settings?: readonly WrittenValue[] | undefined;
}

/**
 * Where nodes pull each image from, by its canonical name: by the digest that was verified.
 * @param pullFrom what the nodes call the registry and prefix, where it is not what this machine calls it
 */
export function imagePlaces(
  images: readonly Pick<PlannedImage, 'original' | 'internal' | 'digest'>[],
  pullFrom?: { readonly from: string; readonly to: string },
): ImagePlaces {
  return new Map(
    images.map(({ original, internal, digest }) => {
      const place = `${internal.registry}/${internal.repository}@${digest}`;
      const seen =
        pullFrom !== undefined && place.startsWith(`${pullFrom.from}/`)
          ? pullFrom.to + place.slice(pullFrom.from.length)
          : place;
      return [formatReference(withDefaultTag(parseReference(original))), seen];
    }),
  );
}

/**
 * Makes the objects of a deployment.
 * @throws UsageError `INVALID_SPEC` for manifests that cannot be read; `USAGE` for images that nodes would pull from
 *   elsewhere, and where the namespace is not clear.
 */
export function createDeployment(parts: DeploymentParts): Deployment {
  const { manifests, values, places, keeps = () => true, settings = [] } = parts;
  const kept = manifests.flatMap(({ path, text }) =>
    readManifestFile(fillText(text, values), path, false).resources.filter((resource) => keeps(resource, path)),
  );
  const resources = replaceWritten(kept, settings, (written) => manifests.some(({ text }) => text.includes(written)));
  const hosts = new Set([...places.keys()].map((image) => parseReference(image).registry));
  const relocated = resources.map((resource) => ({ resource, ...relocateImages(resource, places, hosts) }));
  const foreign = relocated.flatMap(({ resource, foreign: images }) =>
    images.map((image) => `${nameOf(resource)}: ${image}`),
  );
  if (foreign.length > 0) {
    throw new UsageError('USAGE', 'these manifests pull images that the archive does not carry', {
      items: foreign,
      hint: 'no node here could pull them: have them added to the release',
    });
  }
  const namespace = parts.namespace ?? namespaceIn(resources) ?? parts.contextNamespace;
  return {
    namespace,
    objects: relocated.map(({ value }) => value as unknown as ClusterObject),
    relocated: relocated.reduce((sum, { replacements }) => sum + replacements.length, 0),
    untouched: relocated.flatMap(({ resource, untouched }) =>
      untouched.map((image) => `${nameOf(resource)}: ${image}`),
    ),
  };
}

/** The only namespace that the manifests make: rendered ones always bring the one they were rendered for. */
function namespaceIn(resources: readonly KubernetesResource[]): string | undefined {
  const made = resources.filter(({ kind, apiVersion }) => kind === 'Namespace' && apiVersion === 'v1');
  const [only] = made;
  return made.length === 1 ? only?.name : undefined;
}

function nameOf({ kind, namespace, name }: KubernetesResource): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}
