/** An exception makes no rule met: it is shown, counts until its last day, and then the rule fails again. */
import { expect, test } from 'vitest';
import { evaluateRules } from '../../src/compliance/evaluate.ts';
import type { RuleException } from '../../src/compliance/exceptions.ts';
import { rulesOf } from '../../src/compliance/profiles.ts';
import { makeSpoiled, toSubject } from './sound-objects.ts';

const RULE = 'pod-host-namespaces';
const subject = toSubject(Object.values(makeSpoiled('Deployment', ['spec', 'template', 'spec', 'hostNetwork'], true)));
const EXCEPTION: RuleException = {
  rule: RULE,
  object: 'Deployment/api',
  reason: 'It talks to the switch of the rack.',
  until: '2026-11-28',
  at: 'rules.yaml:4',
};

function verdictAt(now: string, ...exceptions: readonly RuleException[]): string {
  const [checked] = evaluateRules(rulesOf([]), [subject], { exceptions, now });
  const result = checked?.results.find(({ rule }) => rule.id === RULE);
  const shown = result?.violations.map(({ exception, isExpired = false }) => `${exception?.until ?? ''} ${isExpired}`);
  return [result?.verdict, ...(shown ?? [])].join(', ');
}

test('it counts through its last day, and fails from the next second on', () => {
  expect(verdictAt('2026-11-28T23:59:59Z', EXCEPTION)).toBe('excepted, 2026-11-28 false');
  expect(verdictAt('2026-11-29T00:00:00Z', EXCEPTION)).toBe('fail, 2026-11-28 true');
});

test('one that still counts goes before one that has ended', () => {
  const later = { ...EXCEPTION, until: '2027-01-31' };
  expect(verdictAt('2026-12-01T00:00:00Z', EXCEPTION, later)).toBe('excepted, 2027-01-31 false');
});

test.each<[what: string, change: Partial<RuleException>, verdict: string]>([
  ['any name', { object: 'Deployment/*' }, 'excepted, 2026-11-28 false'],
  ['its namespace', { namespace: 'app' }, 'excepted, 2026-11-28 false'],
  ['its field', { field: 'spec.*.hostNetwork' }, 'excepted, 2026-11-28 false'],
  ['another rule', { rule: 'pod-host-paths' }, 'fail,  false'],
  ['another kind', { object: 'StatefulSet/api' }, 'fail,  false'],
  ['another name', { object: 'Deployment/ap' }, 'fail,  false'],
  ['a kind alone, which is for what is missing', { object: 'Deployment' }, 'fail,  false'],
  ['another namespace', { namespace: 'web' }, 'fail,  false'],
  ['another field', { field: 'spec.template.spec.hostPID' }, 'fail,  false'],
])('one for %s', (_, change, verdict) => {
  expect(verdictAt('2026-11-28T00:00:00Z', { ...EXCEPTION, ...change })).toBe(verdict);
});

test('one for some of the places leaves the others as they are', () => {
  const spoiled = makeSpoiled('Deployment', ['spec', 'template', 'spec', 'hostNetwork'], true);
  const both = toSubject([
    ...Object.values(spoiled),
    { ...spoiled['Deployment'], metadata: { name: 'other', namespace: 'app' } },
  ]);
  const [checked] = evaluateRules(rulesOf([]), [both], { exceptions: [EXCEPTION], now: '2026-11-28T00:00:00Z' });
  const result = checked?.results.find(({ rule }) => rule.id === RULE);
  expect(result).toMatchObject({ verdict: 'fail', violations: [{ exception: EXCEPTION }, { name: 'other' }] });
});

test('one for what is missing names the kind alone', () => {
  const objects = makeSpoiled('Deployment', ['spec', 'replicas'], 2);
  const rest = toSubject(Object.values(objects).filter(({ kind }) => kind !== 'NetworkPolicy'));
  const exception = { ...EXCEPTION, rule: 'network-default-deny', object: 'NetworkPolicy' };
  const [checked] = evaluateRules(rulesOf([]), [rest], { exceptions: [exception], now: '2026-11-28T00:00:00Z' });
  expect(checked?.results.find(({ rule }) => rule.id === exception.rule)?.verdict).toBe('excepted');
});
