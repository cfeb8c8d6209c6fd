/** Runs the two programs: within this process where only words and files count, else as built, each in a process of its own. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AIRGAP } from '../../../src/cli/airgap.ts';
import { VERIFY_AND_LOAD } from '../../../src/cli/verify-and-load-program.ts';
import { runInside, type InsideOptions } from '../../helpers/in-process.ts';
import { TEST_PASSPHRASE } from '../../helpers/key-files.ts';
import { startProcess, type ProcessResult, type RunningProcess } from '../../helpers/process.ts';
import { run, type RunOptions } from '../../helpers/run.ts';

/** `AIRGAP_DIST` is another build than the one of this repository. */
const DIST = process.env['AIRGAP_DIST'] ?? fileURLToPath(new URL('../../../dist', import.meta.url));
const TIMEOUT_MS = 500_000;

const PROGRAMS = { airgap: AIRGAP, 'verify-and-load': VERIFY_AND_LOAD };

/** The two programs. */
export type ProgramName = keyof typeof PROGRAMS;

/** The bundle of a program. @throws Error when nobody built it. */
export function programPath(name: ProgramName): string {
  const path = join(DIST, `${name}.mjs`);
  if (!existsSync(path)) throw new Error(`${path} is missing; run: npm run build`);
  return path;
}

/** The command and arguments of a program, for tools that start it themselves. */
export function programCommand(name: ProgramName, args: readonly string[]): readonly [string, readonly string[]] {
  return [process.execPath, [programPath(name), ...args]];
}

/** Neither the terminal nor the account of whoever runs the tests has a say. */
export function programEnvironment(
  extra: Readonly<Record<string, string | undefined>> = {},
): Record<string, string | undefined> {
  return {
    NO_COLOR: '1',
    HOME: '/nonexistent',
    DOCKER_CONFIG: undefined,
    DOCKER_AUTH_CONFIG: undefined,
    REGISTRY_AUTH_FILE: undefined,
    XDG_RUNTIME_DIR: undefined,
    AIRGAP_PASSPHRASE: TEST_PASSPHRASE,
    ...extra,
  };
}

/** Starts `airgap`, to be watched or killed. */
export async function startAirgap(args: readonly string[], options: RunOptions = {}): Promise<RunningProcess> {
  const [command, full] = programCommand('airgap', args);
  return startProcess(command, full, { ...options, env: programEnvironment(options.env) });
}

/** Runs a built program to its end in a process of its own, whatever its exit code. */
export async function spawnProgram(
  name: ProgramName,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProcessResult> {
  const [command, full] = programCommand(name, args);
  return run(command, full, { timeoutMs: TIMEOUT_MS, ...options, env: programEnvironment(options.env) });
}

/** Runs a program to its end within this process, whatever its exit code. */
export async function runProgram(
  name: ProgramName,
  args: readonly string[],
  options: InsideOptions = {},
): Promise<ProcessResult> {
  return runInside(PROGRAMS[name], args, { ...options, env: programEnvironment(options.env) });
}

/** Runs `airgap` to its end, whatever its exit code. */
export async function airgap(args: readonly string[], options: InsideOptions = {}): Promise<ProcessResult> {
  return runProgram('airgap', args, options);
}

/**
 * Runs `airgap`, which must succeed.
 * @throws Error with everything it said when it did not
 */
export async function airgapOk(args: readonly string[], options: InsideOptions = {}): Promise<ProcessResult> {
  const result = await airgap(args, options);
  if (result.exitCode !== 0) {
    throw new Error(`airgap ${args.join(' ')}: exit ${String(result.exitCode)}\n${result.stdout}${result.stderr}`);
  }
  return result;
}

/** Runs `airgap … --json`, which must succeed, and hands back its document. */
export async function airgapJson<T = Record<string, unknown>>(
  args: readonly string[],
  options: InsideOptions = {},
): Promise<T> {
  return JSON.parse((await airgapOk([...args, '--json'], options)).stdout) as T;
}

/** The error document that a failed run with `--json` leaves on standard error. */
export function errorOf({ stderr }: ProcessResult): {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly details: Readonly<Record<string, unknown>>;
} {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  return (JSON.parse(line) as { error: ReturnType<typeof errorOf> }).error;
}
