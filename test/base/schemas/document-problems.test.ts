/** What is said of a document that is not of its schema: what is missing, of the wrong kind, or unknown. */
import { expect, test } from 'vitest';
import * as z from 'zod';
import { toProblems } from '../../../src/base/schemas/document-problems.ts';
import { readYaml } from '../../../src/base/yaml-source.ts';

const Schema = z.strictObject({
  kind: z.literal('Release'),
  version: z.string(),
  count: z.number().optional(),
  inner: z.strictObject({}).optional(),
});
const shape = { fieldsAt: (path: readonly unknown[]) => (path.length === 0 ? ['kind', 'version', 'count'] : []), choicesAt: () => 'text', hint: '' }; // prettier-ignore

function problemsOf(text: string): readonly string[] {
  const [document] = readYaml(text, 'f.yaml');
  if (document === undefined) throw new Error('no document');
  const { error } = Schema.safeParse(document.value);
  return toProblems(error?.issues ?? [], document, shape).map(({ path, message, hint }) => [path, message, ...(hint === undefined ? [] : [hint])].join(' | ')); // prettier-ignore
}

test.each([
  ['version: "1"', 'kind | is missing; it must be Release'],
  ['kind: Chart\nversion: "1"', 'kind | must be Release'],
  ['kind: Release', 'version | is missing'],
  [
    'kind: Release\nversion: 1.10',
    `version | expected text, found number 1.1 | without quotes YAML reads 1.10 as 1.1; put it in quotes: '1.10'`,
  ],
  ['kind: Release\nversion: true', `version | expected text, found boolean true | put it in quotes: 'true'`],
  ['kind: Release\nversion: []', 'version | expected text, found a list'],
  ['kind: Release\nversion: a\ncount: a', 'count | expected number, found the text "a"'],
  ['kind: Release\nversion: a\nversoin: b', ' | unknown field "versoin" | did you mean version?'],
  ['kind: Release\nversion: a\nzzzzzz: b', ' | unknown field "zzzzzz" | the fields here are kind, version, count'],
  ['kind: Release\nversion: a\ninner: {zzzzzz: b}', 'inner | unknown field "zzzzzz"'],
])('%j', (text, said) => {
  expect(problemsOf(text)).toEqual([said]);
});
