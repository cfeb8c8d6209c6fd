/** Regular expressions that people write, matched in time that is linear in the text: no backtracking, whatever the expression. */
import { UsageError } from '../../errors.ts';

const MAX_LENGTH = 256;
/** Steps of one expression once its counts are written out; each may be looked at for every character. */
const MAX_STEPS = 1000;
const MAX_COUNT = 100;
const MAX_NESTING = 20;

/** Whether a text has something that the expression matches. */
export type LinearPattern = (text: string) => boolean;

type IsMember = (character: string) => boolean;

type Step =
  | { readonly take: IsMember }
  | { readonly at: 'start' | 'end' }
  /** Goes on at each of these. */
  | { readonly to: number[] };

/** A part of an expression, which writes its steps behind those that are there. */
type Part = (steps: Step[]) => void;

const CLASSES: Readonly<Record<string, IsMember>> = {
  d: (character) => /^[0-9]$/.test(character),
  w: (character) => /^[A-Za-z0-9_]$/.test(character),
  s: (character) => /^\s$/.test(character),
};
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

/**
 * Reads an expression: letters, `.`, `[a-z]`, `[^/]`, `\d`, `\w`, `\s`, groups, `|`, `?`, `*`, `+`, `{2,5}`, `^` and `$`. It
 * may match anywhere in a text unless `^` and `$` say otherwise. Neither back references nor looking around is there.
 * @throws UsageError `INVALID_SPEC`
 */
export function parseLinearPattern(source: string): LinearPattern {
  if (source.length > MAX_LENGTH) throw invalid(`is longer than ${MAX_LENGTH} characters`);
  const steps: Step[] = [];
  new PatternReader([...source]).readAll()(steps);
  return (text) => matches(steps, text);
}

/** Follows every way through the steps at once: at most one place each, for each character. */
function matches(steps: readonly Step[], text: string): boolean {
  const characters = [...text];
  let current = new Set<number>();
  for (let index = 0; index <= characters.length; index += 1) {
    const open = [...current, 0];
    const reached = new Set<number>();
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (reached.has(at)) continue;
      reached.add(at);
      const step = steps[at];
      if (step === undefined) return true;
      if ('to' in step) open.push(...step.to);
      else if ('at' in step && index === (step.at === 'start' ? 0 : characters.length)) open.push(at + 1);
    }
    const character = characters[index];
    current = new Set();
    if (character === undefined) continue;
    for (const at of reached) {
      const step = steps[at];
      if (step !== undefined && 'take' in step && step.take(character)) current.add(at + 1);
    }
  }
  return false;
}

/** Reads an expression from its first character to its last. */
class PatternReader {
  readonly #source: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(source: readonly string[]) {
    this.#source = source;
  }

  readAll(): Part {
    const part = this.#readAlternatives();
    if (this.#at < this.#source.length) throw invalid('has a ) that nothing opens');
    return part;
  }

  #readAlternatives(): Part {
    if (++this.#depth > MAX_NESTING) throw invalid(`is nested deeper than ${MAX_NESTING}`);
    const branches = [this.#readSequence()];
    while (this.#take('|')) branches.push(this.#readSequence());
    this.#depth -= 1;
    return branches.reduceRight((rest, branch) => either(branch, rest));
  }

  #readSequence(): Part {
    const parts: Part[] = [];
    while (this.#at < this.#source.length && !'|)'.includes(this.#peek())) parts.push(this.#readRepeated());
    return (steps) => {
      for (const part of parts) part(steps);
    };
  }

  #readRepeated(): Part {
    const start = this.#at;
    const part = this.#readOne();
    const [least, most] = this.#readCount();
    if (least === 1 && most === 1) return part;
    if (/^[\^$]$/.test(this.#source[start] ?? '')) throw invalid('repeats ^ or $');
    if (/^[?*+{]$/.test(this.#peek())) throw invalid('repeats what is repeated');
    return repeated(part, least, most);
  }

  /** How often what was read may come; without a limit, Infinity. */
  #readCount(): readonly [least: number, most: number] {
    if (this.#take('?')) return [0, 1];
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (!this.#take('{')) return [1, 1];
    const end = this.#source.indexOf('}', this.#at);
    const words = this.#source.slice(this.#at, Math.max(end, this.#at)).join('');
    const [, least, comma, most] = /^([0-9]{1,3})(,?)([0-9]{0,3})$/.exec(words) ?? [];
    if (least === undefined)
      throw invalid('has a { without a count such as {2} or {2,5} behind it; write \\{ for the sign');
    this.#at = end + 1;
    const limit = comma === '' ? Number(least) : most === '' ? Infinity : Number(most);
    if (Number(least) > limit || Number(least) > MAX_COUNT || (limit > MAX_COUNT && limit !== Infinity)) {
      throw invalid(`counts {${words}}; a count is at most ${MAX_COUNT}, and the smaller one comes first`);
    }
    return [Number(least), limit];
  }

  #readOne(): Part {
    const character = this.#next();
    if (character === '(') return this.#readGroup();
    if (character === '[') return taking(this.#readClass());
    if (character === '.') return taking((each) => each !== '\n');
    if (character === '^') return (steps) => void push(steps, { at: 'start' });
    if (character === '$') return (steps) => void push(steps, { at: 'end' });
    if (character === '\\') return taking(this.#readEscape());
    if (/^[?*+{]$/.test(character)) throw invalid(`has a ${character} with nothing in front of it to repeat`);
    return taking((each) => each === character);
  }

  #readGroup(): Part {
    if (this.#take('?') && !this.#take(':'))
      throw invalid('has a (? that is no (?: and looking around is not possible');
    const part = this.#readAlternatives();
    if (!this.#take(')')) throw invalid('has a ( that nothing closes');
    return part;
  }

  #readClass(): IsMember {
    const isNegated = this.#take('^');
    const members: IsMember[] = [];
    while (members.length === 0 || this.#peek() !== ']') {
      const first = this.#next('a [ that nothing closes');
      const one = first === '\\' ? this.#readEscape() : (each: string) => each === first;
      const isRange = first !== '\\' && this.#peek() === '-' && !['', ']'].includes(this.#source[this.#at + 1] ?? '');
      if (!isRange) {
        members.push(one);
        continue;
      }
      this.#at += 1;
      const last = this.#next('a [ that nothing closes');
      if (last === '\\' || last < first) throw invalid(`has the range ${first}-${last}, which is none`);
      members.push((each) => each >= first && each <= last);
    }
    this.#at += 1;
    return (each) => members.some((isMember) => isMember(each)) !== isNegated;
  }

  #readEscape(): IsMember {
    const letter = this.#next('a \\ at its end');
    const known = CLASSES[letter.toLowerCase()];
    if (known !== undefined) return letter === letter.toLowerCase() ? known : (each) => !known(each);
    const meant = ESCAPED[letter] ?? letter;
    if (/^[A-Za-z0-9]$/.test(letter) && ESCAPED[letter] === undefined)
      throw invalid(`has \\${letter}, which is not known here`);
    return (each) => each === meant;
  }

  #peek(): string {
    return this.#source[this.#at] ?? '';
  }

  #next(missing = 'an end that is none'): string {
    const character = this.#source[this.#at];
    if (character === undefined) throw invalid(`has ${missing}`);
    this.#at += 1;
    return character;
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at += 1;
    return true;
  }
}

function taking(take: IsMember): Part {
  return (steps) => void push(steps, { take });
}

function either(one: Part, other: Part): Part {
  return (steps) => {
    const fork = push(steps, { to: [steps.length + 1] });
    one(steps);
    const leave = push<{ readonly to: number[] }>(steps, { to: [] });
    fork.to.push(steps.length);
    other(steps);
    leave.to.push(steps.length);
  };
}

function repeated(part: Part, least: number, most: number): Part {
  return (steps) => {
    for (let count = 0; count < least; count += 1) part(steps);
    if (most === Infinity) {
      const begin = steps.length;
      const fork = push(steps, { to: [begin + 1] });
      part(steps);
      push(steps, { to: [begin] });
      fork.to.push(steps.length);
      return;
    }
    const forks: { readonly to: number[] }[] = [];
    for (let count = least; count < most; count += 1) {
      forks.push(push(steps, { to: [steps.length + 1] }));
      part(steps);
    }
    for (const fork of forks) fork.to.push(steps.length);
  };
}

function push<S extends Step>(steps: Step[], step: S): S {
  if (steps.length >= MAX_STEPS) throw invalid('is too large: nested counts multiply');
  steps.push(step);
  return step;
}

function invalid(fault: string): UsageError {
  return new UsageError('INVALID_SPEC', `is no regular expression that can be used here: it ${fault}`, {
    hint: 'letters, ., [a-z], \\d, \\w, \\s, groups, |, ?, *, +, {2,5}, ^ and $ are there',
  });
}
