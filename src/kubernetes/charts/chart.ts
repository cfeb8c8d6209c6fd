/** What a Helm chart says about itself: metadata, values, and the images it declares. */
import * as z from 'zod';
import { AirgapError, UsageError } from '../../errors.ts';
import { readYaml } from '../../base/yaml-source.ts';
import type { ImageHit } from '../resources/images.ts';
import { parseReference, withDefaultTag } from '../../oci/reference.ts';
import { isMapping } from '../resources/yaml-documents.ts';

/** Annotations by which charts list their images: Bitnami's, Artifact Hub's, and Helm's proposal 15. */
const IMAGE_ANNOTATIONS = ['images', 'artifacthub.io/images', 'helm.sh/images'] as const;
const CHART_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,249}$/;
const CHART_VERSION = /^v?[0-9]+(\.[0-9]+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
const MAX_LIST = 1_000;

/** One file of a chart; the path is relative to the chart, with forward slashes. */
export interface ChartFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** Helm takes numbers and booleans where text is meant. */
const Text = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const optionalText = Text.nullish();

/**
 * Chart.yaml; unknown fields are left out. The order of fields is Helm's own, so that the OCI config is Helm's too.
 * @see https://helm.sh/docs/topics/charts/#the-chartyaml-file
 */
export const ChartMetadata = z.object({
  name: Text.pipe(z.string().regex(CHART_NAME, 'is no chart name')),
  home: optionalText,
  sources: z.array(Text).max(MAX_LIST).nullish(),
  version: Text.pipe(z.string().regex(CHART_VERSION, 'is no semantic version')),
  description: optionalText,
  keywords: z.array(Text).max(MAX_LIST).nullish(),
  maintainers: z
    .array(z.object({ name: optionalText, email: optionalText, url: optionalText }))
    .max(MAX_LIST)
    .nullish(),
  icon: optionalText,
  apiVersion: Text.pipe(z.enum(['v1', 'v2'])),
  condition: optionalText,
  tags: optionalText,
  appVersion: optionalText,
  deprecated: z.boolean().nullish(),
  annotations: z.record(z.string(), Text).nullish(),
  kubeVersion: optionalText,
  dependencies: z
    .array(
      z.object({
        name: Text,
        version: optionalText,
        repository: optionalText,
        condition: optionalText,
        tags: z.array(Text).nullish(),
        enabled: z.boolean().nullish(),
        'import-values': z.array(z.unknown()).nullish(),
        alias: optionalText,
      }),
    )
    .max(MAX_LIST)
    .nullish(),
  type: optionalText,
});
export type ChartMetadata = z.infer<typeof ChartMetadata>;

/**
 * Reads a Chart.yaml.
 * @throws UsageError `INVALID_SPEC` naming the file and the field.
 */
export function parseChartMetadata(text: string, fileName: string): ChartMetadata {
  const [document] = readYaml(text.replace(/^\uFEFF/, ''), fileName, { merge: true });
  const parsed = ChartMetadata.safeParse(document?.value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = (issue?.path ?? []) as (string | number)[];
  const place = document?.locate(path);
  throw new UsageError(
    'INVALID_SPEC',
    `${fileName}:${place?.line ?? 1}:${place?.column ?? 1}: ${toOneLine(path.join('.'))}: ${toOneLine(issue?.message ?? 'invalid')}`,
    { cause: parsed.error },
  );
}

/** Keys of a stranger's file may hold anything, and a line of its own in a message could pass for ours. */
function toOneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

/** The chart's own default values; an empty mapping when it has none. */
export function readChartValues(files: readonly ChartFile[], chartName: string): Readonly<Record<string, unknown>> {
  const file = files.find(({ path }) => path === 'values.yaml');
  if (file === undefined) return {};
  const [document] = readYaml(file.bytes.toString('utf8'), `${chartName}/values.yaml`, { merge: true });
  return isMapping(document?.value) ? document.value : {};
}

/**
 * The images a chart and the unpacked charts it depends on declare in their annotations. Charts that declare none give
 * none: what they pull is known only after rendering.
 * @throws UsageError `INVALID_SPEC` naming the chart, the annotation and the entry that is no reference.
 */
export function findDeclaredImages(files: readonly ChartFile[], chartPath: string): readonly ImageHit[] {
  return files
    .filter(({ path }) => /^(charts\/[^/]+\/)*Chart\.yaml$/.test(path))
    .flatMap(({ path, bytes }) => {
      const fileName = `${chartPath}/${path}`;
      const { annotations } = parseChartMetadata(bytes.toString('utf8'), fileName);
      return IMAGE_ANNOTATIONS.flatMap((key) =>
        readAnnotation(annotations?.[key], `${fileName} annotations["${key}"]`),
      );
    });
}

function readAnnotation(text: string | undefined, at: string): readonly ImageHit[] {
  if (text === undefined || text.trim() === '') return [];
  const [document] = readYaml(text, at);
  const entries: unknown = document?.value;
  if (!Array.isArray(entries)) {
    throw new UsageError('INVALID_SPEC', `${at}: must be a list of images`, {
      hint: 'each entry has a name and an image: "- name: app\\n  image: registry/app:1.0"',
    });
  }
  return entries.map((entry: unknown, index): ImageHit => {
    const image: unknown = isMapping(entry) ? entry['image'] : entry;
    const place = `${at}[${index}]`;
    if (typeof image !== 'string') throw new UsageError('INVALID_SPEC', `${place}: has no image`);
    try {
      return { reference: withDefaultTag(parseReference(image)), at: place };
    } catch (error) {
      if (!(error instanceof AirgapError)) throw error;
      throw new UsageError('INVALID_SPEC', `${place}: ${error.message}`, { hint: error.hint, cause: error });
    }
  });
}
