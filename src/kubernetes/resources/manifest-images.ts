/** The images of a set of manifests: of each resource, as Kustomize would change it where a kustomization lists it. */
import { UsageError } from '../../errors.ts';
import { findImages, type ResourceImage } from './images.ts';
import { isKustomizationFile, readKustomization, type Kustomization } from './kustomization.ts';
import { layerFiles, replaceImage, type Layer } from './kustomize-layers.ts';
import type { PlaceRule } from './place-path.ts';
import { readManifestFile, type ManifestContent } from './manifest-file.ts';
import { isKubernetesFile, type KubernetesResource } from './yaml-documents.ts';

/** One file of the manifests. */
export interface ManifestFile {
  /** Relative to the release.yaml. */
  readonly path: string;
  /** Whether the release names this very file, so that it must hold resources. */
  readonly isNamed: boolean;
  readonly read: () => Promise<string>;
}

/** What manifests pull, and what may be missing. */
export interface ManifestImages {
  readonly images: readonly ResourceImage[];
  /** A sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Finds the images of manifests. A file that a kustomization lists gets the images that this says, through every
 * kustomization that lists it; any other counts as it is written.
 * @throws UsageError `INVALID_SPEC` naming file and line: broken YAML, an image that is no reference, a named file that
 *   holds no resources.
 */
export async function findManifestImages(
  files: readonly ManifestFile[],
  rules: readonly PlaceRule[] = [],
): Promise<ManifestImages> {
  const kustomizations: Kustomization[] = [];
  for (const { path, read } of files) {
    if (isKustomizationFile(path)) kustomizations.push(readKustomization(await read(), path));
  }
  const { layers, warnings: notes } = layerFiles(kustomizations, new Set(files.map(({ path }) => path)));
  const warnings = [...notes];
  const data = new Set(kustomizations.flatMap((kustomization) => kustomization.data));
  const images: ResourceImage[] = [];
  const take = (resources: readonly KubernetesResource[], stacks: readonly (readonly Layer[])[]): void => {
    for (const stack of stacks) {
      images.push(
        ...resources.flatMap((resource) => findImages(resource, (image) => replaceImage(image, stack), rules)),
      );
    }
  };
  for (const { path, isNamed, read } of files) {
    if (!isKubernetesFile(path) || data.has(path)) continue;
    const { resources, isOther } = readFile(await read(), path, isNamed || layers.has(path));
    if (isOther) warnings.push(skipped(path));
    take(resources, layers.get(path) ?? [[]]);
  }
  for (const { fileName, patches, images: own } of kustomizations) {
    const resources = patches.flatMap((text) => readManifestFile(text, fileName, true).resources);
    take(resources, layers.get(fileName) ?? [[{ images: own, fileName }]]);
  }
  return { images, warnings };
}

/** What is no YAML may be no manifest either. */
function readFile(text: string, path: string, mustBe: boolean): ManifestContent {
  try {
    return readManifestFile(text, path, mustBe);
  } catch (error) {
    if (!(error instanceof UsageError) || mustBe) throw error;
    const hint = [error.hint, 'or name the file under `ignore` of its component'].filter(Boolean).join('; ');
    throw new UsageError('INVALID_SPEC', error.message, { hint, cause: error });
  }
}

function skipped(path: string): string {
  return (
    `${path} holds no Kubernetes resources; it is carried, but not read for images: ` +
    'name it under `ignore` of its component if that is right'
  );
}
