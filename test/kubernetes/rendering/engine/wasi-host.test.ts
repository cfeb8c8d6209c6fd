/** A program in the sandbox gets its input, its output, a clock and chance; whatever else it asks for is not there. */
import { describe, expect, test } from 'vitest';
import { OutputLimitError, runWasi } from '../../../../src/kubernetes/rendering/engine/wasi-host.ts';
import { wasm, type WasmModule } from '../../../../src/kubernetes/rendering/engine/webassembly.ts';

const NOT_SUPPORTED = 52;
const BAD_FILE = 8;
const I32 = 0x7f;
const I64 = 0x7e;
const CONST = { [I32]: 0x41, [I64]: 0x42 } as const;
/** The memory's first bytes: a vector of 65 535 bytes from address 0. */
const VECTOR = [0, 0, 0, 0, 0xff, 0xff, 0, 0];

type Argument = readonly [type: typeof I32 | typeof I64, value: number];

const section = (id: number, ...content: readonly number[]): readonly number[] => [id, content.length, ...content];
const text = (word: string): readonly number[] => [word.length, ...Buffer.from(word)];

/** A program that makes one call, once or without end, and exits with what it is answered. */
async function programThatCalls(name: string, args: readonly Argument[], forEver = false): Promise<WasmModule> {
  const from = text('wasi_snapshot_preview1');
  const call = [...args.flatMap(([type, value]) => [CONST[type], value]), 0x10, 0];
  // loop … drop, branch to its start, end; or: call proc_exit with the answer.
  const body = [0, ...(forEver ? [0x03, 0x40, ...call, 0x1a, 0x0c, 0, 0x0b] : [...call, 0x10, 1]), 0x0b];
  const types = [3, 0x60, args.length, ...args.map(([type]) => type), 1, I32, 0x60, 1, I32, 0, 0x60, 0, 0];
  const bytes = [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, ...types),
    ...section(2, 2, ...from, ...text(name), 0, 0, ...from, ...text('proc_exit'), 0, 1),
    ...section(3, 1, 2),
    ...section(5, 1, 0, 1),
    ...section(7, 2, ...text('memory'), 2, 0, ...text('_start'), 0, 2),
    ...section(10, 1, body.length, ...body),
    ...section(11, 1, 0, 0x41, 0, 0x0b, VECTOR.length, ...VECTOR),
  ];
  return wasm.compile(Buffer.from(bytes));
}

const ZERO: Argument = [I32, 0];

describe('what the program asks for', () => {
  test.each<[name: string, args: readonly Argument[]]>([
    ['path_open', [ZERO, ZERO, ZERO, ZERO, ZERO, [I64, 0], [I64, 0], ZERO, ZERO]],
    ['path_readlink', [ZERO, ZERO, ZERO, ZERO, ZERO, ZERO]],
    ['path_filestat_get', [ZERO, ZERO, ZERO, ZERO, ZERO]],
    ['path_symlink', [ZERO, ZERO, ZERO, ZERO, ZERO]],
    ['fd_readdir', [ZERO, ZERO, ZERO, [I64, 0], ZERO]],
    ['sock_accept', [ZERO, ZERO, ZERO]],
    ['sock_send', [ZERO, ZERO, ZERO, ZERO, ZERO]],
    ['toString', []],
    ['constructor', []],
  ])('%s is not supported', async (name, args) => {
    expect(runWasi(await programThatCalls(name, args), Buffer.alloc(0), 1000).exitCode).toBe(NOT_SUPPORTED);
  });

  test.each<[name: string, args: readonly Argument[]]>([
    ['fd_prestat_get', [[I32, 3], ZERO]],
    ['fd_read', [[I32, 3], ZERO, ZERO, ZERO]],
    ['fd_write', [[I32, 3], ZERO, ZERO, ZERO]],
    ['fd_fdstat_get', [[I32, 3], ZERO]],
  ])('%s knows no file but the three', async (name, args) => {
    expect(runWasi(await programThatCalls(name, args), Buffer.alloc(0), 1000).exitCode).toBe(BAD_FILE);
  });
});

const WRITE: readonly Argument[] = [[I32, 1], ZERO, [I32, 1], [I32, 16]];

test('its output comes out, up to the limit', async () => {
  const { exitCode, stdout } = runWasi(await programThatCalls('fd_write', WRITE), Buffer.alloc(0), 65_535);
  expect(exitCode).toBe(0);
  expect(stdout.subarray(0, VECTOR.length)).toEqual(Buffer.from(VECTOR));
  expect(stdout.length).toBe(65_535);
});

test('a program that prints without end is ended', async () => {
  const module = await programThatCalls('fd_write', WRITE, true);
  expect(() => runWasi(module, Buffer.alloc(0), 1_000_000)).toThrow(OutputLimitError);
});

test('a pointer out of its memory ends the program, not the host', async () => {
  const module = await programThatCalls('random_get', [
    [I32, 0x7f],
    [I32, 16],
  ]);
  expect(() => runWasi(module, Buffer.alloc(0), 1000)).toThrow(RangeError);
});

/** What a program reads from its clock, and of the event it got, that twice waits for a time and prints both. */
async function waitTwice(
  timeout: bigint,
  isAbsolute: boolean,
): Promise<{ readonly event: Buffer; readonly now: bigint }> {
  const [VECTOR_AT, DONE_AT, EVENT_AT, TIME_AT, WANTED_AT] = [0, 8, 12, 44, 52] as const;
  const wanted = Buffer.alloc(48);
  wanted.writeBigUInt64LE(7n, 0);
  wanted.writeBigUInt64LE(timeout, 24);
  wanted.writeUInt16LE(isAbsolute ? 1 : 0, 40);
  const memory = [EVENT_AT, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, ...Buffer.alloc(32, 0xee), ...Buffer.alloc(8), ...wanted];
  const from = text('wasi_snapshot_preview1');
  const imported = ['poll_oneoff', 'clock_time_get', 'fd_write', 'proc_exit'];
  const call = (index: number, ...values: readonly number[]): readonly number[] => [
    ...values.flatMap((value) => [0x41, value]),
    ...[0x10, index],
  ];
  const wait = [...call(0, WANTED_AT, EVENT_AT, 1, DONE_AT), 0x1a];
  const look = [0x41, 1, 0x42, 0, 0x41, TIME_AT, 0x10, 1, 0x1a];
  const body = [0, ...wait, ...wait, ...look, ...call(2, 1, VECTOR_AT, 1, DONE_AT), 0x10, 3, 0x0b];
  const four = [0x60, 4, I32, I32, I32, I32, 1, I32];
  const bytes = [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, 4, ...four, 0x60, 3, I32, I64, I32, 1, I32, 0x60, 1, I32, 0, 0x60, 0, 0),
    // Its own length in two bytes: four names are more than one byte counts.
    ...longSection(2, [4, ...imported.flatMap((name, index) => [...from, ...text(name), 0, [0, 1, 0, 2][index] ?? 0])]),
    ...section(3, 1, 3),
    ...section(5, 1, 0, 1),
    ...section(7, 2, ...text('memory'), 2, 0, ...text('_start'), 0, 4),
    ...section(10, 1, body.length, ...body),
    ...section(11, 1, 0, 0x41, 0, 0x0b, memory.length, ...memory),
  ];
  const { exitCode, stdout } = runWasi(await wasm.compile(Buffer.from(bytes)), Buffer.alloc(0), 1000);
  expect([exitCode, stdout.length]).toEqual([0, 40]);
  return { event: stdout.subarray(0, 32), now: stdout.readBigUInt64LE(32) };
}

function longSection(id: number, content: readonly number[]): readonly number[] {
  return [id, (content.length % 128) + 128, Math.floor(content.length / 128), ...content];
}

test('a program that waits finds that the time has come at once: so much later, or the moment it named', async () => {
  const event = Buffer.concat([Buffer.from([7]), Buffer.alloc(31)]);
  const tick = 1_000n;
  expect(await waitTwice(5_000_000n, false)).toEqual({ event, now: 10_000_000n + tick });
  expect(await waitTwice(5_000_000n, true)).toEqual({ event, now: 5_000_000n + tick });
});
