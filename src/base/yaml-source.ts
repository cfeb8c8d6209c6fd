/** YAML from people and other machines: read within limits, with the line and column of everything in it. */
import { Composer, isAlias, isCollection, isMap, isScalar, Lexer, LineCounter, Parser, visit } from 'yaml';
import type { CST, Document, Node } from 'yaml';
import { UsageError } from '../errors.ts';
import { hintForYaml, type YamlFault } from './yaml-hints.ts';

/** Bytes (as UTF-16 units) of one text. */
export const MAX_YAML_LENGTH: number = 1024 * 1024;
/** How deep one text may nest; the reader is recursive. */
const MAX_DEPTH = 200;
/** Values an alias may stand for in all, against texts that double themselves. */
const MAX_ALIASES = 100;
/** Aliases of one text; the library looks for each one's anchor from the top. */
const MAX_ALIAS_NODES = 200;
/**
 * Words, marks and line ends of one text. Each takes some microseconds and hundreds of bytes: a text of nothing else is
 * worth a hundred of its size. The largest collections of resource definitions have half as many.
 */
const MAX_LEXEMES = 2_000_000;
/** What the lexer puts in front of a scalar. */
const SCALAR_MARK = '\x1f';
const MAX_DOCUMENTS = 10_000;
const MAX_SYNTAX_PROBLEMS = 20;

/** One place of a document: keys and positions from the top. */
export type YamlPath = readonly (string | number)[];

/** One-based. */
export interface YamlPosition {
  readonly line: number;
  readonly column: number;
}

/** One document of a text. */
export interface YamlDocument {
  /** What the document says, as plain JavaScript. `null` for an empty document. */
  readonly value: unknown;
  /** Where the document begins. */
  readonly start: YamlPosition;
  /** Where the value at a path stands; of what contains it where there is none. */
  locate(path: YamlPath): YamlPosition;
  /** How the scalar at a path is written, where it is one: `1.10` and not the number 1.1. */
  sourceAt(path: YamlPath): string | undefined;
  /** Where a key stands in the mapping at a path. */
  locateKey(path: YamlPath, key: string): YamlPosition;
}

/** Options of {@link readYaml}. */
export interface YamlOptions {
  /** Whether `<<` merges mappings, as Kubernetes' reader does. @defaultValue false */
  readonly merge?: boolean | undefined;
  /** UTF-16 units. @defaultValue 1 MiB */
  readonly maxLength?: number | undefined;
  /** Words, marks and line ends. @defaultValue 2,000,000 */
  readonly maxLexemes?: number | undefined;
  /** Whether a key that appears twice is refused; otherwise the last one counts. @defaultValue true */
  readonly uniqueKeys?: boolean | undefined;
}

/**
 * Reads every document of a text. Duplicate keys, unknown tags, deep nesting and alias bombs are refused.
 * @throws UsageError `INVALID_SPEC` naming file, line and column of each syntax problem.
 */
export function readYaml(text: string, fileName: string, options: YamlOptions = {}): readonly YamlDocument[] {
  const { documents, lines } = composeYaml(text, fileName, { maxAliases: MAX_ALIAS_NODES, ...options });
  const faults = documents.flatMap((document) => [
    ...document.warnings.map(({ pos, message, code }) => ({ offset: pos[0], message, code })),
    ...findBadKeys(document, options.uniqueKeys ?? true),
  ]);
  refuseFaults(faults, text, fileName, lines);
  return documents.map((document) => toYamlDocument(document, lines, fileName));
}

/** Options of {@link composeYaml}. */
export interface ComposeOptions extends Pick<YamlOptions, 'merge' | 'maxLength' | 'maxLexemes'> {
  /** Aliases of one text. */
  readonly maxAliases: number;
}

/**
 * The documents of a text as trees of nodes, with nothing in them evaluated.
 * @throws UsageError `INVALID_SPEC` naming file, line and column of each syntax error, and for a text over the limits.
 */
export function composeYaml(
  text: string,
  fileName: string,
  { merge = false, maxLength = MAX_YAML_LENGTH, maxAliases, maxLexemes = MAX_LEXEMES }: ComposeOptions,
): { readonly documents: readonly Document.Parsed[]; readonly lines: LineCounter } {
  if (text.length > maxLength) throw invalid(`${fileName}: is larger than ${maxLength} characters`);
  const lines = new LineCounter();
  const tokens = tokenize(text, lines, fileName, { maxAliases, maxLexemes });
  // The library compares every key with every other; duplicates are found in linear time below.
  const composer = new Composer({ merge, prettyErrors: false, uniqueKeys: false, version: '1.2' });
  const documents = [...composer.compose(tokens)];
  if (documents.length > MAX_DOCUMENTS) throw invalid(`${fileName}: has more than ${MAX_DOCUMENTS} documents`);
  const errors = documents.flatMap((document) => document.errors);
  refuseFaults(
    errors.map(({ pos, message, code }) => ({ offset: pos[0], message, code })),
    text,
    fileName,
    lines,
  );
  return { documents, lines };
}

/** @throws UsageError `INVALID_SPEC` when there are any, with the place of each and the next step for the first. */
export function refuseFaults(faults: readonly YamlFault[], text: string, fileName: string, lines: LineCounter): void {
  const [first] = faults;
  if (first === undefined) return;
  const shown = faults.slice(0, MAX_SYNTAX_PROBLEMS).map(({ offset, message }) => {
    const { line, col } = lines.linePos(offset);
    return `${fileName}:${line}:${col}: ${message}`;
  });
  throw invalid(shown.join('\n'), hintForYaml(text, first));
}

/**
 * What a document says, as plain JavaScript.
 * @throws UsageError `INVALID_SPEC` where its aliases stand for too much.
 */
export function plainValueOf(document: Document.Parsed, fileName: string, maxAliasCount: number): unknown {
  try {
    return document.toJS({ maxAliasCount });
  } catch (error) {
    throw invalid(
      `${fileName}: ${error instanceof Error ? error.message : 'cannot be read'}`,
      'write the values out instead of aliases',
      error,
    );
  }
}

function toYamlDocument(document: Document.Parsed, lines: LineCounter, fileName: string): YamlDocument {
  const value = plainValueOf(document, fileName, MAX_ALIASES);
  const positionOf = (node: Node | null | undefined, fallback: number): YamlPosition => {
    const { line, col } = lines.linePos(node?.range?.[0] ?? fallback);
    return { line, column: col };
  };
  const top = document.contents?.range?.[0] ?? document.range[0];
  return {
    value,
    start: positionOf(undefined, top),
    locate: (path) => positionOf(nodeAt(document, path), top),
    sourceAt: (path) => {
      const node = nodeAt(document, path);
      return isScalar(node) ? node.source : undefined;
    },
    locateKey: (path, key) => {
      const node = nodeAt(document, path);
      const pair = isMap(node)
        ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
        : undefined;
      return positionOf((pair?.key as Node | undefined) ?? node, top);
    },
  };
}

/** The node at a path, or the last one on the way to it. */
function nodeAt(document: Document.Parsed, path: YamlPath): Node | null {
  let node: Node | null = document.contents;
  for (const key of path) {
    const current: Node | undefined = isAlias(node) ? node.resolve(document) : (node ?? undefined);
    const next: unknown = isCollection(current) ? current.get(key, true) : undefined;
    if (!isNode(next)) break;
    node = next;
  }
  return node;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'range' in value;
}

/** The first, stack-free stage of reading: knows how deep the text nests before anything recursive sees it. */
function tokenize(
  text: string,
  lines: LineCounter,
  fileName: string,
  { maxAliases, maxLexemes }: { readonly maxAliases: number; readonly maxLexemes: number },
): readonly CST.Token[] {
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  let aliases = 0;
  let lexemes = 0;
  let before = '';
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    if (++lexemes > maxLexemes) {
      throw new UsageError('INVALID_SPEC', `${fileName}: has more than ${maxLexemes} words, marks and line ends`, {
        hint: 'divide it into several files',
      });
    }
    if (lexeme.startsWith('*') && before !== SCALAR_MARK) aliases += 1;
    if (aliases > maxAliases) throw invalid(`${fileName}: has more than ${maxAliases} aliases`);
    before = lexeme;
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > MAX_DEPTH) {
      const { line, col } = lines.linePos(parser.offset);
      throw invalid(`${fileName}:${line}:${col}: is nested deeper than ${MAX_DEPTH}`);
    }
  }
  tokens.push(...parser.end());
  return tokens;
}

/** Keys that appear twice in one mapping, and keys that are no plain scalars. */
function findBadKeys(document: Document.Parsed, uniqueKeys: boolean): readonly YamlFault[] {
  const faults: YamlFault[] = [];
  visit(document, {
    Map: (_key, map) => {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const offset = (key as Node | null)?.range?.[0] ?? map.range?.[0] ?? 0;
        if (!isScalar(key)) {
          faults.push({ offset, message: 'a key must be plain text', code: 'BAD_KEY' });
          continue;
        }
        const name = String(key.value);
        if (uniqueKeys && seen.has(name)) {
          const message = `duplicate key ${JSON.stringify(name.slice(0, 100))}`;
          faults.push({ offset, message, code: 'DUPLICATE_KEY' });
        }
        seen.add(name);
      }
      return faults.length > MAX_SYNTAX_PROBLEMS ? visit.BREAK : undefined;
    },
  });
  return faults;
}

function invalid(message: string, hint?: string, cause?: unknown): UsageError {
  return new UsageError('INVALID_SPEC', message, { hint, cause });
}
