/** The commands as they are shipped: bundled once per test file, run as processes of their own. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import type { ProcessOptions, ProcessResult, RunningProcess } from '../helpers/process.ts';
import { startProcess } from '../helpers/process.ts';
import { run, runOk } from '../helpers/run.ts';
import { makeTempDir, type TempDir } from '../helpers/temp.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** The built commands of a test file. */
export interface BuiltCli {
  /** The directory of the bundles. */
  readonly directory: string;
  /** `airgap` with these arguments, to its end. */
  airgap(args: readonly string[], options?: ProcessOptions): Promise<ProcessResult>;
  /** The same, which must succeed; returns standard output. */
  ok(args: readonly string[], options?: ProcessOptions): Promise<string>;
  /** `airgap` that keeps running. */
  start(args: readonly string[], options?: ProcessOptions): Promise<RunningProcess>;
  /** Another script, to its end, with the pinned Node. */
  node(args: readonly string[], options?: ProcessOptions): Promise<ProcessResult>;
}

/** Bundles the commands before the tests of the file. */
export function useBuiltCli(): BuiltCli {
  let temp: (TempDir & AsyncDisposable) | undefined;
  beforeAll(async () => {
    temp = await makeTempDir();
    await runOk(process.execPath, ['scripts/build.mjs', temp.join('dist')], { cwd: repository });
  });
  afterAll(() => temp?.[Symbol.asyncDispose]());
  const script = (): string => {
    if (temp === undefined) throw new Error('the commands are built before the first test');
    return temp.join('dist', 'airgap.mjs');
  };
  const plain = (options: ProcessOptions): ProcessOptions => ({ ...options, env: { NO_COLOR: '1', ...options.env } });
  return {
    get directory(): string {
      return join(script(), '..');
    },
    airgap: (args, options = {}) => run(process.execPath, [script(), ...args], plain(options)),
    ok: async (args, options = {}) => (await runOk(process.execPath, [script(), ...args], plain(options))).stdout,
    start: (args, options = {}) => startProcess(process.execPath, [script(), ...args], plain(options)),
    node: (args, options = {}) => run(process.execPath, args, plain(options)),
  };
}
