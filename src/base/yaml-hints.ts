/** What a person can do about a fault of a YAML text, by its kind. */
import type { ErrorCode } from 'yaml';

/** One fault of a text. */
export interface YamlFault {
  /** UTF-16 units from the start of the text. */
  readonly offset: number;
  readonly message: string;
  /** The reader's own code, or what this product adds to them. */
  readonly code: ErrorCode | 'BAD_KEY';
}

const TEMPLATE = 'templates are not YAML: render them first, or put quotes around {{ }} where it is meant as text';
const BY_CODE: Partial<Record<YamlFault['code'], string>> = {
  TAB_AS_INDENT: 'indent with spaces; YAML takes no tabs',
  DUPLICATE_KEY: 'a map key may appear once only; remove one of them',
  BAD_SCALAR_START: 'put the value in quotes; it begins with a character that YAML keeps for itself',
  BLOCK_AS_IMPLICIT_KEY: 'put a value with ": " in it in quotes, or check the indentation',
  TAG_RESOLVE_FAILED: 'tags are not taken; write the value out',
};

/** The next step for the first fault of a text. */
export function hintForYaml(text: string, { offset, code }: YamlFault): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  const line = text.slice(start, end < 0 ? undefined : end);
  if (/^[<>]{7} /m.test(text)) return 'the file holds an unresolved merge conflict';
  if (line.includes('{{')) return TEMPLATE;
  if (code === 'UNEXPECTED_TOKEN' && text[offset] === '{' && text.slice(0, offset).trimEnd().endsWith('}')) {
    return 'one JSON text follows another: write --- between them, or make them a list';
  }
  return BY_CODE[code] ?? 'the text is not well-formed here; check quotes, brackets and indentation';
}
