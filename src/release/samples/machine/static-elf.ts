/**
 * The smallest honest executable: static, for Linux on x86-64 and AArch64, with one segment of code and data. It needs
 * no libc, no interpreter and no compiler, so that sample images run wherever their platform does.
 */
import { UsageError } from '../../../errors.ts';
import { AMD64 } from './amd64.ts';
import { ARM64 } from './arm64.ts';
import type { Encoder, Instruction } from './instructions.ts';

/** @see https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html */
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const PROGRAM_HEADERS = 2;
const CODE_OFFSET = HEADER_BYTES + PROGRAM_HEADERS * PROGRAM_HEADER_BYTES;
const LOAD_ADDRESS = 0x400000;
/** The largest page of either architecture. */
const ALIGNMENT = 0x10000;
/** One page of the largest kind: far from the reach of a branch. */
const MAX_PROGRAM_BYTES = ALIGNMENT;

const TYPE_EXECUTABLE = 2;
const SEGMENT_LOAD = 1;
const SEGMENT_GNU_STACK = 0x6474e551;
const READ = 4;
const WRITE = 2;
const EXECUTE = 1;

const ENCODERS: Readonly<Record<string, Encoder>> = { amd64: AMD64, arm64: ARM64 };

/** Architectures {@link createStaticElf} can write. */
export const ELF_ARCHITECTURES: readonly string[] = Object.keys(ENCODERS);

/**
 * A static executable for `linux/<architecture>` that starts at the first instruction, with a stack that can be written
 * and code and data that cannot.
 * @throws UsageError `USAGE` for another architecture or a program over 64 KiB.
 * @throws RangeError for an unknown or doubled label, or a number that has no room in its instruction.
 */
export function createStaticElf(architecture: string, program: readonly Instruction[]): Buffer {
  const encoder = ENCODERS[architecture];
  if (encoder === undefined) {
    throw new UsageError('USAGE', `cannot write a sample program for ${architecture}`, {
      hint: `sample programs exist for ${ELF_ARCHITECTURES.join(' and ')}`,
    });
  }
  const code = assemble(program, encoder);
  const size = CODE_OFFSET + code.length;
  if (size > MAX_PROGRAM_BYTES) {
    throw new UsageError('USAGE', `a sample program of ${size} bytes is larger than ${MAX_PROGRAM_BYTES}`, {
      hint: 'give the image a shorter name',
    });
  }
  const header = Buffer.alloc(CODE_OFFSET);
  // ELF, 64 bit, little endian, version 1.
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(TYPE_EXECUTABLE, 16);
  header.writeUInt16LE(encoder.machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(LOAD_ADDRESS + CODE_OFFSET), 24);
  header.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  header.writeUInt16LE(HEADER_BYTES, 52);
  header.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  header.writeUInt16LE(PROGRAM_HEADERS, 56);
  writeSegment(header, HEADER_BYTES, { type: SEGMENT_LOAD, flags: READ | EXECUTE, address: LOAD_ADDRESS, size });
  writeSegment(header, HEADER_BYTES + PROGRAM_HEADER_BYTES, { type: SEGMENT_GNU_STACK, flags: READ | WRITE });
  return Buffer.concat([header, code]);
}

/** Spells a program twice: for the places of its labels, and with the distances to them. */
function assemble(program: readonly Instruction[], { encode }: Encoder): Buffer {
  const places = new Map<string, number>();
  let end = 0;
  for (const instruction of program) {
    if (instruction.do === 'label') {
      if (places.has(instruction.name)) throw new RangeError(`the label ${instruction.name} stands twice`);
      places.set(instruction.name, end);
    }
    end += encode(instruction, () => 0).length;
  }
  const code: number[] = [];
  for (const instruction of program) {
    const start = code.length;
    const distanceTo = (name: string): number => {
      const place = places.get(name);
      if (place === undefined) throw new RangeError(`there is no label ${name}`);
      return place - start;
    };
    code.push(...encode(instruction, distanceTo));
  }
  return Buffer.from(code);
}

interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly address?: number;
  readonly size?: number;
}

/** @see https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html */
function writeSegment(header: Buffer, at: number, { type, flags, address = 0, size = 0 }: Segment): void {
  header.writeUInt32LE(type, at);
  header.writeUInt32LE(flags, at + 4);
  header.writeBigUInt64LE(BigInt(address), at + 16);
  header.writeBigUInt64LE(BigInt(address), at + 24);
  header.writeBigUInt64LE(BigInt(size), at + 32);
  header.writeBigUInt64LE(BigInt(size), at + 40);
  header.writeBigUInt64LE(BigInt(address === 0 ? 16 : ALIGNMENT), at + 48);
}
