/** What sample programs have in common: how they begin, print, end, and read what they were told. */
import {
  add,
  addressOf,
  branch,
  call,
  data,
  jump,
  label,
  load,
  set,
  type Instruction,
} from '../machine/instructions.ts';

/** Bytes of memory behind the register `memory`. */
const MEMORY_BYTES = 4032;
const WORD_BYTES = 8;

export const STANDARD_OUTPUT = 1;
export const STANDARD_ERROR = 2;

/** The texts of a program by their labels. */
export type Texts = Readonly<Record<string, Buffer>>;

/**
 * The first instructions: `arguments` is the address of what a program starts with (their number, then the address of
 * each, then zero), `memory` that of memory to write in, where nothing is promised about what is there.
 * @see https://refspecs.linuxbase.org/elf/x86_64-abi-0.99.pdf (3.4.1, the same on all architectures)
 */
export function begin(): readonly Instruction[] {
  return [set('arguments', 'stack'), add('stack', -MEMORY_BYTES), set('memory', 'stack')];
}

/** Writes one of the texts; whether that works is not looked at, as programs go on without a place to print to. */
export function print(descriptor: number, texts: Texts, name: string): Instruction {
  return call('write', descriptor, addressOf(name), sizeOf(texts, name));
}

/** Bytes of one of the texts. */
export function sizeOf(texts: Texts, name: string): number {
  return (texts[name] as Buffer).length;
}

export function end(status: number): Instruction {
  return call('exit_group', status);
}

export function textData(texts: Texts): readonly Instruction[] {
  return Object.entries(texts).flatMap(([name, text]) => data(name, text));
}

/** Goes on if what `word` points to starts with the text, to the label otherwise; never reads past the end of a text. */
export function startsWith(text: string, otherwise: string): readonly Instruction[] {
  return [...Buffer.from(text)].flatMap((byte, at) => [
    load('byte', 'word', at, 1),
    branch('byte', 'unequal', byte, otherwise),
  ]);
}

/** Goes on if what `word` points to is the text. */
export function is(text: string, otherwise: string): readonly Instruction[] {
  return startsWith(`${text}\0`, otherwise);
}

/**
 * Goes on with `word` behind the start of the first argument that begins so, and `cursor` at the place of that argument;
 * to the label if there is none.
 */
export function findArgument(start: string, otherwise: string): readonly Instruction[] {
  const next = `argument ${start}`;
  return [
    set('cursor', 'arguments'),
    add('cursor', WORD_BYTES), // the number of arguments; then the name of the program
    label(next),
    add('cursor', WORD_BYTES),
    load('word', 'cursor', 0, 8),
    branch('word', 'equal', 0, otherwise),
    ...startsWith(start, next),
    add('word', Buffer.byteLength(start)),
  ];
}

/** Sets `number` to the decimal number that `word` points to. */
export function readNumber(): readonly Instruction[] {
  return [
    set('number', 0),
    label('digit'),
    load('byte', 'word', 0, 1),
    branch('byte', 'equal', 0, 'digits end'),
    add('byte', -0x30), // the character 0
    set('cursor', 'number'),
    add('number', 'number'),
    add('number', 'number'),
    add('number', 'cursor'),
    add('number', 'number'), // ten times as much
    add('number', 'byte'),
    add('word', 1),
    jump('digit'),
    label('digits end'),
  ];
}
