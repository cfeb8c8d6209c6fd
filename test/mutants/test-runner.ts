/** Runs tests in a copy of the repository, in a process that is kept from one run to the next. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { signalGroup } from '../helpers/process.ts';
import type { RunRequest } from './warm-vitest.ts';

/** Tests that never end have noticed something. */
const LIMIT_MS = 120_000;

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

  /** Whether all of these tests pass, within two minutes. */
  async passes(tests: readonly string[]): Promise<boolean> {
    const child = (this.#child ??= await this.#start());
    const request: RunRequest = { changed: this.#changed, tests: tests.map((path) => join(this.#copy, path)) };
    this.#changed = [];
    child.send(request);
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), LIMIT_MS);
    try {
      const [answer] = (await Promise.race([
        once(child, 'message', { signal: over.signal }),
        once(child, 'exit', { signal: over.signal }).then(() => [undefined]),
      ])) as [{ isPassed: boolean } | undefined];
      if (answer === undefined) this.#child = undefined;
      return answer?.isPassed === true;
    } catch {
      await this[Symbol.asyncDispose]();
      return false;
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
