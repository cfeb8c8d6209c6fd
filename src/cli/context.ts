/** What a command knows of the world around it; tests and other programs hand in their own. */
import { UsageError } from '../errors.ts';
import { isProgressStyle, PROGRESS_STYLES, type ProgressStyle } from './output/progress-style.ts';
import { createOutput, type Output, type OutputOptions } from './output/output.ts';

/** The process a command runs in. */
export interface Surroundings {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Whether standard error is a terminal that can move its cursor. */
  readonly isTTY: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly now: () => Date;
}

/** What {@link Surroundings} become once the options that hold for every command are known. */
export interface Context extends Surroundings {
  readonly color: boolean;
  readonly output: Output;
}

/** The options every command has. */
export interface GlobalOptions {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
  /** As it was typed. */
  readonly progress?: string | undefined;
  /** In seconds, as it was typed. */
  readonly timeout?: string | undefined;
  /** False for `--no-color`. */
  readonly color?: boolean | undefined;
}

/** The surroundings of this process. `signal` is aborted by Ctrl-C. */
export function processSurroundings(signal: AbortSignal): Surroundings {
  const { stdin, stdout, stderr, env } = process;
  const isTTY = stderr.isTTY && env['TERM'] !== 'dumb';
  return { stdin, stdout, stderr, isTTY, env, signal, now: () => new Date() };
}

/** Whether colour is requested: on a terminal, unless `NO_COLOR`, `TERM=dumb` or `--no-color` speaks against it. */
export function wantsColor(surroundings: Surroundings, options: GlobalOptions = {}): boolean {
  const { isTTY, env } = surroundings;
  return isTTY && options.color !== false && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

function parseProgressStyle(text = 'auto'): ProgressStyle {
  if (isProgressStyle(text)) return text;
  throw new UsageError('USAGE', `--progress <style>: ${text} is not one of ${PROGRESS_STYLES.join(', ')}`);
}

/** Joins the surroundings with the options that hold for every command. */
export function createContext(surroundings: Surroundings, options: GlobalOptions): Context {
  const color = wantsColor(surroundings, options);
  const outputOptions: OutputOptions = {
    json: options.json === true,
    quiet: options.quiet === true,
    verbose: options.verbose === true,
    progress: parseProgressStyle(options.progress),
  };
  return { ...surroundings, color, output: createOutput(surroundings, outputOptions) };
}
