/** Kubernetes YAML (or JSON) as resources: every document of a file, lists taken apart, each with its place. */
import { UsageError } from '../../errors.ts';
import { isKustomizationFile } from './kustomization.ts';
import { readYaml, type YamlDocument, type YamlPath } from '../../base/yaml-source.ts';

/** UTF-16 units of one file; rendered charts and CRD collections are large. */
const MAX_FILE_LENGTH = 16 * 1024 * 1024;
/** Lists within lists. */
const MAX_LIST_DEPTH = 4;

/** The line of what was not written by a person. */
export const NO_LINE = 0;

/** One object a person wants in the cluster. */
export interface KubernetesResource {
  readonly apiVersion: string;
  readonly kind: string;
  /** `metadata.name`, or `metadata.generateName`, or empty. */
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly value: Readonly<Record<string, unknown>>;
  readonly fileName: string;
  /** Where the resource begins; {@link NO_LINE} for what was rendered. */
  readonly line: number;
  /** The line of a value inside of it. */
  lineOf(path: YamlPath): number;
}

/** Whether a file of a manifest directory is read for resources; others are carried only. */
export function isKubernetesFile(path: string): boolean {
  return /\.(ya?ml|json)$/.test(path) && !isKustomizationFile(path);
}

/**
 * Reads the resources of a file in their order. Empty documents are skipped; `List`, `PodList` and their like are
 * replaced by their items. Scalars are read by YAML 1.2 (`yes` and `on` stay text), `<<` merges, as Kubernetes does.
 * @throws UsageError `INVALID_SPEC` naming file and line: broken YAML, a document that is no resource.
 */
export function readKubernetesYaml(text: string, fileName: string): readonly KubernetesResource[] {
  return readDocuments(text, fileName).flatMap((document) => readResources(document, fileName));
}

/** The documents of a file that hold something. @throws UsageError `INVALID_SPEC` for broken YAML. */
export function readDocuments(text: string, fileName: string): readonly YamlDocument[] {
  const documents = readYaml(text.replace(/^\uFEFF/, ''), fileName, { merge: true, maxLength: MAX_FILE_LENGTH });
  return documents.filter(({ value }) => value !== null && value !== undefined);
}

/**
 * The resources of one document.
 * @throws UsageError `INVALID_SPEC` for a document that is no resource.
 */
export function readResources(document: YamlDocument, fileName: string): readonly KubernetesResource[] {
  return resourcesOf(document, document.value, [], fileName);
}

function resourcesOf(
  document: YamlDocument,
  value: unknown,
  path: YamlPath,
  fileName: string,
  inheritedKind?: { readonly apiVersion: string; readonly kind: string },
  depth = 0,
): readonly KubernetesResource[] {
  const lineOf = (inner: YamlPath): number => document.locate([...path, ...inner]).line;
  const refuse = (why: string): UsageError =>
    new UsageError('INVALID_SPEC', `${fileName}:${lineOf([])}: ${why}`, {
      hint: 'manifests hold Kubernetes resources only; carry other files under docs or files',
    });
  if (!isMapping(value)) throw refuse('is not a Kubernetes resource but a bare value or list');
  const kind = typeof value['kind'] === 'string' ? value['kind'] : inheritedKind?.kind;
  const apiVersion = typeof value['apiVersion'] === 'string' ? value['apiVersion'] : inheritedKind?.apiVersion;
  if (kind === undefined || kind === '') throw refuse('has no kind');
  if (apiVersion === undefined || apiVersion === '') throw refuse(`${kind} has no apiVersion`);
  const items = value['items'];
  if (kind.endsWith('List') && Array.isArray(items)) {
    if (depth >= MAX_LIST_DEPTH) throw refuse('lists are nested too deep');
    const inherited = kind === 'List' ? undefined : { apiVersion, kind: kind.slice(0, -'List'.length) };
    return items.flatMap((item, index) =>
      resourcesOf(document, item, [...path, 'items', index], fileName, inherited, depth + 1),
    );
  }
  const metadata = isMapping(value['metadata']) ? value['metadata'] : {};
  const text = (key: string): string | undefined => (typeof metadata[key] === 'string' ? metadata[key] : undefined);
  return [
    {
      apiVersion,
      kind,
      name: text('name') ?? text('generateName') ?? '',
      ...(text('namespace') === undefined ? {} : { namespace: text('namespace') }),
      value,
      fileName,
      line: lineOf([]),
      lineOf,
    },
  ];
}

/** Whether the value is a YAML mapping. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
