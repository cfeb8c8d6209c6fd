import { expect, test } from 'vitest';
import { leaveToSite, mayHoldMadeValues } from '../../../src/operations/check/made-at-site.ts';
import { readKubernetesYaml, type KubernetesResource } from '../../../src/kubernetes/resources/yaml-documents.ts';

function render(chance: string, name = 'api'): readonly KubernetesResource[] {
  return readKubernetesYaml(
    `{apiVersion: v1, kind: Secret, metadata: {name: ${name}}, data: {made: ${chance}, own: c2VjcmV0}, stringData: {made: ${chance}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}}, data: {made: ${chance}}}
---
{apiVersion: acme.io/v1, kind: Secret, metadata: {name: ${name}}, data: {made: ${chance}}}
`,
    'rendered.yaml',
  );
}

test('a value of a Secret that differs between two renderings is left to the site; all else stays as it is', () => {
  const [secret, ...others] = leaveToSite(render('b25l'), render('dHdv'));
  expect(secret?.value).toMatchObject({ data: { made: '${SITE}', own: 'c2VjcmV0' }, stringData: { made: '${SITE}' } });
  expect(others.map(({ value }) => value)).toMatchObject([{ data: { made: 'b25l' } }, { data: { made: 'b25l' } }]);
});

test('a Secret that the other rendering lacks, or has under another name, stays as it is', () => {
  for (const again of [[], render('dHdv', 'web')]) {
    expect(leaveToSite(render('b25l'), again).map(({ value }) => value)).toEqual(render('b25l').map(({ value }) => value));
  }
}); // prettier-ignore

test('only Secrets with values make a second rendering worth its time', () => {
  expect(mayHoldMadeValues(render('b25l'))).toBe(true);
  expect(mayHoldMadeValues(render('b25l').slice(1))).toBe(false);
  const empty = readKubernetesYaml('{apiVersion: v1, kind: Secret, metadata: {name: a}}', 'a.yaml');
  expect(mayHoldMadeValues(empty)).toBe(false);
});
