/** Signature slots: filled, read back, and no byte of padding free to change. */
import { describe, expect, it } from 'vitest';
import { fillSlot, readSlot } from '../../../src/trust/signatures/slot.ts';
import { failure } from '../failures.ts';

const content = Buffer.from('{"a":"b c"}');
const malformed = (offset?: number): Error =>
  failure('IntegrityError', 'MALFORMED', offset === undefined ? '' : `offset ${offset}`);

describe('fillSlot', () => {
  it('pads to the planned size and is read back', () => {
    const slot = fillSlot(content, 32);
    expect(slot.toString()).toBe(`{"a":"b c"}${' '.repeat(20)}\n`);
    expect(readSlot(slot)).toEqual(content);
    expect(JSON.parse(slot.toString())).toEqual({ a: 'b c' });
  });

  it('takes content that leaves room for the line break alone, and no more', () => {
    expect(readSlot(fillSlot(content, content.length + 1))).toEqual(content);
    expect(() => fillSlot(content, content.length)).toThrow(failure('UsageError', 'UNSUPPORTED'));
  });

  it('makes empty slots', () => {
    expect(fillSlot(undefined, 4).toString()).toBe('   \n');
    expect(readSlot(fillSlot(undefined, 4))).toBeUndefined();
    expect(readSlot(fillSlot(undefined, 1))).toBeUndefined();
  });

  it.each(['', ' {}', '{} ', '{}\n', '{\n}', '[]', '{"a":\t1}'])('refuses %j, which would not be read back', (text) => {
    expect(() => fillSlot(Buffer.from(text), 32)).toThrow(RangeError);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a size of %d', (size) => {
    expect(() => fillSlot(undefined, size)).toThrow(RangeError);
  });
});

describe('readSlot', () => {
  it('refuses every byte but a space in an empty slot', () => {
    for (let offset = 0; offset < 8; offset += 1) {
      for (let byte = 0; byte < 256; byte += 1) {
        const slot = fillSlot(undefined, 8);
        if (slot[offset] === byte) continue;
        slot[offset] = byte;
        expect(() => readSlot(slot)).toThrow(malformed());
      }
    }
  });

  it.each([
    ['', 0],
    ['{}', 1],
    ['{}  ', 3],
    ['{} \t \n', 3],
    ['{}\n\n', 2],
    ['{} \n \n', 3],
    ['{}\0\n', 2],
    [' {}\n', 0],
    ['\uFEFF{}\n', 0],
    ['{"a":\n1}\n', 5],
    ['{}  x\n', 4],
    ['\n\n', 0],
  ])('refuses %j', (text, offset) => {
    expect(() => readSlot(Buffer.from(text))).toThrow(malformed(offset));
  });
});
