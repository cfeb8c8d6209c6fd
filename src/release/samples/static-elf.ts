/**
 * The smallest honest program: a static Linux executable that writes one text and ends, for x86-64 and AArch64. It needs
 * no libc, no interpreter and no compiler, so that sample images run wherever their platform does.
 */
import { UsageError } from '../../errors.ts';

/** @see https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html */
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const PROGRAM_HEADERS = 2;
const CODE_OFFSET = HEADER_BYTES + PROGRAM_HEADERS * PROGRAM_HEADER_BYTES;
const LOAD_ADDRESS = 0x400000;
/** The largest page of either architecture. */
const ALIGNMENT = 0x10000;
const MAX_TEXT_BYTES = 4096;

const TYPE_EXECUTABLE = 2;
const SEGMENT_LOAD = 1;
const SEGMENT_GNU_STACK = 0x6474e551;
const READ = 4;
const WRITE = 2;
const EXECUTE = 1;

interface Machine {
  /** `e_machine`. */
  readonly id: number;
  /** The code, when the text follows right behind it. */
  readonly code: (textBytes: number) => Buffer;
}

const MACHINES: Readonly<Record<string, Machine>> = {
  amd64: { id: 62, code: codeForAmd64 },
  arm64: { id: 183, code: codeForArm64 },
};

/** Architectures {@link createStaticElf} can write. */
export const ELF_ARCHITECTURES: readonly string[] = Object.keys(MACHINES);

/**
 * A static executable for `linux/<architecture>` that writes the text to standard output and ends with status 0.
 * @throws UsageError `USAGE` for another architecture or a text over 4 KiB.
 */
export function createStaticElf(architecture: string, text: string): Buffer {
  const machine = MACHINES[architecture];
  const message = Buffer.from(text);
  if (machine === undefined || message.length > MAX_TEXT_BYTES) {
    throw new UsageError('USAGE', `cannot write a sample program for ${architecture}`, {
      hint: `sample programs exist for ${ELF_ARCHITECTURES.join(' and ')}`,
    });
  }
  const code = machine.code(message.length);
  const size = CODE_OFFSET + code.length + message.length;
  const header = Buffer.alloc(CODE_OFFSET);
  // ELF, 64 bit, little endian, version 1.
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(TYPE_EXECUTABLE, 16);
  header.writeUInt16LE(machine.id, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(LOAD_ADDRESS + CODE_OFFSET), 24);
  header.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  header.writeUInt16LE(HEADER_BYTES, 52);
  header.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  header.writeUInt16LE(PROGRAM_HEADERS, 56);
  writeSegment(header, HEADER_BYTES, { type: SEGMENT_LOAD, flags: READ | EXECUTE, address: LOAD_ADDRESS, size });
  writeSegment(header, HEADER_BYTES + PROGRAM_HEADER_BYTES, { type: SEGMENT_GNU_STACK, flags: READ | WRITE });
  return Buffer.concat([header, code, message]);
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

/** write(1, text, length); exit(0). Linux system calls 1 and 60, arguments in edi, rsi, edx. */
function codeForAmd64(textBytes: number): Buffer {
  const afterLea = [
    ...[0xba, ...littleEndian(textBytes)], // mov edx, length
    ...[0xb8, 1, 0, 0, 0], // mov eax, 1
    ...[0x0f, 0x05], // syscall
    ...[0x31, 0xff], // xor edi, edi
    ...[0xb8, 60, 0, 0, 0], // mov eax, 60
    ...[0x0f, 0x05], // syscall
  ];
  return Buffer.from([
    ...[0xbf, 1, 0, 0, 0], // mov edi, 1
    ...[0x48, 0x8d, 0x35, ...littleEndian(afterLea.length)], // lea rsi, [rip + text]
    ...afterLea,
  ]);
}

/** The same for AArch64: system calls 64 and 93, arguments in x0, x1, x2. */
function codeForArm64(textBytes: number): Buffer {
  const move = (register: number, value: number): number => 0xd2800000 + value * 2 ** 5 + register; // movz
  const supervisorCall = 0xd4000001;
  const words = 8;
  const adrAt = 1;
  // adr x1, text: the text is a whole number of words ahead, so the low two bits of the distance are zero.
  const addressOfText = 0x10000000 + (words - adrAt) * 2 ** 5 + 1;
  const code = [
    move(0, 1),
    addressOfText,
    move(2, textBytes),
    move(8, 64),
    supervisorCall,
    move(0, 0),
    move(8, 93),
    supervisorCall,
  ];
  return Buffer.from(code.flatMap(littleEndian));
}

function littleEndian(value: number): readonly number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff];
}
