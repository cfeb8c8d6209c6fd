/** Makes one text of two renderings of a resource: what differs, and what is secret, becomes a placeholder. */
import { compareYaml, type YamlDifference, type YamlScalar } from '../../base/yaml-differences.ts';
import { isMapping } from '../resources/yaml-documents.ts';
import type { SiteValues, ValuePair } from './site-values.ts';

/**
 * Times, runs of characters that passwords, hashes and tokens are made of, and what is between them. A time is one word: not
 * all of its parts differ at every rendering.
 */
const WORDS =
  /[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?|[A-Za-z0-9+/=_-]+|[^A-Za-z0-9+/=_-]+/g;
/** Keys that stand as they are in YAML. */
const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_./-]*$/;
const YAML_WORD = /^(y|yes|n|no|on|off|true|false|null)$/i;

/** A resource, rendered twice. */
export interface ResourcePair {
  readonly texts: readonly [string, string];
  /** What it says, by the first. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Undefined where they differ in more than scalars. */
  readonly differences: readonly YamlDifference[] | undefined;
}

/** Reads both renderings of a resource. @throws UsageError `INVALID_SPEC` for what is no YAML. */
export function readResourcePair(texts: readonly [string, string], shownAs: string): ResourcePair | undefined {
  const { value, differences } = compareYaml(texts, shownAs);
  return isMapping(value) ? { texts, value, differences } : undefined;
}

/**
 * The text of a resource that is the same however often it is rendered; undefined where its shape is not. Comments that
 * differ are left out.
 * @param secrets texts that are secret in the data of a Secret even though they do not differ
 */
export function stabilize(pair: ResourcePair, values: SiteValues, secrets: ReadonlySet<string>): string | undefined {
  const { texts, value, differences } = pair;
  if (differences === undefined) return undefined;
  if (value['kind'] === 'Secret') {
    const secret = stabilizeSecret(pair, values, secrets);
    if (secret !== undefined) return secret;
  }
  const about = aboutOf(value, differences);
  const edits = differences.map((difference) => editsOf(difference, texts, about, values));
  const edited = texts.map((text, side) =>
    edits.toReversed().reduce((rest, { scalars, to }) => {
      const [start, end] = (scalars[side] as YamlScalar).range;
      return rest.slice(0, start) + (to[side] ?? '') + rest.slice(end);
    }, text),
  );
  return dropComments(edited[0] ?? '', edited[1] ?? '');
}

/** A Secret is written anew where anything in it is left to the site, its `stringData` as `data`, as the cluster keeps it. */
function stabilizeSecret(
  { value, differences = [] }: ResourcePair,
  values: SiteValues,
  secrets: ReadonlySet<string>,
): string | undefined {
  const about = aboutOf(value, differences);
  const pairs = new Map(
    differences.map(({ path, scalars: [a, b] }) => [JSON.stringify(path), [a.text, b.text] as const]),
  );
  let isChanged = false;
  const data: Record<string, unknown> = {};
  for (const field of ['data', 'stringData']) {
    for (const [key, own] of Object.entries(isMapping(value[field]) ? value[field] : {})) {
      const decode = (text: string): string =>
        field === 'data' ? Buffer.from(text, 'base64').toString('latin1') : Buffer.from(text).toString('latin1');
      const text = typeof own === 'string' ? own : JSON.stringify(own ?? '');
      const pair = pairs.get(JSON.stringify([field, key])) ?? ([text, text] as const);
      const [one, other]: ValuePair = [decode(pair[0]), decode(pair[1])];
      if (one === other && !secrets.has(Buffer.from(one, 'latin1').toString())) {
        data[key] = Buffer.from(one, 'latin1').toString('base64');
        continue;
      }
      isChanged = true;
      data[key] = values.placeholder(
        [one, other],
        [...about, key],
        `${describe(value, differences)}, data.${key}`,
        'base64',
      );
    }
  }
  const isInData = ([top]: YamlDifference['path']): boolean => top === 'data' || top === 'stringData';
  if (!isChanged && differences.every(({ path }) => isInData(path))) return undefined;
  const outside = new Map(
    differences
      .filter(({ path }) => !isInData(path))
      .map(({ path, scalars: [a, b] }) => {
        const place = `${describe(value, differences)}, ${path.join('.')}`;
        return [
          JSON.stringify(path),
          values.placeholder([a.text, b.text], [...about, String(path.at(-1))], place, 'plain'),
        ];
      }),
  );
  const { data: _, stringData: __, ...rest } = value;
  return `${formatMapping({ ...(replaceAt(rest, [], outside) as object), data }, '')}`;
}

/** What both texts get in the place of a scalar. */
function editsOf(
  { path, scalars }: YamlDifference,
  texts: readonly [string, string],
  about: readonly string[],
  values: SiteValues,
): { readonly scalars: YamlDifference['scalars']; readonly to: readonly [string, string] } {
  const [a, b] = scalars;
  const words = [...about, String(path.at(-1) ?? '')];
  const place = `${about.join(' ')}, ${path.join('.')}`;
  const fill = (pair: ValuePair): string => values.placeholder(pair, words, place, 'plain');
  if (a.isBlock && b.isBlock) {
    // As it is written, so that a long text stays one that a person can read.
    const [one, other] = [texts[0].slice(...a.range), texts[1].slice(...b.range)];
    const merged = mergeWords([one, other], fill);
    if (merged !== undefined) return { scalars, to: [merged, merged] };
  }
  const whole = (): string => fill([a.text, b.text]);
  if (!a.isText && !b.isText) {
    const bare = whole();
    return { scalars, to: [bare, bare] };
  }
  const text = JSON.stringify(mergeWords([a.text, b.text], fill) ?? whole());
  const end = ({ isBlock }: YamlScalar): string => (isBlock ? '\n' : '');
  return { scalars, to: [text + end(a), text + end(b)] };
}

/** One text with a placeholder for each word that differs; undefined where other than words do, or most words do. */
function mergeWords([one, other]: ValuePair, fill: (pair: ValuePair) => string): string | undefined {
  const [mine, theirs] = [one.match(WORDS) ?? [], other.match(WORDS) ?? []];
  if (mine.length !== theirs.length) return undefined;
  const isWord = (part: string): boolean => /^[A-Za-z0-9+/=_-]/.test(part);
  const differing = mine.filter((part, index) => part !== theirs[index]);
  if (mine.some((part, index) => part !== theirs[index] && !(isWord(part) && isWord(theirs[index] ?? ''))))
    return undefined;
  // A certificate: its words mean nothing one by one.
  if (differing.length > 1 && differing.length * 2 > mine.filter(isWord).length) return undefined;
  return mine.map((part, index) => (part === theirs[index] ? part : fill([part, theirs[index] ?? '']))).join('');
}

/** Words for names of placeholders: the resource, unless its own name differs. */
function aboutOf(value: ResourcePair['value'], differences: readonly YamlDifference[]): readonly string[] {
  const name = isMapping(value['metadata']) ? value['metadata']['name'] : undefined;
  const isOwn = differences.some(({ path }) => path.join('.') === 'metadata.name');
  return [String(typeof name !== 'string' || isOwn ? value['kind'] : name)];
}

function describe(value: ResourcePair['value'], differences: readonly YamlDifference[]): string {
  const [name = ''] = aboutOf(value, differences);
  return name === value['kind'] ? name : `${String(value['kind'])} ${name}`;
}

/** The first text without the comments that the second has otherwise; undefined where more differs. */
function dropComments(one: string, other: string): string | undefined {
  if (one === other) return one;
  const [mine, theirs] = [one.split('\n'), other.split('\n')];
  if (mine.length !== theirs.length) return undefined;
  const isComment = (line: string): boolean => /^\s*#/.test(line);
  const isLost = mine.some(
    (line, index) => line !== theirs[index] && !(isComment(line) && isComment(theirs[index] ?? '')),
  );
  return isLost ? undefined : mine.filter((line, index) => line === theirs[index]).join('\n');
}

function replaceAt(value: unknown, path: readonly (string | number)[], by: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item, index) => replaceAt(item, [...path, index], by));
  if (!isMapping(value)) return by.get(JSON.stringify(path)) ?? value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaceAt(item, [...path, key], by)]));
}

/** Mappings as blocks; all else as JSON, which is YAML that no reader takes for anything else. */
function formatMapping(value: Readonly<Record<string, unknown>>, indent: string): string {
  return Object.entries(value)
    .map(([key, item]) => {
      const name = PLAIN_KEY.test(key) && !YAML_WORD.test(key) ? key : JSON.stringify(key);
      const isBlock = isMapping(item) && Object.keys(item).length > 0;
      return `${indent}${name}:${isBlock ? `\n${formatMapping(item, `${indent}  `)}` : ` ${JSON.stringify(item ?? null)}\n`}`;
    })
    .join('');
}
