/** Another tool's YAML, read by what it is expected to hold: every wrong type is named with its line, nothing is lost in silence. */
import { UsageError } from '../../errors.ts';
import { hideAccounts, showText } from '../../base/http/redact.ts';
import type { YamlDocument, YamlPath } from '../../base/yaml-source.ts';
import type { At, Unexpressed } from './imported-release.ts';

/** Problems shown at once. */
const MAX_PROBLEMS = 20;
/** Keys of one mapping: the place of each is looked for from the top. */
const MAX_KEYS = 2_000;
/** Characters of foreign text that are repeated in one remark. */
const MAX_SHOWN = 200;

/** Foreign text for a message or a comment: one line, without credentials, not without end. */
export function shown(text: string): string {
  const safe = showText(hideAccounts(text));
  return safe.length > MAX_SHOWN ? `${safe.slice(0, MAX_SHOWN)}…` : safe;
}

/** What is found out while one file is read. */
export class ForeignFile {
  readonly name: string;
  readonly #unexpressed: Unexpressed[] = [];
  /** A fault may be met several times. */
  readonly #problems = new Set<string>();

  /** `name` is what messages call the file. */
  constructor(name: string) {
    this.name = name;
  }

  /** In the order they were found. */
  get unexpressed(): readonly Unexpressed[] {
    return this.#unexpressed;
  }

  /** Content that a release.yaml cannot name. `message` says what it is and what to do. */
  leave(at: At, message: string): void {
    this.#unexpressed.push({ at, message, isContent: true });
  }

  /** Something that is not about content: how a tool does what it does. */
  remark(at: At, message: string): void {
    this.#unexpressed.push({ at, message, isContent: false });
  }

  /** Something that is wrong with the file itself. */
  refuse(at: At, message: string): void {
    this.#problems.add(`${this.name}:${at}: ${message}`);
  }

  /**
   * Ends the reading.
   * @throws UsageError `INVALID_SPEC` with what {@link refuse} collected, if anything.
   */
  assertWellFormed(format: string): void {
    if (this.#problems.size === 0) return;
    const more = this.#problems.size - MAX_PROBLEMS;
    const lines = [...[...this.#problems].slice(0, MAX_PROBLEMS), ...(more > 0 ? [`and ${more} more`] : [])];
    throw new UsageError('INVALID_SPEC', lines.join('\n  '), {
      hint: `it was read as ${format}; correct it, or say with --from what it is`,
      details: { file: this.name, problems: this.#problems.size },
    });
  }
}

/** One place of a document. A field that is absent or null is like an empty one. */
export class Field {
  readonly file: ForeignFile;
  readonly #document: YamlDocument;
  readonly #path: YamlPath;
  readonly #value: unknown;

  private constructor(file: ForeignFile, document: YamlDocument, path: YamlPath, value: unknown) {
    this.file = file;
    this.#document = document;
    this.#path = path;
    this.#value = value ?? undefined;
  }

  /** The whole document; {@link get} and {@link items} lead on. */
  static of(file: ForeignFile, document: YamlDocument): Field {
    return new Field(file, document, [], document.value);
  }

  get at(): At {
    return this.#document.locate(this.#path).line;
  }

  get isThere(): boolean {
    return this.#value !== undefined;
  }

  get isText(): boolean {
    return typeof this.#value === 'string';
  }

  get isList(): boolean {
    return Array.isArray(this.#value);
  }

  /** Keys of a mapping. */
  get keys(): readonly string[] {
    return Object.keys(this.#mapping() ?? {});
  }

  /** A field of a mapping; what is no mapping is refused. */
  get(key: string): Field {
    const mapping = this.#mapping();
    const value = mapping !== undefined && Object.hasOwn(mapping, key) ? mapping[key] : undefined;
    return new Field(this.file, this.#document, [...this.#path, key], value);
  }

  /** The items of a list; what is no list is refused. */
  get items(): readonly Field[] {
    if (this.#value === undefined) return [];
    if (!Array.isArray(this.#value)) return this.#wrong('a list', []);
    return this.#value.map((item, index) => new Field(this.file, this.#document, [...this.#path, index], item));
  }

  /** The fields of a mapping, with their keys. */
  get entries(): readonly (readonly [string, Field])[] {
    return this.keys.map((key) => [key, this.get(key)]);
  }

  /** Text as it was written: a version `1.10` without quotes is not the number 1.1. */
  get text(): string | undefined {
    if (typeof this.#value === 'string') return this.#value;
    if (typeof this.#value === 'number' || typeof this.#value === 'boolean') {
      return this.#document.sourceAt(this.#path) ?? String(this.#value);
    }
    return this.#value === undefined ? undefined : this.#wrong('text', undefined);
  }

  /** Text that has to be there. */
  get requiredText(): string | undefined {
    const { text } = this;
    if (text !== undefined && text !== '') return text;
    if (!this.isThere || text === '') this.file.refuse(this.at, `${this.label} is missing`);
    return undefined;
  }

  get isTrue(): boolean {
    return this.#value === true || this.#value === 'true';
  }

  /** Names the fields of a mapping that were not read, each with why; `known` were read, or are about no content. */
  leaveUnknown(known: readonly string[]): void {
    for (const key of this.keys.filter((each) => !known.includes(each))) {
      const field = this.get(key);
      if (field.isThere) this.file.remark(field.at, `${field.label} is not known here and was not read`);
    }
  }

  /** `components[0].images`, for messages. */
  get label(): string {
    const text = this.#path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${shown(key)}`)).join('');
    return text.replace(/^\./, '') || 'the document';
  }

  #mapping(): Readonly<Record<string, unknown>> | undefined {
    if (this.#value === undefined) return undefined;
    if (typeof this.#value !== 'object' || Array.isArray(this.#value)) return this.#wrong('a mapping', undefined);
    const mapping = this.#value as Record<string, unknown>;
    if (Object.keys(mapping).length <= MAX_KEYS) return mapping;
    this.file.refuse(this.at, `${this.label} has more than ${MAX_KEYS} entries`);
    return undefined;
  }

  #wrong<T>(expected: string, instead: T): T {
    const found = Array.isArray(this.#value) ? 'a list' : typeof this.#value === 'object' ? 'a mapping' : 'plain text';
    this.file.refuse(this.at, `${this.label}: expected ${expected}, found ${found}`);
    return instead;
  }
}
