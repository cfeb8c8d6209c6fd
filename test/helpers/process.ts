/** A child process with life: its output as it comes, waiting for a sign of readiness, and death at a chosen moment. */
import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

/** Output kept per stream; the end of it, since that is where the error is. */
const MAX_KEPT_OUTPUT_BYTES = 64 * 1024 * 1024;
const POLL_MS = 5;

/** How a process ended, with what it said. */
export interface ProcessResult {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of {@link startProcess}. */
export interface ProcessOptions {
  readonly cwd?: string;
  /** Added to this process's own environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What standard input says before it ends. @defaultValue nothing */
  readonly input?: string | Uint8Array;
}

/** A started process, the leader of its own process group. Disposing of it kills the whole group. */
export class RunningProcess implements AsyncDisposable {
  readonly pid: number;
  /** Settles when the process has ended and its output is complete; never rejects for an exit code. */
  readonly ended: Promise<ProcessResult>;
  readonly #child: ChildProcess;
  readonly #stdout = new OutputTail();
  readonly #stderr = new OutputTail();
  #result: ProcessResult | undefined;

  constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
    child.stdout?.on('data', (chunk: Buffer) => this.#stdout.add(chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.#stderr.add(chunk));
    this.ended = new Promise((resolve) => {
      child.once('close', (exitCode, signal) => {
        this.#result = { exitCode, signal, stdout: this.stdout, stderr: this.stderr };
        resolve(this.#result);
      });
    });
  }

  /** Standard output up to now. */
  get stdout(): string {
    return this.#stdout.toString();
  }

  /** Standard error up to now. */
  get stderr(): string {
    return this.#stderr.toString();
  }

  get isRunning(): boolean {
    return this.#result === undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends a signal to the process and all it started in its group; one that has ended already is no error. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    signalGroup(this.pid, signal);
  }

  /** Kills with SIGKILL as soon as the condition holds. False when the process ended by itself before that. */
  async killWhen(condition: () => boolean | Promise<boolean>): Promise<boolean> {
    while (this.isRunning) {
      if (await condition()) {
        if (!this.isRunning) return false;
        this.kill();
        return (await this.ended).signal === 'SIGKILL';
      }
      await delay(POLL_MS);
    }
    return false;
  }

  /** Kills with SIGKILL after this time. False when the process ended by itself before that. */
  async killAfter(milliseconds: number): Promise<boolean> {
    await Promise.race([delay(milliseconds), this.ended]);
    return this.killWhen(() => true);
  }

  /**
   * Waits until the condition holds.
   * @throws Error with the process's output when it ends first, or when the time is over
   */
  async waitUntil(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 500_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      if (await condition()) return;
      const problem = !this.isRunning ? 'the process ended' : Date.now() > deadline ? `${timeoutMs} ms passed` : '';
      if (problem !== '') throw new Error(`${problem} before ${what}:\n${this.stdout}${this.stderr}`);
      await delay(10 * POLL_MS);
    }
  }

  /** Asks with `signal`, insists with SIGKILL after the grace. Returns how it ended. */
  async stop(graceMs = 10_000, signal: NodeJS.Signals = 'SIGTERM'): Promise<ProcessResult> {
    if (this.isRunning) {
      this.#child.kill(signal);
      const graceIsOver = new AbortController();
      await Promise.race([
        this.ended,
        delay(graceMs, undefined, { signal: graceIsOver.signal }).catch(() => undefined),
      ]);
      graceIsOver.abort();
    }
    this.kill();
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.ended;
  }
}

/**
 * Starts a command, never through a shell, as the leader of its own process group.
 * @throws Error when the command cannot be started
 */
export async function startProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<RunningProcess> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  if (options.input !== undefined) {
    // A process that ends without reading its input is judged by its exit code.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input);
  }
  return new RunningProcess(child, child.pid ?? 0);
}

/** Signals a process group; one that is gone is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The end of a stream of output. */
class OutputTail {
  #chunks: Buffer[] = [];
  #size = 0;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size > 2 * MAX_KEPT_OUTPUT_BYTES) {
      const kept = Buffer.concat(this.#chunks).subarray(-MAX_KEPT_OUTPUT_BYTES);
      this.#chunks = [kept];
      this.#size = kept.length;
    }
  }

  toString(): string {
    return Buffer.concat(this.#chunks).subarray(-MAX_KEPT_OUTPUT_BYTES).toString('utf8');
  }
}
