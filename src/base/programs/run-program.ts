/** One call of a local program: no shell, what it may say and how long it may take are limited, and nothing of it outlives it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { NotFoundError, StoreError } from '../../errors.ts';
import { systemCode, toStoreError } from '../files/system-errors.ts';

const DEFAULT_MAX_OUTPUT_BYTES = 1024 * 1024;

/** How {@link callProgram} runs a program. */
export interface CallProgramOptions {
  /** All of the program's environment; it is looked for in this `PATH`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
  /** What it may say on each stream. @defaultValue 1 MiB */
  readonly maxOutputBytes?: number | undefined;
  /** Starts it as the leader of a process group, away from the terminal, which ends with it. @defaultValue false */
  readonly ownGroup?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told what the program says on standard error, as it comes. */
  readonly onStderr?: ((text: string) => void) | undefined;
  /** The next step when there is no such program. */
  readonly hintWhenMissing?: string | undefined;
}

/** How a program ended, and what it had said. */
export interface ProgramResult {
  readonly stdout: Buffer;
  /** `null` when a signal ended it. */
  readonly exitCode: number | null;
}

/** The `limit` of the details of what {@link callProgram} throws when the program went over it. */
export type ProgramLimit = 'time' | 'output';

/**
 * Runs a program with the input on its standard input and returns its standard output, whatever its exit code.
 * @throws NotFoundError `NOT_FOUND` when it is not in `PATH`.
 * @throws StoreError `STORE_IO` when it cannot be started; with a {@link ProgramLimit} when it takes too long or says
 *   too much on either stream.
 */
export async function callProgram(
  program: string,
  args: readonly string[],
  input: Uint8Array,
  options: CallProgramOptions,
): Promise<ProgramResult> {
  const {
    environment,
    timeoutMs,
    maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES,
    ownGroup = false,
    signal,
    onStderr,
  } = options;
  signal?.throwIfAborted();
  const child = spawn(program, args, { env: { ...environment }, shell: false, stdio: 'pipe', detached: ownGroup });
  const failure = new AbortController();
  const fail = (limit: ProgramLimit, why: string): void =>
    failure.abort(new StoreError('STORE_IO', `${program} ${why}`, { details: { limit } }));
  const timer = setTimeout(() => fail('time', `did not answer within ${timeoutMs / 1000} s`), timeoutMs);
  const onAbort = (): void => failure.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const output: Buffer[] = [];
  let [said, complained] = [0, 0];
  child.stdout.on('data', (chunk: Buffer) => {
    output.push(chunk);
    if ((said += chunk.length) > maxOutputBytes) fail('output', `said more than ${maxOutputBytes} bytes`);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if ((complained += text.length) > maxOutputBytes)
      fail('output', `said more than ${maxOutputBytes} bytes of errors`);
    else onStderr?.(text);
  });
  // A program may answer without reading its input; the answer is what counts.
  child.stdin.on('error', () => undefined).end(input);
  // Of a kill that came too late; why the program could not be started is heard below.
  child.on('error', () => undefined);
  try {
    const [exitCode] = (await once(child, 'close', { signal: failure.signal })) as [number | null];
    return { stdout: Buffer.concat(output), exitCode };
  } catch (error) {
    // The reason of the abort, not the abort itself; otherwise the program could not be started.
    throw failure.signal.aborted ? failure.signal.reason : cannotStart(program, error, options.hintWhenMissing);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    if (ownGroup && child.pid !== undefined) killGroup(child.pid);
    else child.kill('SIGKILL');
    // What the program itself started may hold the pipes open without end.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    // All of them have ended.
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}

function cannotStart(program: string, error: unknown, hint: string | undefined): unknown {
  if (systemCode(error) !== 'ENOENT') return toStoreError(error, `${program} cannot be started`);
  return new NotFoundError('NOT_FOUND', `the program ${program} is not in PATH`, { hint, cause: error });
}
