/** Finds one entry in the text of a large index by its lines, so that only that entry has to be read as YAML. */

/** Names that are kept to suggest one of them. */
const MAX_NAMES = 20_000;
/** Versions of one chart. */
const MAX_VERSIONS = 50_000;
const KEY = /^(?:"([^"\\]*)"|'([^']*)'|([A-Za-z0-9_./+-]+))\s*:(?:\s+(.*))?$/;
const EMPTY = /^(?:\[\s*\]|null|~)?\s*(?:#.*)?$/;

/** One version of the chart, as a piece of the text. */
export interface ScannedItem {
  readonly version: string;
  /** Where its text begins and ends, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

/** What was found. */
export interface ScannedEntry {
  readonly items: readonly ScannedItem[];
  /** All charts of the index. */
  readonly names: readonly string[];
}

interface Line {
  readonly start: number;
  readonly indent: number;
  /** Without its indentation and the end of the line. */
  readonly text: string;
}

/**
 * The items below `entries.<name>`, in block style as `helm repo index` and every server of charts write it: there, a line
 * belongs to the key above it that is less indented. Undefined for any other form, which is to be read as a whole.
 */
export function scanEntry(text: string, name: string): ScannedEntry | undefined {
  const names: string[] = [];
  const found: Line[] = [];
  let state: 'before' | 'entries' | 'after' = 'before';
  let level = -1;
  let isWanted = false;
  let end = text.length;
  for (const line of linesOf(text)) {
    if (state === 'before') {
      if (line.indent === 0 && /^["']?entries["']?\s*:\s*(?:#.*)?$/.test(line.text)) state = 'entries';
      else if (line.indent === 0 && /^["']?entries["']?\s*:/.test(line.text)) return undefined;
      continue;
    }
    if (line.indent === 0) {
      if (isWanted) end = line.start;
      state = 'after';
      break;
    }
    if (level < 0) level = line.indent;
    if (line.indent < level) return undefined;
    const isItem = line.text === '-' || line.text.startsWith('- ');
    if (line.indent > level || isItem) {
      if (isWanted) found.push(line);
      continue;
    }
    const key = KEY.exec(line.text);
    if (key === null || !EMPTY.test(key[4] ?? '')) return undefined;
    if (isWanted) end = line.start;
    const current = key[1] ?? key[2] ?? key[3] ?? '';
    isWanted = current === name;
    if (isWanted && names.includes(name)) return undefined;
    if (isWanted) end = text.length;
    if (names.length < MAX_NAMES || isWanted) names.push(current);
  }
  if (state === 'before') return undefined;
  const items = itemsOf(found, end);
  return items && { items, names };
}

/** Divides the lines of an entry at the dashes of its list. */
function itemsOf(lines: readonly Line[], end: number): readonly ScannedItem[] | undefined {
  const [first] = lines;
  if (first === undefined) return [];
  const items: ScannedItem[] = [];
  let start: number | undefined;
  let keyIndent = -1;
  let version: string | undefined;
  const close = (at: number): void => {
    if (start !== undefined && version !== undefined) items.push({ version, start, end: at });
    version = undefined;
  };
  for (const line of lines) {
    if (line.indent < first.indent) return undefined;
    let { indent, text } = line;
    if (indent === first.indent) {
      if (!text.startsWith('-')) return undefined;
      close(line.start);
      start = line.start;
      const inner = text.slice(1).trimStart();
      keyIndent = inner === '' ? -1 : indent + text.length - inner.length;
      [indent, text] = [keyIndent, inner];
      if (inner === '') continue;
    }
    if (keyIndent < 0) keyIndent = indent;
    if (indent === keyIndent) version ??= versionIn(text);
    if (items.length > MAX_VERSIONS) return undefined;
  }
  close(end);
  return items;
}

/** The value of a line `version: …`. */
function versionIn(text: string): string | undefined {
  const match = /^["']?version["']?\s*:\s+(?:"([^"\\]*)"|'([^']*)'|([^\s#"'][^\s#]*))\s*(?:#.*)?$/.exec(text);
  return match?.[1] ?? match?.[2] ?? match?.[3];
}

/** Lines that say something: neither empty, nor comments, nor marks of documents. */
function* linesOf(text: string): Generator<Line> {
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const stop = newline < 0 ? text.length : newline;
    let from = start;
    while (from < stop && text.charCodeAt(from) === 32) from += 1;
    const content = text.slice(from, stop).trimEnd();
    if (content !== '' && !content.startsWith('#') && !(from === start && /^(?:---|\.\.\.|%)/.test(content))) {
      yield { start, indent: from - start, text: content };
    }
    start = stop + 1;
  }
}
