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
