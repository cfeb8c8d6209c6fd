/** Ctrl-C: the first asks the work to stop, the second ends the process whatever the work does. */
import { expect, test } from 'vitest';
import { childScript } from '../helpers/child-script.ts';
import { startProcess } from '../helpers/process.ts';

const CHILD = await childScript(new URL('stubborn-child.ts', import.meta.url));

test.each(['SIGINT', 'SIGTERM'] as const)('a second %s ends work that goes on after the first', async (signal) => {
  await using running = await startProcess(process.execPath, [CHILD]);
  await running.waitUntil('it worked', () => running.stdout === 'working\n');
  running.kill(signal);
  await running.waitUntil('it was asked', () => running.stdout === 'working\nasked to stop: AbortError\n');
  expect(running.isRunning).toBe(true);
  running.kill(signal);
  expect(await running.ended).toMatchObject({ exitCode: null, signal, stderr: '' });
});
