/**
 * What no code expected: an error that was not caught. The work is told to stop, so that it gives back its locks and goes
 * on record as failed; what happened is said once, in the form that was asked for; and the exit code is never a success.
 */
import { ExitCode } from '../errors.ts';

/** How long stopped work may take to give back what it holds. */
const GRACE_MS = 5_000;

/** Watches until disposed. */
export interface UnexpectedWatch extends Disposable {
  /** The exit code, given that of the work. */
  decide(exitCode: number): number;
}

/**
 * Catches what nothing else does, in the whole process.
 * @param controller stops the work, with the error as its reason
 * @param print says what happened; not called when the work itself ends with the error
 */
export function watchUnexpected(controller: AbortController, print: (error: Error) => number): UnexpectedWatch {
  let caught: Error | undefined;
  let timer: NodeJS.Timeout | undefined;
  const onError = (thrown: unknown): void => {
    if (caught !== undefined) return;
    caught = thrown instanceof Error ? thrown : new Error(`thrown: ${String(thrown)}`);
    controller.abort(caught);
    const error = caught;
    timer = setTimeout(() => {
      print(error);
      process.exit(ExitCode.failure);
    }, GRACE_MS);
  };
  process.on('uncaughtException', onError).on('unhandledRejection', onError);
  return {
    // Work that fails after it was stopped gives the reason of the stop, which is this error.
    decide: (exitCode) => (caught === undefined || exitCode !== ExitCode.ok ? exitCode : print(caught)),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      process.off('uncaughtException', onError).off('unhandledRejection', onError);
    },
  };
}
