/** Paths that can be carried: what is refused is refused with the reason a person can act on. */
import { describe, expect, test } from 'vitest';
import { isPortablePath, pathFault } from '../../src/base/portable-path.ts';
import { memberPathFault } from '../../src/base/tar/ustar.ts';

const deep = (bytes: number): string => `docs/${'d/'.repeat(60)}${'e'.repeat(90)}`.padEnd(bytes, 'e').slice(0, bytes);

test('a path of 212 bytes is carried, as every path that a header holds', () => {
  for (const bytes of [201, 212]) {
    const path = deep(bytes);
    expect(path).toHaveLength(bytes);
    expect([isPortablePath(path), memberPathFault(path)]).toEqual([true, undefined]);
  }
});

describe('the reason is said:', () => {
  test.each([
    ['d/'.repeat(127) + 'ee', 'is a path of 256 characters, more than the 255 that can be carried'],
    ['a/-rf', 'has -rf in it, which begins with a dot or a hyphen, or ends with a dot'],
    ['a/.b', 'has .b in it, which begins with a dot or a hyphen, or ends with a dot'],
    ['a./b', 'has a. in it, which begins with a dot or a hyphen, or ends with a dot'],
    ['docs/CON.txt', 'has CON.txt in it, which Windows takes for a device'],
    ['a b', 'has a name that cannot be carried: use letters, digits and ._+-'],
    ['a//b', 'has a name that cannot be carried: use letters, digits and ._+-'],
  ])('%s', (path, fault) => {
    expect(pathFault(path)).toBe(fault);
    expect(isPortablePath(path)).toBe(false);
  });

  test('a name that no header has room for', () => {
    expect(memberPathFault(`docs/${'x'.repeat(101)}`)).toContain('names that are too long');
  });
});
