/** One pass, one copy: no disk but the archive's, and memory that does not grow with what passes through. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test as declare } from 'vitest';
import { startProcess } from '../helpers/process.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { traceSystem } from '../helpers/system-trace.ts';
import { startRegistry } from '../../src/server/embedded-registry.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { programCommand, programEnvironment, type ProgramName } from './support/program.ts';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 600_000;
/** Beside the small one: a layer that each of the platforms' tarballs holds. */
const LARGE_BYTES = 40 * MIB;
const ALLOWED_GROWTH_BYTES = 28 * MIB;
const small = useBuiltRelease();
const large = useBuiltRelease({ baseBytes: LARGE_BYTES });

/** The most memory a program had at any moment of its life, in bytes. */
async function peakOf(name: ProgramName, args: readonly string[]): Promise<number> {
  const [command, full] = programCommand(name, args);
  await using child = await startProcess(command, full, { env: programEnvironment() });
  let peak = 0;
  await child.waitUntil('it ended', async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024);
    return !child.isRunning;
  }, TIMEOUT_MS); // prettier-ignore
  const { exitCode, stderr } = await child.ended;
  expect([exitCode, exitCode === 0 ? '' : stderr]).toEqual([0, '']);
  expect(peak).toBeGreaterThan(20 * MIB);
  return peak;
}

describe('memory', () => {
  const test = declare;
  test('loading takes memory that does not grow with the archive', { timeout: TIMEOUT_MS }, async () => {
    const peaks: number[] = [];
    for (const fixture of [small, large]) {
      const { archive, pub } = fixture;
      await using target = await startRegistry({ directory: fixture.folder() });
      const to = ['--to', `docker://${target.host}`, '--report', fixture.folder()];
      peaks.push(await peakOf('verify-and-load', [archive, '--key', pub, ...to]));
    }
    const [before = 0, after = 0] = peaks;
    expect(after - before).toBeLessThan(ALLOWED_GROWTH_BYTES);
  });

  test('nor does building', { timeout: TIMEOUT_MS }, async () => {
    const peaks: number[] = [];
    for (const fixture of [small, large]) {
      const { release, key } = fixture;
      peaks.push(await peakOf('airgap', ['build', release.lock, '--key', key, '--output', `${fixture.folder()}.tar`]));
    }
    const [before = 0, after = 0] = peaks;
    expect(after - before).toBeLessThan(ALLOWED_GROWTH_BYTES);
  });
});

describe('disk', () => {
  const test = declare.skipIf(requireTool('strace') === undefined);
  test('building writes to no disk but that of the archive', { timeout: TIMEOUT_MS }, async () => {
    const output = join(small.temp.path, 'only-here.tar');
    const [command, args] = programCommand('airgap', [
      'build',
      small.release.lock,
      '--key',
      small.key,
      '--output',
      output,
    ]);
    const { exitCode, files } = await traceSystem(command, args, { cwd: small.temp.path, env: programEnvironment() });
    expect(exitCode).toBe(0);
    const written = files.filter(({ isWriting, path }) => isWriting && path !== '/dev/null').map(({ path }) => path);
    expect(written.length).toBeGreaterThan(0);
    expect([...new Set(written)].filter((path) => !path.startsWith(output))).toEqual([]);
  });
});
