/** Runs a command to its end, never through a shell, and hands back what it said. */
import { setTimeout as delay } from 'node:timers/promises';
import { startProcess, type ProcessOptions, type ProcessResult } from './process.ts';

const DEFAULT_TIMEOUT_MS = 500_000;

/** Options of {@link run}. */
export interface RunOptions extends ProcessOptions {
  /** After this the command and all it started are killed. @defaultValue 500 000 */
  readonly timeoutMs?: number;
}

/**
 * Runs a command and returns its output and exit code, whatever that is.
 * @throws Error when it cannot be started, or does not end in time
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<ProcessResult> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  await using running = await startProcess(command, args, options);
  const timer = new AbortController();
  const result = await Promise.race([
    running.ended,
    delay(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined),
  ]);
  timer.abort();
  if (result === undefined) {
    throw new Error(
      `${describeCommand(command, args)} did not end in ${timeoutMs} ms:\n${running.stdout}${running.stderr}`,
    );
  }
  return result;
}

/**
 * Runs a command that must succeed.
 * @throws Error with everything it said when its exit code is not 0
 */
export async function runOk(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProcessResult> {
  const result = await run(command, args, options);
  if (result.exitCode !== 0) {
    const end = result.signal ?? `exit code ${String(result.exitCode)}`;
    throw new Error(`${describeCommand(command, args)} ended with ${end}:\n${result.stdout}${result.stderr}`);
  }
  return result;
}

function describeCommand(command: string, args: readonly string[]): string {
  return [command, ...args].join(' ');
}
