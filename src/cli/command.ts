/** A command is data: what it is called, what it takes, and one function that does it. */
import { isUtcSeconds } from '../base/utc-time.ts';
import { UsageError } from '../errors.ts';
import { isDigest, type Digest } from '../oci/digest.ts';
import { formatPlatform, parsePlatform } from '../oci/platform.ts';
import type { Context } from './context.ts';

/** One option and how its words become a value. */
export interface Option<T> {
  /** As in help: `--key <file>`. */
  readonly flags: string;
  readonly summary: string;
  /** May be given more than once. */
  readonly repeats: boolean;
  readonly required: boolean;
  /** Names a file that the command writes, which is never one that it reads. */
  readonly writes?: true;
  /** The words given, in order; empty when the option was left out. */
  parse(words: readonly string[]): T;
}

/** One positional argument. */
export interface Argument<T> {
  /** As in help: `<archive>`, `[release]`, `[paths...]`. */
  readonly form: string;
  readonly summary: string;
  parse(words: readonly string[]): T;
}

/** The values of a record of options or arguments. */
export type ValuesOf<R> = {
  readonly [K in keyof R]: R[K] extends { parse(words: readonly string[]): infer T } ? T : never;
};

type Arguments = Readonly<Record<string, Argument<unknown>>>;
type Options = Readonly<Record<string, Option<unknown>>>;

/** One command. */
export interface Command<A = Arguments, O = Options> {
  /** `verify`, or `keys generate` for a command of a group. */
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Shown first in help; each begins with the command's name. */
  readonly examples: readonly string[];
  /** In the order they are given. */
  readonly arguments: A;
  readonly options: O;
  run(context: Context, args: ValuesOf<A>, options: ValuesOf<O>): Promise<void>;
}

/** Checks a command's types against each other. */
export function defineCommand<const A extends Arguments, const O extends Options>(
  command: Command<A, O>,
): Command<A, O> {
  return command;
}

/** `--name <value>`, once. */
export function text(flags: string, summary: string): Option<string | undefined> {
  return { flags, summary, repeats: false, required: false, parse: (words) => words.at(-1) };
}

/** `--name <file>`, a file that the command writes. */
export function writtenFile(flags: string, summary: string): Option<string | undefined> {
  return { ...text(flags, summary), writes: true };
}

/** `--name <value>`, which must be given. */
export function requiredText(flags: string, summary: string): Option<string> {
  return { flags, summary, repeats: false, required: true, parse: (words) => words.at(-1) ?? '' };
}

/** `--name <value>`, as often as requested. */
export function list(flags: string, summary: string): Option<readonly string[]> {
  return { flags, summary, repeats: true, required: false, parse: (words) => words };
}

/** `--platform <os/arch>`, as often as requested, in canonical form. */
export function platforms(summary: string): Option<readonly string[]> {
  return {
    ...list('--platform <os/arch>', summary),
    parse: (words) => words.map((word) => formatPlatform(parsePlatform(word))),
  };
}

/** `--name`, without a value. */
export function flag(flags: string, summary: string): Option<boolean> {
  return { flags, summary, repeats: false, required: false, parse: (words) => words.length > 0 };
}

/** `--name <value>`, one of the given words. */
export function choice<const W extends readonly string[]>(
  flags: string,
  summary: string,
  words: W,
): Option<W[number] | undefined> {
  return {
    ...text(flags, `${summary} (${words.join(', ')})`),
    parse: (given) => {
      const word = given.at(-1);
      const chosen = words.find((candidate) => candidate === word);
      if (word !== undefined && chosen === undefined) {
        throw new UsageError('USAGE', `${flags}: ${word} is not one of ${words.join(', ')}`);
      }
      return chosen;
    },
  };
}

/** `--name <number>`, a whole number within bounds. */
export function count(flags: string, summary: string, min: number, max: number): Option<number | undefined> {
  return {
    ...text(flags, summary),
    parse: (given) => {
      const word = given.at(-1);
      if (word === undefined) return undefined;
      const value = Number(word);
      if (/^[0-9]{1,16}$/.test(word) && value >= min && value <= max) return value;
      throw new UsageError('USAGE', `${flags}: ${word} is not a whole number from ${min} to ${max}`);
    },
  };
}

/** `--name <digest>`, a whole sha256 digest: a shortened one could be met by another file. */
export function digest(flags: string, summary: string): Option<Digest | undefined> {
  return {
    ...text(flags, summary),
    parse: (given) => {
      const word = given.at(-1);
      if (word === undefined || isDigest(word)) return word;
      throw new UsageError('USAGE', `${flags}: ${word} is not sha256: and 64 lower-case hexadecimal digits`, {
        hint: 'give the whole digest, as `airgap verify` prints it',
      });
    },
  };
}

/** `--name <time>`, a day (`2027-01-31`) or a time in UTC (`2027-01-31T12:00:00Z`); the latter form is returned. */
export function time(flags: string, summary: string): Option<string | undefined> {
  return {
    ...text(flags, summary),
    parse: (given) => {
      const word = given.at(-1);
      if (word === undefined) return undefined;
      const full = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(word) ? `${word}T00:00:00Z` : word;
      if (isUtcSeconds(full)) return full;
      throw new UsageError('USAGE', `${flags}: ${word} is not a time`, {
        hint: 'write it as 2027-01-31 or 2027-01-31T12:00:00Z',
      });
    },
  };
}

/** `<name>` */
export function argument(name: string, summary: string): Argument<string> {
  return { form: `<${name}>`, summary, parse: (words) => words[0] ?? '' };
}

/** `[name]` */
export function optionalArgument(name: string, summary: string): Argument<string | undefined> {
  return { form: `[${name}]`, summary, parse: (words) => words[0] };
}

/** `[name...]`, the rest of the line. */
export function restArguments(name: string, summary: string): Argument<readonly string[]> {
  return { form: `[${name}...]`, summary, parse: (words) => words };
}
