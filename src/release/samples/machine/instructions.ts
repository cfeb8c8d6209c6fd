/**
 * A processor that does not exist, with what sample programs need of one: a few variables, memory, branches and system
 * calls. A program is written once, as a list of these instructions; an {@link Encoder} for each real processor spells it.
 */

/**
 * What an instruction works on. Variables keep their value over system calls; `result` is what the last one answered,
 * `stack` the bottom of the stack, which holds the program's arguments at its start.
 */
export type Register = 'arguments' | 'memory' | 'cursor' | 'word' | 'byte' | 'number' | 'result' | 'stack';

/** What the address of a place in memory may be in. */
export type Base = Exclude<Register, 'stack'>;

/** Linux system calls. @see https://man7.org/linux/man-pages/man2/syscalls.2.html */
export type SystemCall =
  | 'accept4'
  | 'bind'
  | 'close'
  | 'connect'
  | 'exit_group'
  | 'listen'
  | 'openat'
  | 'ppoll'
  | 'read'
  | 'rt_sigprocmask'
  | 'setsockopt'
  | 'signalfd4'
  | 'socket'
  | 'write';

/** The address of a label. */
export interface Address {
  readonly of: string;
}

/** Where in memory: `offset` bytes, a multiple of `bytes`, from the address in a register. 4 bytes are read as signed. */
interface Place {
  readonly base: Base;
  readonly offset: number;
  readonly bytes: 1 | 2 | 4 | 8;
}

/** What a system call is given; a value, or where it comes from. */
export type Operand = number | Register | Address;

export type Condition = 'equal' | 'unequal' | 'less';

export type Instruction =
  | { readonly do: 'label'; readonly name: string }
  | { readonly do: 'set'; readonly to: Register; readonly value: Operand }
  | { readonly do: 'add'; readonly to: Register; readonly value: number | Register }
  | ({ readonly do: 'load'; readonly to: Register } & Place)
  | ({ readonly do: 'store'; readonly from: Register } & Place)
  | { readonly do: 'jump'; readonly label: string }
  | {
      readonly do: 'branch';
      readonly if: Register;
      readonly is: Condition;
      readonly than: number | Register;
      readonly label: string;
    }
  | { readonly do: 'call'; readonly name: SystemCall; readonly operands: readonly Operand[] }
  /** Bytes that stand in the program; nothing runs into them. */
  | { readonly do: 'data'; readonly bytes: Buffer };

/** Spells instructions for one processor. */
export interface Encoder {
  /** `e_machine`. @see https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html */
  readonly machine: number;
  /**
   * The bytes of an instruction, of a length that does not depend on distances. `distanceTo` says how far a label is
   * from the first byte of the instruction.
   */
  readonly encode: (instruction: Instruction, distanceTo: (label: string) => number) => readonly number[];
}

export function label(name: string): Instruction {
  return { do: 'label', name };
}

export function set(to: Register, value: Operand): Instruction {
  return { do: 'set', to, value };
}

export function add(to: Register, value: number | Register): Instruction {
  return { do: 'add', to, value };
}

export function load(to: Register, base: Base, offset: number, bytes: Place['bytes']): Instruction {
  return { do: 'load', to, base, offset, bytes };
}

export function store(from: Register, base: Base, offset: number, bytes: Place['bytes']): Instruction {
  return { do: 'store', from, base, offset, bytes };
}

export function jump(to: string): Instruction {
  return { do: 'jump', label: to };
}

/** Goes to the label if the (signed) value of the register is equal to, unequal to or less than the other. */
export function branch(register: Register, is: Condition, than: number | Register, to: string): Instruction {
  return { do: 'branch', if: register, is, than, label: to };
}

/** Calls the kernel; `result` is its answer, an error as its negative number. */
export function call(name: SystemCall, ...operands: readonly Operand[]): Instruction {
  return { do: 'call', name, operands };
}

/** A named piece of data. Whole words keep what follows aligned. */
export function data(name: string, bytes: Buffer): readonly Instruction[] {
  const padding = Buffer.alloc((8 - (bytes.length % 8)) % 8);
  return [label(name), { do: 'data', bytes: Buffer.concat([bytes, padding]) }];
}

export function addressOf(of: string): Address {
  return { of };
}
