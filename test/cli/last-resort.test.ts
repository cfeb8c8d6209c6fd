/** An error that no code expected: said once, locks given back, and never exit code 0. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { childScript } from '../helpers/child-script.ts';
import { run } from '../helpers/run.ts';
import { useTempDir } from '../helpers/temp.ts';
import type { ProcessResult } from '../helpers/process.ts';

const CHILD = await childScript(new URL('last-resort-child.ts', import.meta.url));
const temp = useTempDir();
const broken = (...args: readonly string[]): Promise<ProcessResult> => run(process.execPath, [CHILD, 'break', ...args]);

test.each([
  ['rejection', 'waits', 'a bug'],
  ['exception', 'waits', 'a bug'],
  ['no-error', 'waits', 'just words'],
  ['rejection', 'goes on', 'a bug'],
])('%s in work that %s', async (how, then, message) => {
  const { exitCode, stderr } = await broken(how, temp.join('lock'), then);
  expect(exitCode).toBe(1);
  expect(stderr.split('\n').filter((line) => line.startsWith('error: '))).toEqual([expect.stringContaining(message)]);
  expect(stderr).toContain('please report it');
  expect(existsSync(temp.join('lock'))).toBe(false);
});

test('is one JSON document where that was asked for', async () => {
  const { exitCode, stderr } = await broken('rejection', temp.join('lock'), 'waits', '--json');
  expect(exitCode).toBe(1);
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'INTERNAL', message: 'a bug' } });
});

test('ends work that does not stop', async () => {
  const { exitCode, stderr } = await broken('exception', temp.join('lock'), 'hangs');
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('error: a bug') as string,
  });
});
