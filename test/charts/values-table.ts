/** The table of a chart's values by helm-docs' convention: a comment `# -- text` above a key describes it. */
import { isMap, isScalar, parseDocument, type Node, type Pair } from 'yaml';

/** One value. */
export interface DocumentedValue {
  /** `controlPlane.replicas`. */
  readonly key: string;
  readonly type: string;
  /** As JSON. */
  readonly value: string;
  /** Empty where there is no comment. */
  readonly description: string;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  if (value !== null && typeof value === 'object') return 'object';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  return typeof value === 'boolean' ? 'bool' : 'string';
}

/** The text after ` --`, to the end of the comment. */
function descriptionOf(comment: string | null | undefined): string {
  const [, text = ''] = /(?:^|\n) -- ([^]*)$/.exec(comment ?? '') ?? [];
  return text.replaceAll(/\n ?/g, ' ').trim();
}

function valuesOf(node: Node, path: readonly string[], inherited: string | null | undefined): DocumentedValue[] {
  if (!isMap(node)) return [];
  return (node.items as Pair<Node, Node>[]).flatMap((pair, index) => {
    const key = [...path, String(isScalar(pair.key) ? pair.key.value : pair.key)];
    // The parser gives the comment above the first key to the mapping.
    const comment = pair.key.commentBefore ?? (index === 0 ? (node.commentBefore ?? inherited) : undefined);
    const description = descriptionOf(comment);
    const value: unknown = pair.value?.toJSON();
    if (description === '' && isMap(pair.value) && pair.value.items.length > 0) {
      return valuesOf(pair.value, key, undefined);
    }
    return [{ key: key.join('.'), type: typeOf(value), value: JSON.stringify(value), description }];
  });
}

/** Each value that is described, and each leaf that is not, in order of the file. */
export function listValues(valuesYaml: string): readonly DocumentedValue[] {
  const document = parseDocument(valuesYaml);
  return document.contents === null ? [] : valuesOf(document.contents, [], document.commentBefore);
}

/** The rows as Markdown; helm-docs sorts them by key. */
export function formatValuesTable(values: readonly DocumentedValue[]): string {
  const rows = [...values]
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, type, value, description }) => `| ${key} | ${type} | \`${value}\` | ${description} |`);
  return ['| Key | Type | Default | Description |', '|-----|------|---------|-------------|', ...rows].join('\n');
}
