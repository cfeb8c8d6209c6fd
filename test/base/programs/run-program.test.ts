/** A local program runs without a shell, within its limits, and ends with all it started. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { callProgram, type CallProgramOptions } from '../../../src/base/programs/run-program.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const NOTHING = Buffer.alloc(0);

function node(script: string, options: Partial<CallProgramOptions> = {}): ReturnType<typeof callProgram> {
  return callProgram(process.execPath, ['-e', script, 'a b; $(c)'], Buffer.from('input'), {
    environment: { SEEN: 'yes' },
    timeoutMs: 60_000,
    ...options,
  });
}

test('input, arguments and environment arrive as they are; output and exit code come back', async () => {
  const { stdout, exitCode } = await node(
    `process.stdin.on('data', (d) => { console.log(String(d), process.argv[1], process.env.SEEN, process.env.PATH); process.exitCode = 3; })`,
  );
  expect(stdout.toString()).toBe('input a b; $(c) yes undefined\n');
  expect(exitCode).toBe(3);
});

test('a program that a signal ends has no exit code', async () => {
  expect((await node(`process.kill(process.pid, 'SIGKILL')`)).exitCode).toBeNull();
});

test.each([
  ['time', 'setInterval(() => {}, 1000)', { timeoutMs: 300 }],
  ['output', `process.stdout.write('x'.repeat(5000))`, { maxOutputBytes: 4096 }],
  ['output', `process.stderr.write('x'.repeat(5000)); setInterval(() => {}, 1000)`, { maxOutputBytes: 4096 }],
])('over the limit of %s it is ended, and the error says which limit', async (limit, script, options) => {
  await expect(node(script, options)).rejects.toMatchObject({ code: 'STORE_IO', details: { limit } });
});

test('what is not there is named', async () => {
  const options = { environment: { PATH: temp.path }, timeoutMs: 1000 };
  await expect(callProgram('no-such-program', [], NOTHING, options)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('what the program itself started ends with it, when it leads a group of its own', async () => {
  const pidFile = temp.join('pid');
  const script = `
    const { spawn } = require('node:child_process');
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(child.pid));
    setInterval(() => {}, 1000);`;
  const stop = new AbortController();
  const ended = node(script, { ownGroup: true, signal: stop.signal }).catch((error: unknown) => error);
  const readPid = async (): Promise<number> => Number(await readFile(pidFile, 'utf8').catch(() => '0'));
  await expect.poll(readPid).toBeGreaterThan(0);
  const pid = await readPid();
  stop.abort();
  expect(await ended).toMatchObject({ name: 'AbortError' });
  await expect.poll(() => isRunning(pid)).toBe(false);
});

async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return status !== '' && !/^State:\s+Z/m.test(status);
}
