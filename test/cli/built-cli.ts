/** The commands for tests of the command line: run within this process, or as they are shipped where a process is the subject. */
import { dirname } from 'node:path';
import { AIRGAP } from '../../src/cli/airgap.ts';
import { programCommand, programPath } from '../e2e/support/program.ts';
import { runInside, type InsideOptions } from '../helpers/in-process.ts';
import { startProcess, type ProcessOptions, type ProcessResult, type RunningProcess } from '../helpers/process.ts';
import { run } from '../helpers/run.ts';

/** The commands of a test file. */
export interface BuiltCli {
  /** The directory of the bundles. */
  readonly directory: string;
  /** `airgap` with these arguments, to its end, within this process. */
  airgap(args: readonly string[], options?: InsideOptions): Promise<ProcessResult>;
  /** The same, which must succeed; returns standard output. */
  ok(args: readonly string[], options?: InsideOptions): Promise<string>;
  /** `airgap` as it is shipped, to its end. */
  spawn(args: readonly string[], options?: ProcessOptions): Promise<ProcessResult>;
  /** `airgap` as it is shipped, which keeps running. */
  start(args: readonly string[], options?: ProcessOptions): Promise<RunningProcess>;
  /** Another script, to its end, with the pinned Node. */
  node(args: readonly string[], options?: ProcessOptions): Promise<ProcessResult>;
}

/** The commands, with no more environment than a test gives them. */
export function useBuiltCli(): BuiltCli {
  const plain = <T extends ProcessOptions>(options: T): T => ({ ...options, env: { NO_COLOR: '1', ...options.env } });
  const airgap: BuiltCli['airgap'] = (args, options = {}) => runInside(AIRGAP, args, plain(options));
  return {
    directory: dirname(programPath('airgap')),
    airgap,
    ok: async (args, options) => {
      const { exitCode, stdout, stderr } = await airgap(args, options);
      if (exitCode === 0) return stdout;
      throw new Error(`airgap ${args.join(' ')}: exit ${String(exitCode)}\n${stdout}${stderr}`);
    },
    spawn: (args, options = {}) => run(...programCommand('airgap', args), plain(options)),
    start: (args, options = {}) => startProcess(...programCommand('airgap', args), plain(options)),
    node: (args, options = {}) => run(process.execPath, args, plain(options)),
  };
}
