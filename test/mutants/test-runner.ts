/** Runs tests in a copy of the repository, in a process that is kept from one run to the next. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, relative } from 'node:path';
import { signalGroup } from '../helpers/process.ts';
import type { RunRequest, TestResult } from './warm-vitest.ts';

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

  /** What becomes of these tests; nothing where they do not end in time, or end the process. */
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
    const timer = setTimeout(() => over.abort(), limitMs);
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
      clearTimeout(timer);
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
