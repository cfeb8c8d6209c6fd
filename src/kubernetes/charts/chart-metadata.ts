/** What a Helm chart says about itself: Chart.yaml, and the files of its dependencies. */
import * as z from 'zod';
import { UsageError } from '../../errors.ts';
import { readYaml } from '../../base/yaml-source.ts';
import { isVersion } from './semantic-version.ts';
import { isVersionRange } from './version-range.ts';

const ALIAS = /^[a-zA-Z0-9_-]+$/;
const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$/;
const MAX_LIST = 1_000;

/** Helm takes numbers and booleans where text is meant, and nothing for empty text. */
const Text = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const optionalText = Text.nullish();
const TextOrNothing = z.union([Text, z.null().transform(() => '')]);

const Dependencies = z
  .array(
    z.object({
      name: Text,
      version: optionalText,
      repository: optionalText,
      condition: optionalText,
      tags: z.array(TextOrNothing).nullish(),
      enabled: z.boolean().nullish(),
      'import-values': z.array(z.unknown()).nullish(),
      alias: Text.pipe(z.string().regex(ALIAS, 'may hold letters, digits, _ and - only')).nullish().or(z.literal('')),
    }),
  )
  .max(MAX_LIST)
  .check(({ value, issues }) => {
    const seen = new Set<string>();
    value.forEach(({ name, alias }, index) => {
      const key = (alias ?? '') === '' ? name : (alias as string);
      if (seen.has(key)) {
        const message = `more than one dependency is called ${JSON.stringify(key)}`;
        issues.push({ code: 'custom', message, path: [index], input: value });
      }
      seen.add(key);
    });
  });

/**
 * Chart.yaml; unknown fields are left out. The order of fields is Helm's own, so that the OCI config is Helm's too.
 * @see https://helm.sh/docs/topics/charts/#the-chartyaml-file
 */
export const ChartMetadata = z.object({
  name: Text.refine(isFileName, 'is not a chart name'),
  home: optionalText,
  sources: z.array(TextOrNothing).max(MAX_LIST).nullish(),
  version: Text.refine(isVersion, 'is not a semantic version'),
  description: optionalText,
  keywords: z.array(TextOrNothing).max(MAX_LIST).nullish(),
  maintainers: z
    .array(z.object({ name: optionalText, email: optionalText, url: optionalText }))
    .max(MAX_LIST)
    .nullish(),
  icon: optionalText,
  apiVersion: TextOrNothing.optional()
    .transform((version) => (version === undefined || version === '' ? 'v1' : version))
    .pipe(z.enum(['v1', 'v2'])),
  condition: optionalText,
  tags: optionalText,
  appVersion: optionalText,
  deprecated: z.boolean().nullish(),
  annotations: z.record(z.string(), TextOrNothing).nullish(),
  kubeVersion: Text.refine(isVersionRange, 'is no range of versions').nullish(),
  dependencies: Dependencies.nullish(),
  type: Text.pipe(z.enum(['', 'application', 'library'])).nullish(),
});
export type ChartMetadata = z.infer<typeof ChartMetadata>;

const Requirements = z.object({ dependencies: Dependencies.nullish() }).nullish();
const ChartLock = z
  .object({
    generated: z.string().regex(TIME, 'is no RFC 3339 time').nullish(),
    digest: optionalText,
    dependencies: z
      .array(z.object({ name: optionalText, version: optionalText, repository: optionalText }).nullable())
      .nullish(),
  })
  .nullish();
/** What a lock pins. */
export type ChartLock = NonNullable<z.infer<typeof ChartLock>>;

/**
 * Reads a Chart.yaml, of which Helm takes the first document and the last of two equal keys.
 * @throws UsageError `INVALID_SPEC` naming the file and the field.
 */
export function parseChartMetadata(text: string, fileName: string): ChartMetadata {
  return parse(ChartMetadata, text, fileName);
}

/**
 * Reads a requirements.yaml, where charts of version 1 declare their dependencies.
 * @throws UsageError `INVALID_SPEC` naming the file and the field.
 */
export function parseRequirements(text: string, fileName: string): Pick<ChartMetadata, 'dependencies'> {
  return parse(Requirements, text, fileName) ?? {};
}

/**
 * Reads a Chart.lock or requirements.lock; undefined for an empty one.
 * @throws UsageError `INVALID_SPEC` naming the file and the field, where Helm would not load it.
 */
export function parseChartLock(text: string, fileName: string): ChartLock | undefined {
  return parse(ChartLock, text, fileName) ?? undefined;
}

function parse<T>(schema: z.ZodType<T>, text: string, fileName: string): T {
  const [document] = readYaml(text.replace(/^\uFEFF/, ''), fileName, { merge: true, uniqueKeys: false });
  const parsed = schema.safeParse(document?.value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = (issue?.path ?? []) as (string | number)[];
  const { line, column } = document?.locate(path) ?? { line: 1, column: 1 };
  const where = path.length === 0 ? '' : `${toOneLine(path.join('.'))}: `;
  const message = `${fileName}:${line}:${column}: ${where}${toOneLine(issue?.message ?? 'invalid')}`;
  throw new UsageError('INVALID_SPEC', message, { cause: parsed.error });
}

/**
 * Versions that are no text and that Helm therefore reads otherwise than they are written, a sentence each: of a chart
 * 1.10 it makes 1.1.
 */
export function findVersionsReadOtherwise(text: string, fileName: string): readonly string[] {
  const [document] = readYaml(text.replace(/^\uFEFF/, ''), fileName, { merge: true, uniqueKeys: false });
  return ['version', 'appVersion'].flatMap((field) => {
    const written = document?.sourceAt([field]);
    const value = (document?.value as Readonly<Record<string, unknown>> | null)?.[field];
    if (typeof value !== 'number' || written === undefined || written === String(value)) return [];
    return [`${fileName}: Helm reads ${field} ${written} as ${value}, since it has no quotes`];
  });
}

/** Helm's rule: what stays itself as the name of a directory. */
function isFileName(text: string): boolean {
  return text !== '' && text !== '.' && text !== '..' && !text.includes('/');
}

/** Keys of a stranger's file may hold anything, and a line of its own in a message could pass for ours. */
function toOneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}
