/** One run of a program: arguments in, exit code out. Ctrl-C asks the work to stop; a second one ends it at once. */
import { systemCode, toStoreError } from '../base/files/system-errors.ts';
import { ExitCode, reasonOf } from '../errors.ts';
import { processSurroundings, wantsColor, type Surroundings } from './context.ts';
import { watchUnexpected } from './last-resort.ts';
import { printFailure } from './output/failure-lines.ts';
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
  let unwritten: unknown;
  process.stdout.on('error', (error: Error) => (unwritten ??= error));
  // There is nowhere to say that it cannot be said.
  process.stderr.on('error', () => undefined);
  const surroundings = processSurroundings(controller.signal);
  using unexpected = watchUnexpected(controller, (error) => printReason(error, argv, surroundings));
  const exitCode = unexpected.decide(await run(argv, surroundings, program));
  await flush(process.stdout);
  // A reader that has seen enough, such as head, changes nothing about how the work ended.
  if (unwritten === undefined || systemCode(unwritten) === 'EPIPE' || exitCode !== ExitCode.ok) return exitCode;
  const hint = 'the work itself is done; run the same command again, or look at its report';
  const failure = toStoreError(unwritten, 'cannot write the result to standard output', {
    full: hint,
    otherwise: hint,
  });
  return printReason(failure, argv, surroundings);
}

/** Resolves when everything that was written has been handed on, or could not be. */
function flush(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => setImmediate(resolve)));
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
    return printReason(reasonOf(error, surroundings.signal), argv, surroundings);
  }
}

/** Whether every line of standard error is to be JSON. */
function wantsEvents(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) => word === '--progress=json' || (word === 'json' && argv[index - 1] === '--progress'),
  );
}

/** Arguments that could not be parsed have no options yet. */
function printReason(error: unknown, argv: readonly string[], surroundings: Surroundings): number {
  return printFailure(error, surroundings.stderr, {
    json: argv.includes('--json') || wantsEvents(argv),
    verbose: argv.includes('--verbose'),
    color: wantsColor(surroundings, { color: !argv.includes('--no-color') }),
  });
}
