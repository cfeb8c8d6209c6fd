/** Decisions have bounds, for a release.yaml is read before anybody looks at it. */
import { expect, test } from 'vitest';
import { SpecDecisions } from '../../../src/release/suspects/decision-schema.ts';

const of = <T>(count: number, value: T): readonly T[] => Array.from({ length: count }, () => value);
const image = 'quay.io/acme/*';

test('a list has at most five thousand of them', () => {
  const reason = 'nothing pulls it';
  const rule = { kind: 'Widget', path: 'spec.image' };
  for (const [schema, entry] of [
    [SpecDecisions.accept, image],
    [SpecDecisions.dismiss, { image, reason }],
    [SpecDecisions.rules, rule],
  ] as const) {
    expect(schema.safeParse(of(5_000, entry)).error).toBeUndefined();
    expect(schema.safeParse(of(5_001, entry)).success).toBe(false);
  }
});

test('a decision to leave out has a reason of up to a thousand characters, and one to carry may have one', () => {
  const dismissed = (reason?: string): boolean => SpecDecisions.dismiss.safeParse([{ image, reason }]).success;
  expect([undefined, '', ' ', 'r', 'r'.repeat(1_000), 'r'.repeat(1_001)].map(dismissed)).toEqual([false, false, false, true, true, false]); // prettier-ignore
  expect(SpecDecisions.accept.safeParse([{ image }, image]).success).toBe(true);
});

test('a place names its kind, and may name its version', () => {
  const isTaken = (rule: object): boolean => SpecDecisions.rules.safeParse([rule]).success;
  const path = 'spec.image';
  expect(isTaken({ kind: 'Widget', path })).toBe(true);
  expect(isTaken({ kind: 'Widget', apiVersion: 'acme.io/v1', path })).toBe(true);
  for (const wrong of [
    { path },
    { kind: '', path },
    { kind: '1', path },
    { kind: 'Widget' },
    { kind: 'Widget', path: '' },
    { kind: 'Widget', apiVersion: 'Acme/v1', path },
  ]) {
    expect(isTaken(wrong)).toBe(false);
  }
  expect([253, 254].map((length) => isTaken({ kind: 'K'.repeat(length), path }))).toEqual([true, false]);
});
