/** A file of rules is read strictly: every problem at once, each with its place and the nearest right word. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { PROFILE_NAMES, rulesOf } from '../../../src/compliance/profiles.ts';
import { parseRules } from '../../../src/compliance/site/rules-file.ts';
import { formatRulesSchema } from '../../../src/compliance/site/rules-schema.ts';

const COPY = new URL('../../../docs/rules.schema.json', import.meta.url);
const PAGE = new URL('../../../docs/compliance.md', import.meta.url);
const KNOWN = rulesOf(PROFILE_NAMES);
const HEAD = 'apiVersion: airgap.hexabase.ai/v1\nkind: ComplianceRules\n';
const RULE = `  - id: acme-team
    title: Every workload names its team
    serves: [Acme policy 1]
    shows: That the label is there.
    cannotShow: That the team knows of it.
    select: { kind: Deployment }
    path: metadata.labels.team
    operator: exists
`;

function parse(text: string): ReturnType<typeof parseRules> {
  return parseRules([{ name: 'rules.yaml', text }], KNOWN);
}

test('the published schema is current', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(COPY, formatRulesSchema());
  expect(JSON.parse(await readFile(COPY, 'utf8'))).toEqual(JSON.parse(formatRulesSchema()));
});

test('the example of docs/compliance.md is one', async () => {
  const page = await readFile(PAGE, 'utf8');
  const [, example = ''] =
    /```yaml\n(apiVersion: airgap\.hexabase\.ai\/v1\nkind: ComplianceRules\n.*?)```/s.exec(page) ?? [];
  const [file] = parse(example);
  expect(file?.rules.length).toBeGreaterThan(1);
  expect(file?.exceptions.length).toBeGreaterThan(0);
});

test('what is left out has its default, and an exception knows where it is written', () => {
  const [file] = parse(`${HEAD}rules:\n${RULE}exceptions:
  - rule: pod-privileged
    object: DaemonSet/agent
    reason: It reads the kernel log of its node.
    until: 2027-01-31
`);
  expect(file).toMatchObject({ file: 'rules.yaml', rules: [{ id: 'acme-team', severity: 'medium' }] });
  expect(file?.exceptions).toMatchObject([{ rule: 'pod-privileged', until: '2027-01-31', at: 'rules.yaml:13' }]);
  expect(parse(HEAD)).toMatchObject([{ rules: [], exceptions: [] }]);
});

test.each<[what: string, text: string, faults: readonly string[]]>([
  ['no text', '', ['rules.yaml: is empty']],
  ['another kind', HEAD.replace('ComplianceRules', 'Release'), ['kind: must be ComplianceRules']],
  ['two documents', `${HEAD}---\n${HEAD}`, ['a second document']],
  [
    'fields that are none, in their places',
    `${HEAD}rules:\n${RULE.replace('title', 'titel').replace('kind:', 'kinds:')}`,
    [
      'rules[0]: unknown field "titel" (did you mean title?)',
      'rules[0].select: unknown field "kinds" (did you mean kind?)',
    ],
  ],
  [
    'an operator that is none',
    `${HEAD}rules:\n${RULE.replace('exists', 'exist')}`,
    ['rules[0].operator: must be exists or absent'],
  ],
  ['a path that is none', `${HEAD}rules:\n${RULE.replace('labels.team', 'labels..team')}`, ['is no path to a place']],
  [
    'a value too many',
    `${HEAD}rules:\n${RULE}    value: x\n`,
    ['rules.yaml:12:12: rules[0].value: exists takes no value (leave out value, or use equals)'],
  ],
  [
    'a value too few',
    `${HEAD}rules:\n${RULE.replace('exists', 'equals')}`,
    ['rules[0].operator: equals takes one value'],
  ],
  [
    'a list for one value',
    `${HEAD}rules:\n${RULE.replace('exists', 'equals')}    value: [a]\n`,
    ['use in or notIn for a list'],
  ],
  [
    'one value for a list',
    `${HEAD}rules:\n${RULE.replace('exists', 'in')}    value: a\n`,
    ['in takes a list of values'],
  ],
  [
    'an expression that is none',
    `${HEAD}rules:\n${RULE.replace('exists', 'matches')}    value: '(a'\n`,
    ['a ( that nothing closes'],
  ],
  [
    'an amount that is none',
    `${HEAD}rules:\n${RULE.replace('exists', 'max')}    value: 4GB\n`,
    ['no quantity of Kubernetes'],
  ],
  [
    'a fault in a condition',
    `${HEAD}rules:\n${RULE}    when: [{ path: spec.x, operator: min, value: lots }]\n`,
    ['rules[0].when[0].value: min'],
  ],
  [
    'an id of the product',
    `${HEAD}rules:\n${RULE.replace('acme-team', 'image-pinned')}`,
    ['image-pinned is a rule of the product'],
  ],
  ['an id twice', `${HEAD}rules:\n${RULE}${RULE}`, ['acme-team is a rule of rules.yaml already']],
  [
    'an exception without a rule, a reason, or an end',
    `${HEAD}exceptions:\n  - { rule: image-pined, object: Deployment/a, reason: It is old and goes soon., until: 2027-01-31 }
  - { rule: image-pinned, object: Deployment/a, reason: old, until: 2027-02-31 }\n`,
    ['must say why, in a sentence', 'no such day'],
  ],
  [
    'an exception for no rule',
    `${HEAD}exceptions:\n  - { rule: image-pined, object: Deployment/a, reason: It is old and goes soon., until: 2027-01-31 }\n`,
    ['there is no rule image-pined (did you mean image-pinned?)'],
  ],
])('refuses %s', (_, text, faults) => {
  let message = '';
  try {
    parse(text);
  } catch (error) {
    message = (error as Error).message;
  }
  expect(faults.filter((fault) => !message.includes(fault)).map((fault) => ({ fault, message }))).toEqual([]);
  expect(message).not.toBe('');
});

test('a rule has one id in all files, and exceptions may be for rules of other files', () => {
  const exception = `${HEAD}exceptions:\n  - { rule: acme-team, object: 'Deployment/*', reason: Labels come with the next release., until: 2027-01-31 }\n`;
  const rules = `${HEAD}rules:\n${RULE}`;
  expect(parseRules([{ name: 'a.yaml', text: exception }, { name: 'b.yaml', text: rules }], KNOWN).length).toBe(2); // prettier-ignore
  expect(() => parseRules([{ name: 'a.yaml', text: rules }, { name: 'b.yaml', text: rules }], KNOWN)).toThrow(
    'b.yaml:4:9: rules[0].id: acme-team is a rule of a.yaml already',
  ); // prettier-ignore
});
