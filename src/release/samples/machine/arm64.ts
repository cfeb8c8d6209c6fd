/**
 * The instructions of sample programs for AArch64.
 * @see https://developer.arm.com/documentation/ddi0602/latest/Base-Instructions
 */
import type { Condition, Encoder, Instruction, Operand, Register, SystemCall } from './instructions.ts';

/** x19 and up, which a system call leaves alone. Its answer is moved out of x0, where its first operand goes. */
const REGISTERS: Readonly<Record<Register, number>> = {
  arguments: 19,
  memory: 20,
  cursor: 21,
  word: 22,
  byte: 23,
  number: 24,
  result: 25,
  stack: 31, // sp in `add` and as the base of an address
};
const CALL_NUMBER = 8;

/** @see https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/unistd.h */
const SYSTEM_CALLS: Readonly<Record<SystemCall, number>> = {
  accept4: 242,
  bind: 200,
  close: 57,
  connect: 203,
  exit_group: 94,
  listen: 201,
  openat: 56,
  ppoll: 73,
  read: 63,
  rt_sigprocmask: 135,
  setsockopt: 208,
  signalfd4: 74,
  socket: 198,
  write: 64,
};

const LOADS = { 1: 0x39400000, 2: 0x79400000, 4: 0xb9800000, 8: 0xf9400000 } as const; // ldrb, ldrh, ldrsw, ldr
const STORES = { 1: 0x39000000, 2: 0x79000000, 4: 0xb9000000, 8: 0xf9000000 } as const;
const CONDITIONS: Readonly<Record<Condition, number>> = { equal: 0, unequal: 1, less: 11 };

export const ARM64: Encoder = { machine: 183, encode };

function encode(instruction: Instruction, distanceTo: (label: string) => number): readonly number[] {
  return instruction.do === 'data' ? [...instruction.bytes] : words(instruction, distanceTo).flatMap(toBytes);
}

type Code = Exclude<Instruction, { readonly do: 'data' }>;

function words(instruction: Code, distanceTo: (label: string) => number): readonly number[] {
  switch (instruction.do) {
    case 'label':
      return [];
    case 'set':
      return move(REGISTERS[instruction.to], instruction.value, distanceTo);
    case 'add':
      return sum(REGISTERS[instruction.to], instruction.value);
    case 'load':
      return [LOADS[instruction.bytes] + placed(instruction, REGISTERS[instruction.to])];
    case 'store':
      return [STORES[instruction.bytes] + placed(instruction, REGISTERS[instruction.from])];
    case 'jump':
      return [0x14000000 + field(distanceTo(instruction.label) / 4, 26, 0)];
    case 'branch': {
      const distance = distanceTo(instruction.label) / 4 - 1;
      return [
        compare(REGISTERS[instruction.if], instruction.than),
        0x54000000 + field(distance, 19, 5) + CONDITIONS[instruction.is],
      ];
    }
    case 'call': {
      const code: number[] = [];
      for (const [register, operand] of instruction.operands.entries()) {
        code.push(...move(register, operand, (name) => distanceTo(name) - 4 * code.length));
      }
      const number = move(CALL_NUMBER, SYSTEM_CALLS[instruction.name], distanceTo);
      return [...code, ...number, 0xd4000001, copy(REGISTERS.result, 0)]; // svc
    }
  }
}

function move(to: number, from: Operand, distanceTo: (label: string) => number): readonly number[] {
  if (typeof from === 'number') {
    if (from < 0) return [0x92800000 + field(-from - 1, 16, 5, 'unsigned') + to]; // movn
    const low = 0xd2800000 + field(from % 2 ** 16, 16, 5, 'unsigned') + to; // movz
    const high = 0xf2a00000 + field(Math.floor(from / 2 ** 16), 16, 5, 'unsigned') + to; // movk, shifted by 16
    return from < 2 ** 16 ? [low] : [low, high];
  }
  if (from === 'stack') return sum(to, 0, REGISTERS.stack);
  if (typeof from === 'string') return [copy(to, REGISTERS[from])];
  const distance = distanceTo(from.of);
  return [0x10000000 + (distance & 3) * 2 ** 29 + field(distance >> 2, 19, 5) + to]; // adr
}

function copy(to: number, from: number): number {
  return 0xaa0003e0 + from * 2 ** 16 + to; // orr to, xzr, from
}

function sum(to: number, value: number | Register, from: number = to): readonly number[] {
  if (typeof value === 'string') return [0x8b000000 + REGISTERS[value] * 2 ** 16 + from * 2 ** 5 + to];
  const operation = value < 0 ? 0xd1000000 : 0x91000000; // sub, add
  return [operation + field(Math.abs(value), 12, 10, 'unsigned') + from * 2 ** 5 + to];
}

function compare(register: number, value: number | Register): number {
  const discarded = 31;
  if (typeof value === 'string') return 0xeb000000 + REGISTERS[value] * 2 ** 16 + register * 2 ** 5 + discarded; // cmp
  const operation = value < 0 ? 0xb1000000 : 0xf1000000; // cmn, cmp
  return operation + field(Math.abs(value), 12, 10, 'unsigned') + register * 2 ** 5 + discarded;
}

/** The fields of an instruction that reaches memory: offsets count in what is moved. */
function placed({ base, offset, bytes }: Code & { do: 'load' | 'store' }, register: number): number {
  return field(offset / bytes, 12, 10, 'unsigned') + REGISTERS[base] * 2 ** 5 + register;
}

/** A number of `bits` bits at its place in an instruction. */
function field(value: number, bits: number, at: number, kind: 'signed' | 'unsigned' = 'signed'): number {
  const [low, high] = kind === 'signed' ? [-(2 ** (bits - 1)), 2 ** (bits - 1)] : [0, 2 ** bits];
  if (!Number.isInteger(value) || value < low || value >= high)
    throw new RangeError(`${value} is no field of ${bits} bits`);
  return ((value + 2 ** bits) % 2 ** bits) * 2 ** at;
}

function toBytes(value: number): readonly number[] {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return [...bytes];
}
