/** What the words of options become, and how a program takes its options apart. */
import { expect, test } from 'vitest';
import { choice, count, defineCommand, digest, flag, list, requiredText, text, time } from '../../src/cli/command.ts';
import type { Program } from '../../src/cli/program.ts';
import { sha256 } from '../../src/oci/digest.ts';
import { runInside } from '../helpers/in-process.ts';

const whole = sha256('whole');

test.each([
  ['a number that is left out', count('--n <n>', '', 1, 3), [], undefined],
  ['the smallest number', count('--n <n>', '', 1, 3), ['1'], 1],
  ['the greatest number', count('--n <n>', '', 1, 3), ['3'], 3],
  ['a digest that is left out', digest('--d <d>', ''), [], undefined],
  ['a whole digest', digest('--d <d>', ''), [whole], whole],
  ['a time that is left out', time('--t <t>', ''), [], undefined],
  ['a day', time('--t <t>', ''), ['2027-01-31'], '2027-01-31T00:00:00Z'],
  ['a time', time('--t <t>', ''), ['2027-01-31T12:00:00Z'], '2027-01-31T12:00:00Z'],
  ['a word that is left out', choice('--w <w>', '', ['a', 'b']), [], undefined],
  ['a word', choice('--w <w>', '', ['a', 'b']), ['b'], 'b'],
  ['a flag that is left out', flag('--f', ''), [], false],
  ['a flag', flag('--f', ''), ['true'], true],
])('%s', (_, option, words, value) => {
  expect(option.parse(words)).toBe(value);
});

test.each([
  ['a number below', count('--n <n>', '', 1, 3), '0', '--n <n>: 0 is not a whole number from 1 to 3'],
  ['a number above', count('--n <n>', '', 1, 3), '4', '--n <n>: 4 is not a whole number from 1 to 3'],
  ['a fraction', count('--n <n>', '', 1, 3), '1.5', '--n <n>: 1.5 is not a whole number from 1 to 3'],
  [
    'another spelling of a number',
    count('--n <n>', '', 1, 30),
    '1e1',
    '--n <n>: 1e1 is not a whole number from 1 to 30',
  ],
  ['a shortened digest', digest('--d <d>', ''), whole.slice(0, -1), `${whole.slice(0, -1)} is not sha256:`],
  ['a day that there is not', time('--t <t>', ''), '2027-02-30', '--t <t>: 2027-02-30 is not a time'],
  ['a word that is none', choice('--w <w>', '', ['a', 'b']), 'c', '--w <w>: c is not one of a, b'],
])('%s is refused', (_, option, word, message) => {
  expect(() => option.parse([word])).toThrow(
    expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) as string }),
  );
});

const seen: unknown[] = [];
const work = defineCommand({
  name: 'do work',
  summary: 'work',
  examples: ['do work'],
  arguments: {},
  options: {
    one: text('--one <x>', 'one'),
    must: requiredText('--must <x>', 'must'),
    many: list('--many <x>', 'many'),
    noWait: flag('--no-wait', 'no wait'),
  },
  run: async (_context, _args, options) => {
    seen.push(options);
  },
});
const program: Program = { name: 'p', summary: 's', examples: [], commands: [work] };

test('a program hands on what was given: once, in order, or not at all', async () => {
  seen.length = 0;
  expect(await runInside(program, ['do', 'work', '--must', 'm'])).toMatchObject({ exitCode: 0, stderr: '' });
  await runInside(program, ['do', 'work', '--must', 'm', '--many', 'b', '--many', 'a', '--no-wait', '--one', '1']);
  expect(seen).toEqual([
    { one: undefined, must: 'm', many: [], noWait: false },
    { one: '1', must: 'm', many: ['b', 'a'], noWait: true },
  ]);
});

test.each([
  [['--must', 'm', '--one', 's3cret', '--one', 's3cret'], '--one <x> was given more than once'],
  [[], "required option '--must <x>' not specified"],
  [['--must', 'm', '--timeout', '0'], '--timeout <seconds>: 0 is not a whole number from 1 to 604800'],
  [['--must', 'm', '--timeout', '604801'], '--timeout <seconds>: 604801 is not a whole number from 1 to 604800'],
])('%j is refused, and nothing is done', async (args, message) => {
  seen.length = 0;
  const { exitCode, stderr } = await runInside(program, ['do', 'work', ...args]);
  expect([exitCode, seen]).toEqual([2, []]);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('s3cret');
});

test('help says which options may be repeated, and only of those', async () => {
  const { stdout } = await runInside(program, ['do', 'work', '--help']);
  expect(stdout).toMatch(/--many <x> +many; may be repeated/);
  expect(stdout.match(/may be repeated/g)).toHaveLength(1);
  expect(stdout.startsWith('Examples:\n  $ p do work\n')).toBe(true);
});
