/** Kustomize's own file: what it lists, and the images it puts in the place of others. */
import * as z from 'zod';
import { readYaml } from '../../base/yaml-source.ts';
import { UsageError } from '../../errors.ts';

/** The names by which Kustomize finds its file in a directory. */
const FILE_NAME = /^(kustomization\.ya?ml|Kustomization)$/;
const MAX_ENTRIES = 10_000;
/** Fields that fetch or make resources whose images stand nowhere here. */
const GENERATORS = ['helmCharts', 'helmChartInflationGenerator', 'generators'] as const;

const Paths = z.array(z.string()).max(MAX_ENTRIES).nullish();
const Patch = z.object({ path: z.string().nullish(), patch: z.string().nullish() });
const GeneratedFiles = z.array(z.object({ files: Paths, envs: Paths })).nullish();
const ImageOverride = z.object({
  name: z.string(),
  newName: z.string().nullish(),
  newTag: z.union([z.string(), z.number()]).transform(String).nullish(),
  // Applied once or twice, depending on the version of Kustomize and on where the image stands.
  tagSuffix: z.undefined({ error: 'tagSuffix is applied differently by different Kustomize; write newTag' }).optional(),
  digest: z.string().nullish(),
});

/** One entry of `images`: what takes the place of an image with this name. */
export type ImageOverride = z.infer<typeof ImageOverride>;

/** @see https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/ */
const Document = z.object({
  resources: Paths,
  bases: Paths,
  components: Paths,
  crds: Paths,
  configurations: Paths,
  patchesStrategicMerge: Paths,
  patches: z.array(Patch).max(MAX_ENTRIES).nullish(),
  patchesJson6902: z.array(Patch).max(MAX_ENTRIES).nullish(),
  configMapGenerator: GeneratedFiles,
  secretGenerator: GeneratedFiles,
  images: z.array(ImageOverride).max(MAX_ENTRIES).nullish(),
  helmCharts: z.unknown().optional(),
  helmChartInflationGenerator: z.unknown().optional(),
  generators: z.unknown().optional(),
});

/** A kustomization that was read. Paths are relative to the release.yaml; what leads out of it, or is a URL, is as written. */
export interface Kustomization {
  readonly fileName: string;
  /** Its own directory; empty for that of the release.yaml. */
  readonly directory: string;
  /** Files and directories whose resources it takes. */
  readonly lists: readonly string[];
  /** Directories of components, which change what it gathers. */
  readonly components: readonly string[];
  /** Files of patches, and patches that are written in it. */
  readonly patchFiles: readonly string[];
  readonly patches: readonly string[];
  /** Files that it reads and that hold no resources. */
  readonly data: readonly string[];
  /** Applied one after the other. */
  readonly images: readonly ImageOverride[];
  /** Fields by which it takes resources from elsewhere. */
  readonly generators: readonly string[];
}

/** Whether a file is one that Kustomize reads a directory by. */
export function isKustomizationFile(path: string): boolean {
  return FILE_NAME.test(path.slice(path.lastIndexOf('/') + 1));
}

/**
 * Reads a kustomization.
 * @throws UsageError `INVALID_SPEC` naming file and line.
 */
export function readKustomization(text: string, fileName: string): Kustomization {
  const [document] = readYaml(text.replace(/^\uFEFF/, ''), fileName);
  const parsed = Document.safeParse(document?.value ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = (issue?.path ?? []) as (string | number)[];
    const { line, column } = document?.locate(path) ?? { line: 1, column: 1 };
    throw new UsageError('INVALID_SPEC', `${fileName}:${line}:${column}: ${issue?.message ?? 'invalid'}`, {
      hint: 'a kustomization that Kustomize would not build cannot be read for images either',
      cause: parsed.error,
    });
  }
  const { data } = parsed;
  const directory = fileName.includes('/') ? fileName.slice(0, fileName.lastIndexOf('/')) : '';
  const below = (paths: readonly string[] | null | undefined): readonly string[] =>
    (paths ?? []).map((path) => joinPath(directory, path));
  const patches = [...(data.patches ?? []), ...(data.patchesJson6902 ?? [])];
  const strategic = data.patchesStrategicMerge ?? [];
  const generated = [...(data.configMapGenerator ?? []), ...(data.secretGenerator ?? [])];
  return {
    fileName,
    directory,
    lists: below([...(data.resources ?? []), ...(data.bases ?? []), ...(data.crds ?? [])]),
    components: below(data.components),
    patchFiles: below([
      ...patches.flatMap(({ path }) => path ?? []),
      ...strategic.filter((entry) => !entry.includes('\n')),
    ]),
    patches: [...patches.flatMap(({ patch }) => patch ?? []), ...strategic.filter((entry) => entry.includes('\n'))],
    data: below([
      ...(data.configurations ?? []),
      ...generated.flatMap(({ files, envs }) => [...(files ?? []), ...(envs ?? [])]).map(withoutKey),
    ]),
    images: data.images ?? [],
    generators: GENERATORS.filter((field) => data[field] !== undefined && data[field] !== null),
  };
}

/**
 * The image that a pod gets in the place of another, as Kustomize's image transformer decides: the name must be the
 * same text, a new tag or digest replaces both.
 * @see https://github.com/kubernetes-sigs/kustomize/blob/master/api/filters/imagetag/updater.go
 */
export function overrideImage(image: string, overrides: readonly ImageOverride[]): string {
  return overrides.reduce(applyOverride, image);
}

function applyOverride(image: string, { name, newName, newTag, digest }: ImageOverride): string {
  const [, own = '', tag = '', pinned = ''] = /^(.*?)(:[\w.{}-]*)?(@sha256:[\w.{}-]*)?$/s.exec(image) ?? [];
  if (own !== name) return image;
  const renamed = isText(newName) ? newName : own;
  if (isText(newTag)) return `${renamed}:${newTag}${isText(digest) ? `@${digest}` : ''}`;
  if (isText(digest)) return `${renamed}@${digest}`;
  return `${renamed}${tag}${pinned}`;
}

function isText(value: string | null | undefined): value is string {
  return value !== undefined && value !== null && value !== '';
}

/** `key=path` of a generator. */
function withoutKey(entry: string): string {
  return entry.slice(entry.indexOf('=') + 1);
}

function joinPath(directory: string, path: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\/|^git@/i.test(path)) return path;
  const segments: string[] = directory === '' ? [] : directory.split('/');
  for (const segment of path.split('/')) {
    if (segment === '..' && segments.length > 0 && segments.at(-1) !== '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments.join('/');
}
