/** Subjects of two reports are paired by name, then by the objects they share; a cluster may run several at once. */
import { expect, test } from 'vitest';
import type { ComparedSubject } from '../../../src/compliance/comparison/compared-subject.ts';
import { pairSubjects } from '../../../src/compliance/comparison/pair-subjects.ts';

/** `Deployment/api@app`, or without a namespace `Deployment/api`. */
function subjectOf(name: string, objects: string, live = false): ComparedSubject {
  const parsed = objects.split(' ').map((text) => {
    const [path = '', namespace] = text.split('@');
    const [kind = '', object = ''] = path.split('/');
    return { kind, name: object, ...(namespace === undefined ? {} : { namespace }) };
  });
  return { name, live, objects: parsed, results: [] };
}

function pairs(
  before: readonly ComparedSubject[],
  now: readonly ComparedSubject[],
  chosen?: readonly ComparedSubject[],
) {
  return pairSubjects(before, now, chosen).map((pair) => [
    pair.now.name,
    pair.before.map(({ name }) => name),
    pair.alike,
  ]);
}

const SMALL = subjectOf('chart (small)', 'Deployment/api ConfigMap/small Service/api');
const LARGE = subjectOf('chart (large)', 'Deployment/api ConfigMap/large Service/api PodDisruptionBudget/api');
const OTHER = subjectOf('other (default)', 'StatefulSet/store Service/store');

test('a name that both have decides, whatever the objects are', () => {
  const now = [subjectOf('chart (small)', 'Job/x'), subjectOf('chart (large)', 'Job/y')];
  expect(pairs([SMALL, LARGE], now)).toEqual([
    ['chart (small)', ['chart (small)'], []],
    ['chart (large)', ['chart (large)'], []],
  ]);
});

test('of several sets of values the one is found whose objects are all there', () => {
  const small = subjectOf('cluster', 'Deployment/api@app ConfigMap/small@app Service/api@app ConfigMap/ca@app', true);
  expect(pairs([LARGE, SMALL], [small])).toEqual([['cluster', ['chart (small)'], []]]);
  const large = subjectOf('cluster', 'Deployment/api@app ConfigMap/large@app Service/api@app PodDisruptionBudget/api@app', true);
  expect(pairs([SMALL, LARGE], [large])).toEqual([['cluster', ['chart (large)'], []]]);
}); // prettier-ignore

test('a cluster that runs several deployments is compared with each of them, and a release with one', () => {
  const objects = 'Deployment/api@app ConfigMap/small@app Service/api@app StatefulSet/store@data Service/store@data';
  const all = [LARGE, OTHER, SMALL];
  expect(pairs(all, [subjectOf('cluster', objects, true)])).toEqual([['cluster', ['chart (small)', 'other (default)'], []]]); // prettier-ignore
  expect(pairs(all, [subjectOf('new name', objects)])).toEqual([['new name', ['chart (small)'], []]]);
});

test('sets of values that fit equally well are named, and the choice of a person counts', () => {
  const twin = { ...SMALL, name: 'chart (twin)' };
  const now = subjectOf('cluster', 'Deployment/api ConfigMap/small Service/api', true);
  expect(pairs([SMALL, twin, LARGE], [now])).toEqual([['cluster', ['chart (small)'], ['chart (twin)']]]);
  expect(pairs([SMALL, twin, LARGE], [now], [twin])).toEqual([['cluster', ['chart (twin)'], []]]);
  expect(pairs([SMALL, twin, LARGE], [now], [LARGE])).toEqual([['cluster', ['chart (large)'], []]]);
});

test('with one subject on each side these are meant; with several, what shares no objects is new', () => {
  const now = subjectOf('cluster', 'Deployment/web');
  expect(pairs([SMALL], [now])).toEqual([['cluster', ['chart (small)'], []]]);
  expect(pairs([SMALL, LARGE], [now])).toEqual([['cluster', [], []]]);
  // Half of it is not enough to be taken for it.
  expect(pairs([OTHER, LARGE], [subjectOf('cluster', 'Service/store')])).toEqual([['cluster', [], []]]);
});

test('an installation into a namespace of another name is the same, and one of two namespaces is not', () => {
  const before = subjectOf('manifests', 'Deployment/api@hexabase Service/api@hexabase ClusterRole/api');
  const rest = subjectOf('rest', 'Job/x');
  const moved = subjectOf('cluster', 'Deployment/api@site Service/api@site ClusterRole/api', true);
  expect(pairs([before, rest], [moved])).toEqual([['cluster', ['manifests'], []]]);
  const two = subjectOf('cluster', 'Deployment/api@site Service/api@other', true);
  expect(pairs([before, rest], [two])).toEqual([['cluster', [], []]]);
});
