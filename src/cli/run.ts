/** One run of a program: arguments in, exit code out. Ctrl-C asks the work to stop; a second one ends it at once. */
import { systemCode } from '../base/files/system-errors.ts';
import { ExitCode, reasonOf } from '../errors.ts';
import { processSurroundings, wantsColor, type Surroundings } from './context.ts';
import { printFailure } from './output/failure.ts';
import { createProgram, toUsageError, type Program } from './program.ts';

/** Runs a program in this process and returns its exit code. */
export async function runInProcess(argv: readonly string[], program: Program): Promise<number> {
  const controller = new AbortController();
  const stop = (): void => {
    if (process.stderr.isTTY) process.stderr.write('\nstopping; press Ctrl-C again to end at once\n');
    controller.abort(new DOMException('interrupted', 'AbortError'));
  };
  // Only the first: without a listener the second signal ends the process.
  process.once('SIGINT', stop).once('SIGTERM', stop);
  // A reader that has seen enough, such as head, is no failure.
  process.stdout.on('error', (error: Error) => {
    if (systemCode(error) === 'EPIPE') process.exit(ExitCode.ok);
    throw error;
  });
  return run(argv, processSurroundings(controller.signal), program);
}

/** Runs a program in the given surroundings and returns its exit code. Never throws. */
export async function run(argv: readonly string[], surroundings: Surroundings, program: Program): Promise<number> {
  try {
    const parser = createProgram(surroundings, program);
    // A program of one command was asked to do its work, and exit code 0 would say that it is done.
    const isChoice = program.commands.every(({ name }) => name !== '');
    if (argv.length === 0 && isChoice) parser.outputHelp();
    else await parser.parseAsync(argv, { from: 'user' });
    return ExitCode.ok;
  } catch (thrown) {
    const error = toUsageError(thrown);
    if (error === undefined) return ExitCode.ok;
    return printFailure(reasonOf(error, surroundings.signal), surroundings.stderr, {
      // Arguments that could not be parsed have no options yet.
      json: argv.includes('--json'),
      verbose: argv.includes('--verbose'),
      color: wantsColor(surroundings, { color: !argv.includes('--no-color') }),
    });
  }
}
