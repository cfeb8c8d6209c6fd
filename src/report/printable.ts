/**
 * Makes text safe to show: no escape sequence, no line break, no reversed writing, and no password or token. Everything
 * that is printed passes through here, and every report.
 */
import { hideSecrets } from '../base/http/redact.ts';

/**
 * What a terminal acts upon instead of showing it: C0 and C1 controls, DEL, line separators, marks that reorder or hide
 * text, tags, and halves of surrogate pairs.
 * @see https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;

/** One line that shows what it holds: `\x1b` for an escape character, `\u202e` for a mark that turns text around. */
export function toPrintable(text: string): string {
  return hideSecrets(text).replaceAll(UNSAFE, escapeCharacter);
}

/** A value as JSON that is safe to show; characters it may hold are written as `\uXXXX`. @param indent spaces */
export function toPrintableJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(
    value,
    (_, each: unknown) => (typeof each === 'string' ? hideSecrets(each) : each),
    indent,
  );
  return json.replaceAll(UNSAFE, (character) =>
    character === '\n' ? character : [...Array(character.length).keys()].map((at) => unit(character, at)).join(''),
  );
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : unit(character, 0);
}

function unit(character: string, at: number): string {
  return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
}
