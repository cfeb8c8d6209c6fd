/**
 * The instructions of sample programs for x86-64.
 * @see https://www.intel.com/content/www/us/en/developer/articles/technical/intel-sdm.html (volume 2)
 */
import type { Condition, Encoder, Instruction, Operand, Register, SystemCall } from './instructions.ts';

/** Registers that a system call leaves alone and that need no further byte as the base of an address; `rax` answers. */
const REGISTERS: Readonly<Record<Register, number>> = {
  arguments: 3, // rbx
  memory: 5, // rbp
  cursor: 13,
  word: 14,
  byte: 15,
  number: 9,
  result: 0, // rax
  stack: 4, // rsp
};
/** rdi, rsi, rdx, r10, r8: where system calls look for what they are given. */
const OPERANDS = [7, 6, 2, 10, 8];
const RAX = 0;

/** @see https://github.com/torvalds/linux/blob/v6.12/arch/x86/entry/syscalls/syscall_64.tbl */
const SYSTEM_CALLS: Readonly<Record<SystemCall, number>> = {
  accept4: 288,
  bind: 49,
  close: 3,
  connect: 42,
  exit_group: 231,
  listen: 50,
  openat: 257,
  ppoll: 271,
  read: 0,
  rt_sigprocmask: 14,
  setsockopt: 54,
  signalfd4: 289,
  socket: 41,
  write: 1,
};

const LOADS = { 1: [0x0f, 0xb6], 2: [0x0f, 0xb7], 4: [0x63], 8: [0x8b] } as const;
const JUMPS: Readonly<Record<Condition, number>> = { equal: 0x84, unequal: 0x85, less: 0x8c };

export const AMD64: Encoder = { machine: 62, encode };

function encode(instruction: Instruction, distanceTo: (label: string) => number): readonly number[] {
  switch (instruction.do) {
    case 'label':
      return [];
    case 'data':
      return [...instruction.bytes];
    case 'set':
      return move(REGISTERS[instruction.to], instruction.value, distanceTo);
    case 'add':
      return combine(0x01, 0, REGISTERS[instruction.to], instruction.value);
    case 'load': {
      const [to, base] = [REGISTERS[instruction.to], REGISTERS[instruction.base]];
      return [wide(to, base), ...LOADS[instruction.bytes], placed(to, base), ...word(instruction.offset)];
    }
    case 'store': {
      const [from, base] = [REGISTERS[instruction.from], REGISTERS[instruction.base]];
      const prefix = instruction.bytes === 2 ? [0x66] : [];
      const size = instruction.bytes === 8 ? wide(from, base) : wide(from, base) - WIDE;
      const code = instruction.bytes === 1 ? 0x88 : 0x89;
      return [...prefix, size, code, placed(from, base), ...word(instruction.offset)];
    }
    case 'jump':
      return [0xe9, ...word(distanceTo(instruction.label) - 5)];
    case 'branch': {
      const compare = combine(0x39, 7, REGISTERS[instruction.if], instruction.than);
      const distance = distanceTo(instruction.label) - compare.length - 6;
      return [...compare, 0x0f, JUMPS[instruction.is], ...word(distance)];
    }
    case 'call': {
      const code: number[] = [];
      for (const [at, operand] of instruction.operands.entries()) {
        code.push(...move(OPERANDS[at] as number, operand, (name) => distanceTo(name) - code.length));
      }
      return [...code, ...move(RAX, SYSTEM_CALLS[instruction.name], distanceTo), 0x0f, 0x05];
    }
  }
}

/** REX.W: 64 bits. */
const WIDE = 0x08;

/** The prefix of an instruction of 64 bits with its two registers. */
function wide(register: number, base: number): number {
  return 0x40 + WIDE + (register >= 8 ? 4 : 0) + (base >= 8 ? 1 : 0);
}

/** ModRM: two registers. */
function both(register: number, base: number): number {
  return 0xc0 + (register % 8) * 8 + (base % 8);
}

/** ModRM: a register, and memory at a distance of 32 bits from the address in the other. */
function placed(register: number, base: number): number {
  return 0x80 + (register % 8) * 8 + (base % 8);
}

function move(to: number, from: Operand, distanceTo: (label: string) => number): readonly number[] {
  if (typeof from === 'number') return [wide(0, to), 0xc7, both(0, to), ...word(from)]; // mov to, number
  if (typeof from === 'string') return [wide(REGISTERS[from], to), 0x89, both(REGISTERS[from], to)]; // mov to, from
  return [wide(to, 0), 0x8d, 0x05 + (to % 8) * 8, ...word(distanceTo(from.of) - 7)]; // lea to, [rip + distance]
}

/** An operation on a register and another, or a number. */
function combine(code: number, variant: number, to: number, value: number | Register): readonly number[] {
  return typeof value === 'number'
    ? [wide(0, to), 0x81, both(variant, to), ...word(value)]
    : [wide(REGISTERS[value], to), code, both(REGISTERS[value], to)];
}

function word(value: number): readonly number[] {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return [...bytes];
}
