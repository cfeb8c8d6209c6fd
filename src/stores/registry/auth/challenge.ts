/** Reads `WWW-Authenticate` as servers really send it: several challenges joined by commas, any case, any spacing. */

/** Characters of all challenges together that are looked at. */
const MAX_CHALLENGE_LENGTH = 16 * 1024;

/** @see https://www.rfc-editor.org/rfc/rfc9110#name-www-authenticate */
export interface Challenge {
  /** Lower case: `basic`, `bearer`, … */
  readonly scheme: string;
  /** Keys are lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = /[A-Za-z0-9!#$%&'*+.^_`|~-]+/y;
const SPACES = /[ \t]*/y;
/** With its text in the first group; one that is not closed ends with the header. */
const QUOTED = /"((?:[^"\\]|\\[^])*)(?:"|\\?$)/y;
const UNQUOTED = /[^, \t]*/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;

/** Every challenge, in order; what cannot be read is skipped up to the next comma. */
export function parseChallenges(header: string | readonly string[] | undefined): readonly Challenge[] {
  const text = (typeof header === 'string' ? header : (header ?? []).join(', ')).slice(0, MAX_CHALLENGE_LENGTH);
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  const reader = new Reader(text);
  while (!reader.done) {
    reader.skipSeparators();
    const word = reader.take(TOKEN);
    if (word === undefined) {
      reader.skipToComma();
      continue;
    }
    const current = challenges.at(-1);
    if (current !== undefined && reader.takeEquals()) {
      current.parameters[word.toLowerCase()] ??= reader.takeValue();
    } else {
      challenges.push({ scheme: word.toLowerCase(), parameters: {} });
      reader.take(SPACES);
      if (!reader.looksLikeParameter()) reader.take(TOKEN68);
    }
  }
  return challenges;
}

class Reader {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  take(pattern: RegExp): string | undefined {
    return this.#match(pattern)?.[0];
  }

  skipSeparators(): void {
    while (this.#text[this.#at] === ',' || this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at++;
  }

  skipToComma(): void {
    const comma = this.#text.indexOf(',', this.#at);
    this.#at = comma < 0 ? this.#text.length : comma + 1;
  }

  /** Steps over `=` and the spaces around it; leaves the position alone when there is none. */
  takeEquals(): boolean {
    const before = this.#at;
    this.take(SPACES);
    if (this.#text[this.#at] === '=') {
      this.#at++;
      this.take(SPACES);
      return true;
    }
    this.#at = before;
    return false;
  }

  /** A quoted string with its escapes undone, or everything up to a comma or space. */
  takeValue(): string {
    return this.#match(QUOTED)?.[1]?.replaceAll(/\\([^])/g, '$1') ?? this.take(UNQUOTED) ?? '';
  }

  looksLikeParameter(): boolean {
    return /^[A-Za-z0-9!#$%&'*+.^_`|~-]+[ \t]*=[ \t]*[^=,\s]/.test(this.#text.slice(this.#at));
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    this.#at += found?.[0].length ?? 0;
    return found;
  }
}
