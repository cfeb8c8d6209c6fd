/** Runs tests in a copy of the repository, in a process that is kept from one run to the next. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { signalGroup } from '../helpers/process.ts';
import type { RunRequest, TestResult } from './warm-vitest.ts';

const TICK_MS = 10;
const LOOK_MS = 1_000;
/** What only waits takes no processor time; it has so many times its limit on the clock. */
const WAITING_FACTOR = 12;

/** Tests of one copy. Paths are relative to it. */
export class TestRunner implements AsyncDisposable {
  readonly #copy: string;
  readonly #environment: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #changed: string[] = [];

  constructor(copy: string, environment: Readonly<Record<string, string>>) {
    this.#copy = copy;
    this.#environment = environment;
  }

  /** Says that the text of a file is another one now. */
  changed(path: string): void {
    this.#changed.push(join(this.#copy, path));
  }

  /** What becomes of these tests; nothing where they take more processor time than this, or end the process. */
  async run(
    tests: readonly string[],
    { limitMs, stopsAtFailure = false }: { readonly limitMs: number; readonly stopsAtFailure?: boolean },
  ): Promise<readonly TestResult[] | undefined> {
    const child = (this.#child ??= await this.#start());
    const paths = tests.map((path) => join(this.#copy, path));
    const request: RunRequest = { changed: this.#changed, tests: paths, stopsAtFailure };
    this.#changed = [];
    child.send(request);
    const over = new AbortController();
    const group = child.pid as number;
    const endMs = processorMsOf(group) + limitMs;
    const endOfWaitingMs = Date.now() + WAITING_FACTOR * limitMs;
    // A busy machine lets tests wait: that is not what a mutant did.
    const timer = setInterval(() => {
      if (processorMsOf(group) > endMs || Date.now() > endOfWaitingMs) over.abort();
    }, LOOK_MS);
    try {
      const [results] = (await Promise.race([
        once(child, 'message', { signal: over.signal }),
        once(child, 'exit', { signal: over.signal }).then(() => [undefined]),
      ])) as [readonly TestResult[] | undefined];
      if (results === undefined) this.#child = undefined;
      return results?.map((result) => ({ ...result, test: relative(this.#copy, result.test) }));
    } catch {
      await this[Symbol.asyncDispose]();
      return undefined;
    } finally {
      clearInterval(timer);
      over.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    signalGroup(child.pid, 'SIGKILL');
    await exited;
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(join(this.#copy, 'test/mutants/warm-vitest.ts'), {
      cwd: this.#copy,
      env: { ...process.env, ...this.#environment },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true,
    });
    await once(child, 'message');
    return child;
  }
}

/** Processor time of the living processes of a group and of those they waited for, in milliseconds. */
function processorMsOf(group: number): number {
  let ticks = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let stat: string;
    try {
      stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    } catch {
      continue;
    }
    // Behind the name, which may hold anything: state, parent, group, and from the twelfth on the times.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(fields[2]) === group) ticks += fields.slice(11, 15).reduce((sum, text) => sum + Number(text), 0);
  }
  return ticks * TICK_MS;
}
