/** The texts of a lock have bounds: it is a file that another may have written. */
import { beforeAll, expect, test } from 'vitest';
import { ReleaseLock } from '../../../src/release/lock/lock-schema.ts';
import { lockOf } from '../../archive/sample-lock.ts';
import { makeRelease } from '../../archive/sample-release.ts';

let lock: ReleaseLock;
beforeAll(async () => {
  lock = lockOf(await makeRelease());
});

test.each(['name', 'version'] as const)('its %s has between one and 512 characters', (field) => {
  const isTaken = (length: number): boolean => ReleaseLock.safeParse({ ...lock, [field]: 'n'.repeat(length) }).success;
  expect([0, 1, 512, 513].map(isTaken)).toEqual([false, true, true, false]);
});

test('what was left out or not rendered is named', () => {
  const reference = 'r.example/a:1';
  const isTaken = (more: object): boolean => ReleaseLock.safeParse({ ...lock, ...more }).success;
  const dismissed = { reference, by: 'r.example/*', reason: 'so', foundIn: ['a place'] };
  expect(isTaken({ dismissed: [dismissed], suspects: [{ reference, foundIn: [] }], unrendered: ['chart'] })).toBe(true);
  for (const wrong of [
    { ...dismissed, by: '' },
    { ...dismissed, reason: '' },
    { ...dismissed, reason: 'r'.repeat(1_001) },
    { ...dismissed, foundIn: [''] },
    { ...dismissed, foundIn: ['p'.repeat(2_049)] },
  ]) {
    expect(isTaken({ dismissed: [wrong] })).toBe(false);
  }
  expect(isTaken({ unrendered: [''] })).toBe(false);
});
