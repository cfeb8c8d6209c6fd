/** Kustomizations that list each other: which `images` apply to which file, in which order. */
import { UsageError } from '../../errors.ts';
import { overrideImage, type ImageOverride, type Kustomization } from './kustomization.ts';

/** Kustomizations within each other. */
const MAX_DEPTH = 32;
/** Ways from a root to a kustomization; those that list each other twice over double at every level. */
const MAX_WAYS = 10_000;

/** The `images` that apply to a file, the innermost first, and where they stand. */
export interface Layer {
  readonly images: readonly ImageOverride[];
  readonly fileName: string;
}

/**
 * The overrides of each file, once for each way on which a kustomization that no other lists comes to it.
 * @param paths the files that there are
 * @throws UsageError `INVALID_SPEC` for kustomizations in a circle, and for two of one directory.
 */
export function layerFiles(
  all: readonly Kustomization[],
  paths: ReadonlySet<string>,
): { readonly layers: ReadonlyMap<string, readonly (readonly Layer[])[]>; readonly warnings: readonly string[] } {
  const byDirectory = new Map<string, Kustomization>();
  for (const kustomization of all) {
    const other = byDirectory.get(kustomization.directory);
    if (other !== undefined) throw twoFiles(other.fileName, kustomization.fileName);
    byDirectory.set(kustomization.directory, kustomization);
  }
  const layers = new Map<string, (readonly Layer[])[]>();
  const listed = new Set(all.flatMap(({ lists, components }) => [...lists, ...components]));
  const visited = new Set<Kustomization>();
  let ways = 0;
  /** A component changes what the kustomization that uses it has gathered. */
  const componentsOf = (kustomization: Kustomization, depth: number): readonly Layer[] => {
    if (depth > MAX_DEPTH || ++ways > MAX_WAYS) throw circle(kustomization.fileName);
    return kustomization.components.flatMap((path) => {
      const inner = byDirectory.get(path);
      return inner === undefined
        ? []
        : [...componentsOf(inner, depth + 1), { images: inner.images, fileName: inner.fileName }];
    });
  };
  const visit = (kustomization: Kustomization, outer: readonly Layer[], depth: number): void => {
    const { fileName, images } = kustomization;
    if (depth > MAX_DEPTH || ++ways > MAX_WAYS) throw circle(fileName);
    visited.add(kustomization);
    const stack = [...componentsOf(kustomization, depth), { images, fileName }, ...outer];
    for (const path of kustomization.components) {
      const inner = byDirectory.get(path);
      if (inner !== undefined) visit(inner, [{ images, fileName }, ...outer], depth + 1);
    }
    for (const path of [fileName, ...kustomization.lists, ...kustomization.patchFiles]) {
      const inner = byDirectory.get(path);
      if (inner !== undefined) visit(inner, stack, depth + 1);
      else if (paths.has(path)) layers.set(path, [...(layers.get(path) ?? []), stack]);
    }
  };
  for (const root of all.filter(({ directory }) => !listed.has(directory))) visit(root, [], 0);
  const unreached = all.find((kustomization) => !visited.has(kustomization));
  if (unreached !== undefined) throw circle(unreached.fileName);
  const warnings: string[] = [];
  for (const { fileName, lists, components, patchFiles, generators } of all) {
    for (const path of [...lists, ...components, ...patchFiles]) {
      if (!paths.has(path) && !byDirectory.has(path)) warnings.push(elsewhere(fileName, path));
    }
    for (const field of generators) warnings.push(generates(fileName, field));
  }
  return { layers, warnings };
}

/** The image that a pod gets through all layers, and the file that had the last word. */
export function replaceImage(image: string, stack: readonly Layer[]): { readonly image: string; readonly by?: string } {
  return stack.reduce<{ readonly image: string; readonly by?: string }>(
    (held, { images, fileName }) => {
      const changed = overrideImage(held.image, images);
      return changed === held.image ? held : { image: changed, by: fileName };
    },
    { image },
  );
}

function elsewhere(fileName: string, path: string): string {
  return (
    `${fileName} lists ${path}, which is not among the manifests of its component: ` +
    'it is not carried, and its images are not found'
  );
}

function generates(fileName: string, field: string): string {
  return `${fileName} takes resources from ${field}, which is not read: list the images of these under \`images\``;
}

function twoFiles(one: string, other: string): UsageError {
  return new UsageError('INVALID_SPEC', `${one} and ${other} are two kustomizations of one directory`, {
    hint: 'Kustomize refuses that too; keep one of them',
  });
}

function circle(fileName: string): UsageError {
  return new UsageError('INVALID_SPEC', `${fileName} is listed in a circle of kustomizations, or on too many ways`, {
    hint: '`kubectl kustomize` shows the same',
  });
}
