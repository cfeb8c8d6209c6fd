/** Processes started and killed for real. */
import { describe, expect, test } from 'vitest';
import { startProcess } from './process.ts';

describe('a started process', () => {
  test('shows its output as it comes and can be waited for', async () => {
    await using running = await startProcess('/bin/sh', ['-c', 'echo ready; sleep 100']);
    await running.waitUntil('it was ready', () => running.stdout === 'ready\n');
    expect(running.isRunning).toBe(true);
  });

  test('dies by SIGKILL when the condition holds', async () => {
    await using running = await startProcess('/bin/sh', [
      '-c',
      'for i in 1 2 3; do echo $i; sleep 0.1; done; sleep 100',
    ]);
    expect(await running.killWhen(() => running.stdout.includes('2'))).toBe(true);
    expect(await running.ended).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
    expect(running.stdout).toMatch(/^1\n2\n/);
  });

  test('dies by SIGKILL after a time', async () => {
    // Far longer than a test may take.
    await using running = await startProcess('/bin/sleep', ['1000']);
    expect(await running.killAfter(100)).toBe(true);
  });

  test('says so when it ended before the kill', async () => {
    await using running = await startProcess('/bin/true', []);
    expect(await running.killAfter(5000)).toBe(false);
    await using other = await startProcess('/bin/true', []);
    expect(await other.killWhen(() => false)).toBe(false);
  });

  test('reports what it said when it ends before it is ready', async () => {
    await using running = await startProcess('/bin/sh', ['-c', 'echo bad configuration >&2; exit 1']);
    await expect(running.waitUntil('it was ready', () => false)).rejects.toThrow(
      /ended before it was ready:\nbad configuration/,
    );
  });

  test('stops by SIGTERM, and by SIGKILL when it does not listen', async () => {
    const polite = await startProcess('/bin/sleep', ['100']);
    expect(await polite.stop()).toMatchObject({ signal: 'SIGTERM' });
    const stubborn = await startProcess('/bin/sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done']);
    await stubborn.waitUntil('the trap was set', () => stubborn.stdout !== '');
    expect(await stubborn.stop(200)).toMatchObject({ signal: 'SIGKILL' });
  });
});
