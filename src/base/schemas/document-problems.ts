/** Turns what is wrong with a YAML document that a person writes into lines to act on: where, what, and the nearest right word. */
import type { z } from 'zod';
import { UsageError } from '../../errors.ts';
import { nearest } from '../suggestion.ts';
import type { YamlDocument, YamlPath, YamlPosition } from '../yaml-source.ts';

/** Problems shown at once. */
const MAX_PROBLEMS = 20;

/** One thing that is wrong. */
export interface DocumentProblem {
  readonly position: YamlPosition;
  /** `components[0].images[2]`; empty for the document. */
  readonly path: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** What has to be known of a kind of document to say what is wrong with one. */
export interface DocumentShape {
  /** The fields of the mapping at a path: what an unknown key may have meant. */
  fieldsAt(path: YamlPath): readonly string[];
  /** What may stand at a place where several things may: `text or a mapping`. */
  choicesAt(path: YamlPath): string;
  /** Where a key belongs that has no place at this path. */
  placeOf?(key: string, path: YamlPath): string | undefined;
  /** The next step that holds for every problem. */
  readonly hint: string;
}

type Issue = z.core.$ZodIssue;

/** The problems zod found, with the branch of a union that the person meant. */
export function toProblems(
  issues: readonly Issue[],
  document: YamlDocument,
  shape: DocumentShape,
): readonly DocumentProblem[] {
  return issues.flatMap((issue) => fromIssue(issue, [], document, shape));
}

function fromIssue(
  issue: Issue,
  prefix: YamlPath,
  document: YamlDocument,
  shape: DocumentShape,
): readonly DocumentProblem[] {
  const path = [...prefix, ...issue.path] as (string | number)[];
  if (issue.code === 'invalid_union') {
    const isOff = (candidate: Issue): boolean => candidate.path.length === 0 && candidate.code === 'invalid_type';
    const meant = issue.errors.find((branch) => !branch.some((candidate) => isOff(candidate) || isLiteral(candidate)));
    if (meant !== undefined) return meant.flatMap((inner) => fromIssue(inner, path, document, shape));
    const message = `expected ${shape.choicesAt(path)}, found ${kindOf(valueAt(document.value, path))}`;
    return [problem(document.locate(path), path, message)];
  }
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(key, path, document, shape));
  }
  const value = valueAt(document.value, path);
  if (issue.code === 'invalid_type') return [wrongType(issue.expected, value, path, document)];
  if (issue.code === 'invalid_value') {
    const requested = issue.values.map(String).join(' or ');
    const message = value === undefined ? `is missing; it must be ${requested}` : `must be ${requested}`;
    return [problem(document.locate(path), path, message)];
  }
  if (issue.code === 'too_small') {
    const message = typeof value === 'number' ? `must be at least ${issue.minimum}` : 'must not be empty';
    return [problem(document.locate(path), path, message)];
  }
  const hint = issue.code === 'custom' ? (issue.params?.hint as string | undefined) : undefined;
  return [problem(document.locate(path), path, issue.message, hint)];
}

function isLiteral(issue: Issue): boolean {
  return issue.code === 'invalid_value' && issue.path.length === 0;
}

function unknownKey(key: string, path: YamlPath, document: YamlDocument, shape: DocumentShape): DocumentProblem {
  const fields = shape.fieldsAt(path);
  const meant = nearest(key, fields);
  const hint =
    shape.placeOf?.(key, path) ??
    (meant !== undefined
      ? `did you mean ${meant}?`
      : fields.length === 0
        ? undefined
        : `the fields here are ${fields.join(', ')}`);
  return problem(document.locateKey(path, key), path, `unknown field ${JSON.stringify(key.slice(0, 100))}`, hint);
}

function wrongType(expected: string, value: unknown, path: YamlPath, document: YamlDocument): DocumentProblem {
  const position = document.locate(path);
  if (value === undefined) return problem(position, path, 'is missing');
  const isBareScalar = typeof value === 'number' || typeof value === 'boolean';
  const read = isBareScalar ? String(value) : '';
  const written = document.sourceAt(path) ?? read;
  const why = written === read ? '' : `without quotes YAML reads ${written} as ${read}; `;
  const hint = expected === 'string' && isBareScalar ? `${why}put it in quotes: '${written}'` : undefined;
  return problem(position, path, `expected ${nameOf(expected)}, found ${kindOf(value)}`, hint);
}

/** Makes a problem at a place of the document. */
export function problem(position: YamlPosition, path: YamlPath, message: string, hint?: string): DocumentProblem {
  return { position, path: formatPath(path), message, hint };
}

/** One error for all problems of a file, in the order of the file, at most twenty shown. */
export function invalidDocument(
  problems: readonly DocumentProblem[],
  fileName: string,
  { hint: nextStep }: Pick<DocumentShape, 'hint'>,
): UsageError {
  const sorted = [...problems].sort(
    (a, b) => a.position.line - b.position.line || a.position.column - b.position.column,
  );
  const lines = sorted.slice(0, MAX_PROBLEMS).map(({ position, path, message, hint }) => {
    const where = `${fileName}:${position.line}:${position.column}`;
    return `${where}: ${path === '' ? '' : `${path}: `}${message}${hint === undefined ? '' : ` (${hint})`}`;
  });
  const more = sorted.length - lines.length;
  const title = sorted.length === 1 ? [] : [`${fileName} has ${sorted.length} problems`];
  const rest = more > 0 ? [`and ${more} more`] : [];
  return new UsageError('INVALID_SPEC', [...title, ...lines, ...rest].join('\n  '), {
    hint: nextStep,
    details: { file: fileName, problems: sorted.length },
  });
}

function formatPath(path: YamlPath): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
    .join('')
    .replace(/^\./, '');
}

function valueAt(value: unknown, path: YamlPath): unknown {
  let current: unknown = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined;
    current = (current as Record<string | number, unknown>)[key];
  }
  return current;
}

function nameOf(expected: string): string {
  return { string: 'text', array: 'a list', object: 'a mapping' }[expected] ?? expected;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string'
    ? `the text ${JSON.stringify(value.slice(0, 60))}`
    : `${typeof value} ${JSON.stringify(value)}`;
}
