/** Commands run for real: exit codes, output, timeouts that reach grandchildren. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { run, runOk } from './run.ts';

test('captures output, standard input and the exit code', async () => {
  const result = await run('/bin/sh', ['-c', 'cat; echo problem >&2; exit 3'], { input: 'hello' });
  expect(result).toEqual({ exitCode: 3, signal: null, stdout: 'hello', stderr: 'problem\n' });
});

test('passes arguments on untouched by any shell', async () => {
  const { stdout } = await runOk('/bin/echo', ['$HOME', ';', '`id`', 'a b']);
  expect(stdout).toBe('$HOME ; `id` a b\n');
});

test('sets and removes environment variables', async () => {
  const script = 'process.stdout.write(`${process.env.AIRGAP_A} ${process.env.AIRGAP_B}`)';
  process.env['AIRGAP_B'] = 'set';
  try {
    const { stdout } = await runOk(process.execPath, ['-e', script], {
      env: { AIRGAP_A: 'given', AIRGAP_B: undefined },
    });
    expect(stdout).toBe('given undefined');
  } finally {
    delete process.env['AIRGAP_B'];
  }
});

test('a failure carries what the command said', async () => {
  await expect(runOk('/bin/sh', ['-c', 'echo no such thing >&2; exit 1'])).rejects.toThrow(
    /exit code 1:\nno such thing/,
  );
});

test('a command that cannot be started is an error', async () => {
  await expect(run('/nonexistent/command', [])).rejects.toMatchObject({ code: 'ENOENT' });
});

test('the timeout kills what the command started, too', async () => {
  let pid: string | undefined;
  // On a busy machine the shell may need longer than the first timeout to start.
  for (const timeoutMs of [300, 3_000, 30_000]) {
    const failure = await run('/bin/sh', ['-c', 'sleep 1000 & echo $!; wait'], { timeoutMs }).catch(String);
    expect(failure).toContain(`did not end in ${timeoutMs} ms:\n`);
    pid = /ms:\n(\d+)/.exec(failure as string)?.[1];
    if (pid !== undefined) break;
  }
  expect(pid).toBeDefined();
  const isGone = async (): Promise<boolean> =>
    / Z /.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ' Z '));
  await expect.poll(isGone).toBe(true);
});
