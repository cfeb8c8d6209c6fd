/** A site's own rules: which objects and places they speak of, what each operator demands, and what a violation says. */
import { describe, expect, test } from 'vitest';
import { evaluateRules } from '../../../src/compliance/evaluate.ts';
import { parseRules } from '../../../src/compliance/site/rules-file.ts';
import { makeObjects, toSubject, type Value } from '../sound-objects.ts';

const WORDS = { title: 'Acme', serves: ['Policy 4.2'], shows: 'That it is set.', cannotShow: 'What comes of it.' };
const IMAGES = 'spec.template.spec.containers[*].image';
const MEMORY = 'spec.template.spec.containers[*].resources.limits.memory';
const TEAM = 'metadata.labels.team';

/** The verdict of one rule on objects, and each violation. */
function evaluate(
  rule: Value,
  objects: readonly Value[] = Object.values(makeObjects()),
): { verdict: string; found: readonly string[] } {
  const document = {
    apiVersion: 'airgap.hexabase.ai/v1',
    kind: 'ComplianceRules',
    rules: [{ id: 'acme-rule', ...WORDS, select: { kind: 'Deployment' }, ...rule }],
  };
  const files = parseRules([{ name: 'rules.yaml', text: JSON.stringify(document) }], []);
  const [checked] = evaluateRules(
    files.flatMap(({ rules }) => rules),
    [toSubject(objects)],
  );
  const [result] = checked?.results ?? [];
  const found = (result?.violations ?? []).map(
    ({ kind, name, field, message }) => `${kind}/${name} ${field}: ${message}`,
  );
  return { verdict: result?.verdict ?? '', found };
}

describe('an operator', () => {
  test.each<[operator: string, path: string, value: unknown, verdict: string]>([
    ['exists', 'spec.replicas', undefined, 'pass'],
    ['exists', TEAM, undefined, 'fail'],
    ['absent', 'spec.paused', undefined, 'pass'],
    ['absent', 'spec.replicas', undefined, 'fail'],
    ['equals', 'spec.replicas', 2, 'pass'],
    ['equals', 'spec.replicas', '2', 'pass'],
    ['equals', 'spec.replicas', 3, 'fail'],
    ['equals', TEAM, 'a', 'fail'],
    ['equals', 'spec.template', 'a', 'fail'],
    ['notEquals', 'spec.replicas', 1, 'pass'],
    ['notEquals', TEAM, 'a', 'pass'],
    ['notEquals', 'spec.replicas', 2, 'fail'],
    ['in', 'spec.replicas', [1, 2], 'pass'],
    ['in', 'spec.replicas', [3], 'fail'],
    ['notIn', 'spec.replicas', [1, 3], 'pass'],
    ['notIn', 'spec.replicas', [2], 'fail'],
    ['matches', IMAGES, '^registry\\.example/', 'pass'],
    ['matches', IMAGES, '^registry\\.acme/', 'fail'],
    ['matches', TEAM, '', 'fail'],
    ['notMatches', IMAGES, ':latest$', 'pass'],
    ['notMatches', IMAGES, 'api', 'fail'],
    ['notMatches', TEAM, 'a', 'pass'],
    ['min', 'spec.replicas', 2, 'pass'],
    ['min', 'spec.replicas', '2500m', 'fail'],
    ['max', MEMORY, '128Mi', 'pass'],
    ['max', MEMORY, '0.1Gi', 'fail'],
    ['max', IMAGES, 1, 'fail'],
    ['max', TEAM, 1, 'fail'],
  ])('%s %s %j: %s', (operator, path, value, verdict) => {
    expect(evaluate({ path, operator, ...(value === undefined ? {} : { value }) }).verdict).toBe(verdict);
  });
});

describe('a violation', () => {
  test('names object and field, what stands there and what is demanded', () => {
    expect(evaluate({ path: MEMORY, operator: 'max', value: '64Mi' }).found).toEqual([
      'Deployment/api spec.template.spec.containers[0].resources.limits.memory: says 128Mi, and at most 64Mi is demanded',
    ]);
  });

  test('is there for every item that lacks the value', () => {
    const containers = [{ name: 'a' }, { name: 'b', image: 'x' }, { name: 'c', image: null }];
    const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { template: { spec: { containers } } } }; // prettier-ignore
    expect(evaluate({ path: IMAGES, operator: 'exists' }, [object]).found).toEqual([
      'Deployment/d spec.template.spec.containers[0].image: is not set, and a value is demanded',
      'Deployment/d spec.template.spec.containers[2].image: is not set, and a value is demanded',
    ]);
    expect(evaluate({ path: IMAGES, operator: 'matches', value: 'x', optional: true }, [object]).verdict).toBe('pass');
  });

  test('never shows what a Secret holds', () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { password: 'hunter2' } };
    const { found } = evaluate(
      { select: { kind: 'Secret' }, path: 'stringData.*', operator: 'equals', value: '${SITE}' },
      [secret],
    );
    expect(found).toEqual(['Secret/s stringData.password: has another value, and ${SITE} is demanded']);
  });
});

describe('a rule is about', () => {
  const app = (name: string, labels: Value, namespace?: string): Value => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels, ...(namespace === undefined ? {} : { namespace }) },
  });
  const objects = [
    app('web-1', { tier: 'front' }, 'shop'),
    app('web-2', { tier: 'back' }),
    { ...app('db', {}), kind: 'StatefulSet' },
    { ...app('old', {}), apiVersion: 'extensions/v1beta1' },
  ];

  test.each<[select: Value, names: readonly string[]]>([
    [{ kind: '*' }, ['web-1', 'web-2', 'db', 'old']],
    [{ kind: ['StatefulSet', 'Deployment'] }, ['web-1', 'web-2', 'db', 'old']],
    [{ kind: 'Deploy*', apiVersion: 'apps/*' }, ['web-1', 'web-2']],
    [{ kind: 'Deployment', name: 'web-*' }, ['web-1', 'web-2']],
    [{ kind: 'Deployment', labels: { tier: 'front' } }, ['web-1']],
    [{ kind: 'Deployment', namespace: 'shop' }, ['web-1']],
    [{ kind: 'Job' }, []],
  ])('the objects that %j selects', (select, names) => {
    const { found } = evaluate({ select, path: 'spec.x', operator: 'exists' }, objects);
    expect(found.map((each) => /\/(\S+)/.exec(each)?.[1])).toEqual(names);
  });

  test('only those where its conditions hold', () => {
    const when = [{ path: TIER, operator: 'in', value: ['front', 'back'] }, { path: 'metadata.namespace', operator: 'absent' }]; // prettier-ignore
    const { found } = evaluate({ when, path: 'spec.x', operator: 'exists' }, objects);
    expect(found.map((each) => /\/(\S+)/.exec(each)?.[1])).toEqual(['web-2']);
  });

  test('nothing where nothing is selected, unless something has to be there', () => {
    const rule = { select: { kind: 'ResourceQuota' }, path: 'spec.hard', operator: 'exists' };
    expect(evaluate(rule).verdict).toBe('not-applicable');
    expect(evaluate({ ...rule, required: true })).toEqual({
      verdict: 'fail',
      found: ['ResourceQuota/ metadata.name: no object of kind ResourceQuota is there, and one is demanded'],
    });
    // The list is empty: there is nothing that the path speaks of, but the object is there.
    const any = { path: 'spec.template.spec.ephemeralContainers[*].image', operator: 'absent' };
    expect(evaluate(any).verdict).toBe('not-applicable');
    expect(evaluate({ ...any, required: true }).verdict).toBe('pass');
  });
});

const TIER = 'metadata.labels.tier';
