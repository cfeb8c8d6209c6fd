/** What is worse, better, new and gone since an earlier report: by place, so that a rule which failed before can get worse. */
import { expect, test } from 'vitest';
import {
  compareSubject,
  missingOf,
  verdictOf,
  type SubjectComparison,
} from '../../../src/compliance/comparison/compare-checks.ts';
import type {
  ComparedPlace,
  ComparedResult,
  ComparedSubject,
} from '../../../src/compliance/comparison/compared-subject.ts';
import type { Verdict } from '../../../src/compliance/evaluate.ts';

const API = { kind: 'Deployment', name: 'api', namespace: 'app' };

/** A violation; `x` has an exception that counts, `-` one that has ended. */
function placeOf(field: string, object: { kind: string; name: string; namespace?: string } = API): ComparedPlace {
  const [path = '', mark] = field.split(' ');
  const exception = mark === undefined ? {} : { exception: { expired: mark === '-' } };
  return { ...object, field: path, message: `${path} is wrong`, ...exception };
}

function resultOf(fields: readonly string[], verdict?: Verdict): ComparedResult {
  const violations = fields.map((field) => placeOf(field));
  const isExcepted = violations.every(({ exception }) => exception?.expired === false);
  return {
    rule: 'r',
    verdict: verdict ?? (fields.length === 0 ? 'pass' : isExcepted ? 'excepted' : 'fail'),
    violations,
  };
}

function subjectOf(results: readonly ComparedResult[], objects: ComparedSubject['objects'] = [API]): ComparedSubject {
  return { name: 's', live: false, objects, results };
}

function compare(then: ComparedSubject, now: ComparedSubject): SubjectComparison {
  return compareSubject({ now, before: [then], alike: [] });
}

const fieldsOf = (places: readonly ComparedPlace[]): string[] => places.map(({ field }) => field);

test.each<[string, ComparedResult, ComparedResult, string, string[], string[]]>([
  ['met, and met', resultOf([]), resultOf([]), 'same', [], []],
  ['met, and not met', resultOf([]), resultOf(['a']), 'worse', ['a'], []],
  ['not met, and met', resultOf(['a']), resultOf([]), 'better', [], ['a']],
  ['met, and excepted', resultOf([]), resultOf(['a x']), 'worse', ['a'], []],
  ['excepted, and met', resultOf(['a x']), resultOf([]), 'better', [], ['a']],
  ['excepted, and not met', resultOf(['a x']), resultOf(['a']), 'worse', ['a'], []],
  ['an exception that has ended', resultOf(['a x']), resultOf(['a -']), 'worse', ['a'], []],
  ['not met, and excepted', resultOf(['a']), resultOf(['a x']), 'better', [], ['a']],
  ['not met at the same place', resultOf(['a']), resultOf(['a']), 'same', [], []],
  ['not met at one place more', resultOf(['a']), resultOf(['a', 'b']), 'worse', ['b'], []],
  ['not met at one place less', resultOf(['a', 'b']), resultOf(['a']), 'better', [], ['b']],
  ['not met at another place', resultOf(['a']), resultOf(['b']), 'worse', ['b'], ['a']],
  ['one place more, excepted', resultOf(['a']), resultOf(['a', 'b x']), 'worse', ['b'], []],
  ['nothing it applied to, and met', resultOf([], 'not-applicable'), resultOf([]), 'same', [], []],
  ['nothing it applied to, and not met', resultOf([], 'not-applicable'), resultOf(['a']), 'worse', ['a'], []],
  ['met, and nothing it applies to', resultOf([]), resultOf([], 'not-applicable'), 'gone', [], []],
  ['not met, and nothing it applies to', resultOf(['a']), resultOf([], 'not-applicable'), 'gone', [], []],
])('%s', (_, then, now, outcome, worse, better) => {
  const [rule] = compare(subjectOf([then]), subjectOf([now])).rules;
  expect(rule).toMatchObject({ rule: 'r', outcome, then: then.verdict, now: now.verdict });
  expect([fieldsOf(rule?.worse ?? []), fieldsOf(rule?.better ?? [])]).toEqual([worse, better]);
});

test('a place is the same with and without its namespace, and in an installation under another one', () => {
  const withNamespace = (namespace?: string): ComparedSubject => {
    const object = { kind: 'Deployment', name: 'api', ...(namespace === undefined ? {} : { namespace }) };
    return subjectOf([{ rule: 'r', verdict: 'fail', violations: [placeOf('a', object)] }], [object]);
  };
  for (const [then, now] of [['app', 'app'], [undefined, 'app'], ['app', undefined], ['app', 'site']] as const) {
    const compared = compare(withNamespace(then), withNamespace(now));
    expect([verdictOf([compared]), compared.absent, compared.added]).toEqual(['same', [], []]);
  }
}); // prettier-ignore

test('the same field of another object, and of one with the same name elsewhere, is another place', () => {
  const other = { ...API, namespace: 'two' };
  const then = subjectOf([{ rule: 'r', verdict: 'fail', violations: [placeOf('a')] }], [API, other]);
  const now = subjectOf([{ rule: 'r', verdict: 'fail', violations: [placeOf('a', other)] }], [API, other]);
  expect(compare(then, now).rules[0]).toMatchObject({ outcome: 'worse', worse: [{ namespace: 'two' }], better: [{ namespace: 'app' }] }); // prettier-ignore
});

test('a rule that is not evaluated any more, and an object that is not there, make it incomplete and not good', () => {
  const gone = compare(subjectOf([resultOf(['a'])]), subjectOf([]));
  expect(gone.rules).toMatchObject([{ outcome: 'gone', then: 'fail', now: undefined }]);
  expect([verdictOf([gone]), missingOf(gone)]).toEqual(['incomplete', ['rule r']]);
  const policy = { kind: 'NetworkPolicy', name: 'deny', namespace: 'app' };
  const absent = compare(subjectOf([resultOf([])], [API, policy]), subjectOf([resultOf([])]));
  expect([verdictOf([absent]), absent.absent, missingOf(absent)]).toEqual(['incomplete', [policy], ['NetworkPolicy/deny']]); // prettier-ignore
  // A hook that ended, and a secret that was not handed out, are said and not held against it.
  const hook = { kind: 'Job', name: 'init', namespace: 'app' };
  const fleeting = compare(subjectOf([resultOf([])], [API, hook]), subjectOf([resultOf([])]));
  expect([verdictOf([fleeting]), fleeting.absent, missingOf(fleeting)]).toEqual(['same', [hook], []]);
});

test('what is new is said and is not worse, and a subject without any partner is not good either', () => {
  const added = { ...API, name: 'extra' };
  const more = compare(subjectOf([resultOf([])]), subjectOf([resultOf([]), { ...resultOf(['a']), rule: 'own' }], [API, added])); // prettier-ignore
  expect(more.rules.map(({ rule, outcome }) => [rule, outcome])).toEqual([['r', 'same'], ['own', 'new']]); // prettier-ignore
  expect([verdictOf([more]), more.added]).toEqual(['same', [added]]);
  const alone = compareSubject({ now: subjectOf([resultOf([])]), before: [], alike: [] });
  expect([verdictOf([alone]), missingOf(alone), alone.added]).toEqual(['incomplete', ['anything to compare s with'], []]); // prettier-ignore
});

test('several subjects of then count together: the worst verdict, and all places', () => {
  const store = { kind: 'StatefulSet', name: 'store', namespace: 'app' };
  const one = { ...subjectOf([resultOf([])]), name: 'one' };
  const two = { ...subjectOf([{ rule: 'r', verdict: 'fail', violations: [placeOf('b', store)] }], [store]), name: 'two' } as const; // prettier-ignore
  const now = subjectOf([{ rule: 'r', verdict: 'fail', violations: [placeOf('b', store)] }], [API, store]);
  const compared = compareSubject({ now, before: [one, two], alike: [] });
  expect(compared).toMatchObject({ with: ['one', 'two'], rules: [{ outcome: 'same', then: 'fail' }], absent: [], added: [] }); // prettier-ignore
});

test('what is worse outweighs what is missing and what is better', () => {
  const worse = compare(subjectOf([resultOf([])]), subjectOf([resultOf(['a'])]));
  const better = compare(subjectOf([resultOf(['a'])]), subjectOf([resultOf([])]));
  const gone = compare(subjectOf([resultOf([])]), subjectOf([]));
  expect([[worse, better, gone], [better, gone], [better]].map(verdictOf)).toEqual(['worse', 'incomplete', 'better']);
});
