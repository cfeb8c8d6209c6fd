/** `values.schema.json`: what Helm compiles before it installs a chart, checked for what would not compile. */
import { jsonFaultOf, parseJson } from '../../base/json/parse-json.ts';
import { UsageError } from '../../errors.ts';
import { MAX_CHART_FILE_BYTES } from './chart-files.ts';
import { isMapping } from '../resources/yaml-documents.ts';

/** Go's, and with it Helm's. @see https://pkg.go.dev/encoding/json */
export const MAX_JSON_DEPTH: number = 10_000;
const TYPES = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'];
/** Keywords by what must follow them. */
const SCHEMA = ['additionalItems', 'additionalProperties', 'contains', 'else', 'if', 'not', 'propertyNames', 'then'];
const SCHEMA_LISTS = ['allOf', 'anyOf', 'oneOf'];
const SCHEMA_MAPS = ['$defs', 'definitions', 'dependentSchemas', 'patternProperties', 'properties'];
const NUMBERS = ['maximum', 'minimum', 'multipleOf'];
const COUNTS = ['maxItems', 'maxLength', 'maxProperties', 'minItems', 'minLength', 'minProperties'];
const TEXTS = ['$comment', 'description', 'format', 'title'];
/** Schemas that every compiler carries. */
const BUILT_IN = /^https?:\/\/json-schema\.org\//;

interface Place {
  readonly schema: unknown;
  readonly pointer: string;
}

/**
 * Insists that a values.schema.json can be compiled: JSON, keywords of the right shape, expressions that Go's engine
 * knows, references that lead somewhere.
 * @returns what it refers to outside of itself, which Helm fetches when it installs.
 * @throws UsageError `INVALID_SPEC` naming the file and the place in it.
 * @see https://json-schema.org/draft/2020-12/json-schema-validation
 */
export function checkValuesSchema(text: string, fileName: string): readonly string[] {
  const refuse = (pointer: string, why: string, cause?: unknown): UsageError =>
    new UsageError('INVALID_SPEC', `${fileName}${pointer === '' ? '' : `#${pointer}`}: ${why}`, {
      hint: 'Helm does not install a chart whose schema it cannot compile; `helm lint` shows the same',
      cause,
    });
  let root: unknown;
  try {
    root = parseJson(text, { maxBytes: MAX_CHART_FILE_BYTES, reading: 'lenient', maxDepth: MAX_JSON_DEPTH });
  } catch (error) {
    throw refuse('', jsonFaultOf(error), error);
  }
  const outside = new Set<string>();
  const open: Place[] = [{ schema: root, pointer: '' }];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { schema, pointer } = place;
    if (typeof schema === 'boolean') continue;
    if (!isMapping(schema)) throw refuse(pointer, 'must be a schema, which is an object or true or false');
    const fault = faultOf(schema);
    if (fault !== undefined) throw refuse(pointer, fault);
    for (const reference of [schema['$ref'], schema['$schema']]) {
      if (typeof reference !== 'string' || BUILT_IN.test(reference)) continue;
      if (!reference.startsWith('#')) outside.add(reference);
      else if (!leadsSomewhere(root, reference)) throw refuse(pointer, `nothing is at $ref ${JSON.stringify(reference)}`);
    }
    open.push(...childrenOf(schema, pointer));
  }
  return [...outside].sort();
}

function faultOf(schema: Readonly<Record<string, unknown>>): string | undefined {
  const { type, required, enum: choices, pattern, $ref, patternProperties } = schema;
  const types: readonly unknown[] = Array.isArray(type) ? type : type === undefined ? [] : [type];
  const unknown = types.find((name) => !TYPES.includes(name as string));
  if (unknown !== undefined) return `there is no type ${JSON.stringify(unknown).slice(0, 100)}`;
  if (required !== undefined && !isListOf(required, 'string')) return 'required must be a list of names';
  if (choices !== undefined && !Array.isArray(choices)) return 'enum must be a list';
  if ($ref !== undefined && typeof $ref !== 'string') return '$ref must be text';
  const wrong = (keys: readonly string[], isRight: (value: unknown) => boolean): string | undefined =>
    keys.find((key) => schema[key] !== undefined && !isRight(schema[key]));
  const odd =
    wrong(NUMBERS, (value) => typeof value === 'number') ??
    wrong(COUNTS, (value) => Number.isInteger(value) && (value as number) >= 0) ??
    wrong(TEXTS, (value) => typeof value === 'string') ??
    wrong(SCHEMA_MAPS, isMapping) ??
    wrong(SCHEMA_LISTS, (value) => Array.isArray(value) && value.length > 0);
  if (odd !== undefined) return `${odd} has a value of the wrong kind`;
  if (pattern !== undefined && typeof pattern !== 'string') return 'pattern must be text';
  const expressions = [...(pattern === undefined ? [] : [pattern]), ...Object.keys(patternProperties ?? {})];
  const foreign = expressions.find((expression) => !isGoExpression(expression));
  return foreign === undefined ? undefined : `Go has no such expression as ${JSON.stringify(foreign).slice(0, 200)}`;
}

function childrenOf(schema: Readonly<Record<string, unknown>>, pointer: string): readonly Place[] {
  // Appended to, which copies nothing: a deep schema would copy its own depth at every level.
  const at = (...keys: readonly (string | number)[]): string =>
    keys.reduce<string>((path, key) => `${path}/${escapePointer(String(key))}`, pointer);
  const { items } = schema;
  return [
    ...SCHEMA.filter((key) => schema[key] !== undefined).map((key) => ({ schema: schema[key], pointer: at(key) })),
    ...SCHEMA_MAPS.flatMap((key) =>
      Object.entries(schema[key] ?? {}).map(([name, inner]) => ({ schema: inner as unknown, pointer: at(key, name) })),
    ),
    ...[...SCHEMA_LISTS, ...(Array.isArray(items) ? ['items'] : [])].flatMap((key) =>
      ((schema[key] ?? []) as unknown[]).map((inner, index) => ({ schema: inner, pointer: at(key, index) })),
    ),
    ...(items === undefined || Array.isArray(items) ? [] : [{ schema: items, pointer: at('items') }]),
  ];
}

/** Go's engine always ends, and therefore looks neither ahead nor behind nor back at a group. */
function isGoExpression(expression: string): boolean {
  // A class that does not end is read once, not again from each of its characters.
  const withoutClass = (found: string): string => (found.endsWith(']') ? '' : found);
  const plain = expression.replaceAll(/\\[^1-9]/g, '').replaceAll(/\[[^\]]*(?:\]|$)/g, withoutClass);
  return !/\(\?(?:[=!]|<[=!])|\\[1-9]/.test(plain);
}

function isListOf(value: unknown, type: 'string'): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === type);
}

/** Whether `#/definitions/x` exists; names of anchors are taken on trust. */
function leadsSomewhere(root: unknown, reference: string): boolean {
  if (reference === '#') return true;
  if (!reference.startsWith('#/')) return true;
  let current: unknown = root;
  for (const part of reference.slice(2).split('/')) {
    const key = unescapePointer(part);
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return false;
    current = (current as Record<string, unknown>)[key];
  }
  return true;
}

/** @see https://www.rfc-editor.org/rfc/rfc6901 */
function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

function unescapePointer(part: string): string {
  const text = part.replaceAll('~1', '/').replaceAll('~0', '~');
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
