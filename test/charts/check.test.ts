/** The shipped release meets the rules of `airgap check`: the general ones everywhere, those of a regulation under its overlay. */
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { evaluateRules, failuresOf } from '../../src/compliance/evaluate.ts';
import { rulesOf, type ProfileName } from '../../src/compliance/profiles.ts';
import { subjectsOfFiles } from '../../src/operations/check/file-subjects.ts';
import { loadSpec } from '../../src/release/spec/spec.ts';
import { CHART, openRenderer } from './render-profile.ts';

const RELEASE = `${dirname(dirname(CHART))}/release.yaml`;
const OVERLAYS: Readonly<Record<string, readonly ProfileName[]>> = { gdpr: ['gdpr'], hipaa: ['hipaa'] };

test('release.yaml demands these rules, so that the release carries the evidence', async () => {
  const { check } = await loadSpec(RELEASE);
  const demanded = Object.entries(OVERLAYS).map(([set, profiles]) => ({ values: [set], profiles }));
  expect(check).toEqual({ rules: [], demands: [{ profiles: [] }, ...demanded] });
});

test('every set of values meets the general rules, and the overlays those of their regulation', async () => {
  const nothing = (): never => {
    throw new Error('the shipped release takes its chart from nowhere else');
  };
  const sources = { open: nothing, read: nothing };
  const { subjects } = await subjectsOfFiles(RELEASE, sources, { values: [], openRenderer });
  const names = ['default', 'small-enterprise', 'medium-enterprise', 'edge', 'primary', 'secondary', 'hybrid', 'gdpr', 'hipaa'];
  expect(subjects.map(({ name }) => name)).toEqual(['manifests', ...names.map((name) => `charts/hexabase (${name})`)]);
  const failures = subjects.flatMap((subject) => {
    const [, set = ''] = /\((.+)\)$/.exec(subject.name) ?? [];
    return failuresOf(evaluateRules(rulesOf(['general', ...(OVERLAYS[set] ?? [])]), [subject]));
  });
  expect(failures.map(({ subject, result }) => [subject.name, result.rule.id, result.violations[0]])).toEqual([]);
}); // prettier-ignore
