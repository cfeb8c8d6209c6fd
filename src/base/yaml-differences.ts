/** Two YAML texts of one shape: what they say, and the scalars in which they differ, each with its place in both. */
import { isAlias, isMap, isScalar, isSeq, type Document, type Scalar } from 'yaml';
import { composeYaml, plainValueOf, type YamlPath } from './yaml-source.ts';

/** UTF-16 units of one text. */
const MAX_LENGTH = 16 * 1024 * 1024;
/** Aliases of one text. */
const MAX_ALIASES = 200;

/** A scalar as one of the two texts has it. */
export interface YamlScalar {
  /** What it says, as text. */
  readonly text: string;
  /** Whether it is text in YAML, and no number, truth value or null. */
  readonly isText: boolean;
  /** Whether it is written as a block, by `|` or `>`. */
  readonly isBlock: boolean;
  /** Where it stands: UTF-16 units from the start of the text, the end not included. */
  readonly range: readonly [start: number, end: number];
}

/** One place at which two texts say something else. */
export interface YamlDifference {
  readonly path: YamlPath;
  readonly scalars: readonly [YamlScalar, YamlScalar];
}

/** Two texts, read. */
export interface YamlComparison {
  /** What the first says, as plain JavaScript; undefined where it is not exactly one document. */
  readonly value: unknown;
  /** In the order of the text; undefined where they differ in more than scalars. */
  readonly differences: readonly YamlDifference[] | undefined;
}

/**
 * Compares two texts of one document each.
 * @throws UsageError `INVALID_SPEC` naming file, line and column of what is no YAML.
 */
export function compareYaml([one, other]: readonly [string, string], fileName: string): YamlComparison {
  const limits = { merge: true, maxLength: MAX_LENGTH, maxAliases: MAX_ALIASES };
  const first = composeYaml(one, fileName, limits).documents;
  const [only, ...more] = first;
  const value = only === undefined || more.length > 0 ? undefined : plainValueOf(only, fileName, MAX_ALIASES);
  if (one === other) return { value, differences: [] };
  const second = composeYaml(other, fileName, limits).documents;
  if (first.length !== 1 || second.length !== 1) return { value, differences: undefined };
  const differences: YamlDifference[] = [];
  const roots = [first[0], second[0]] as unknown as readonly [Document.Parsed, Document.Parsed];
  const isSameShape = compareNodes(roots[0].contents, roots[1].contents, [], differences);
  return { value, differences: isSameShape ? differences : undefined };
}

/** Whether both have the same shape; scalars that differ are added to `found`. */
function compareNodes(a: unknown, b: unknown, path: YamlPath, found: YamlDifference[]): boolean {
  if (isScalar(a) && isScalar(b)) {
    if (a.value === b.value) return true;
    found.push({ path, scalars: [toScalar(a), toScalar(b)] });
    return true;
  }
  if (isMap(a) && isMap(b)) {
    return (
      a.items.length === b.items.length &&
      a.items.every(({ key, value }, index) => {
        const pair = b.items[index];
        const name =
          isScalar(key) && isScalar(pair?.key) && key.value === pair.key.value ? String(key.value) : undefined;
        return name !== undefined && compareNodes(value, pair?.value, [...path, name], found);
      })
    );
  }
  if (isSeq(a) && isSeq(b)) {
    return (
      a.items.length === b.items.length &&
      a.items.every((item, index) => compareNodes(item, b.items[index], [...path, index], found))
    );
  }
  if (isAlias(a) && isAlias(b)) return a.source === b.source;
  return (a ?? null) === null && (b ?? null) === null;
}

function toScalar({ value, type, range }: Scalar): YamlScalar {
  const [start = 0, end = 0] = range ?? [];
  return {
    text: String(value),
    isText: typeof value === 'string',
    isBlock: type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED',
    range: [start, end],
  };
}
