/** The limit of a module's memory is part of the module: the virtual machine keeps it. */
import { describe, expect, test } from 'vitest';
import { limitMemory, PAGE_BYTES } from '../../../../src/kubernetes/rendering/engine/memory-limit.ts';
import { wasm } from '../../../../src/kubernetes/rendering/engine/webassembly.ts';

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const EXPORT_MEMORY = [7, 5, 1, 1, 0x6d, 2, 0];
/** A section that says nothing, of a length that takes two bytes. */
const CUSTOM = [0, 0x81, 1, 0, ...Array<number>(128).fill(0)];

/** A module whose memory has `limits`, exported as `m`. */
function moduleWith(...memory: readonly number[]): Buffer {
  return Buffer.from([...HEADER, ...CUSTOM, 5, memory.length, ...memory, ...EXPORT_MEMORY, ...CUSTOM]);
}

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

async function memoryOf(module: Buffer): Promise<Memory> {
  const { exports } = new wasm.Instance(await wasm.compile(module), {});
  return exports['m'] as Memory;
}

describe.each([
  ['without a limit', [1, 0, 2]],
  ['with a wider limit', [1, 1, 2, 0x80, 0x80, 4]],
  ['with a narrower limit', [1, 1, 2, 3]],
])('a memory %s', (_, limits) => {
  test('grows to the new limit and no further', async () => {
    const memory = await memoryOf(limitMemory(moduleWith(...limits), 300 * PAGE_BYTES + 5));
    expect(memory.buffer.byteLength).toBe(2 * PAGE_BYTES);
    expect(memory.grow(298)).toBe(2);
    expect(() => memory.grow(1)).toThrow(RangeError);
  });
});

test('a memory that starts larger, several, none, or a module cut short cannot be limited', () => {
  expect(() => limitMemory(moduleWith(1, 0, 2), PAGE_BYTES)).toThrow(/1 memories of 2 pages cannot have 1/);
  expect(() => limitMemory(moduleWith(2, 0, 1, 0, 1), PAGE_BYTES)).toThrow(/2 memories/);
  expect(() => limitMemory(Buffer.from(HEADER), PAGE_BYTES)).toThrow(/without a memory/);
  expect(() => limitMemory(Buffer.from([...HEADER, 5, 0x80]), PAGE_BYTES)).toThrow(/ends within a number/);
});
