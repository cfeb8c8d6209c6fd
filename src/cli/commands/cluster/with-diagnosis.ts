/** Work on a cluster that leaves a diagnosis, however it ends. */
import { ChangesError, isAbort } from '../../../errors.ts';
import { collectDiagnosis } from '../../../operations/diagnosis/diagnosis.ts';
import { writeDiagnosis } from '../../../operations/diagnosis/write-diagnosis.ts';
import type { DeployPlan } from '../../../operations/deploy/prepare.ts';
import type { Context } from '../../context.ts';

/** Lines that are kept of what is said. */
const MAX_LINES = 10_000;

/**
 * Does the work, and writes a diagnosis when it is over, unless a person stopped it. That it cannot be written is said,
 * and takes the place of no other failure.
 * @param directory absent: none is written
 */
export async function withDiagnosis(
  context: Context,
  plan: DeployPlan,
  directory: string | undefined,
  work: (context: Context) => Promise<void>,
): Promise<void> {
  if (directory === undefined) return work(context);
  const { output, now } = context;
  const said: string[] = [];
  const keep = (line: string): void => {
    if (said.length < MAX_LINES) said.push(`${now().toISOString()} ${line}`);
  };
  const listened = Object.assign(Object.create(output) as typeof output, {
    note: (line: string) => {
      keep(line);
      output.note(line);
    },
    detail: (line: string, event?: object) => {
      keep(line);
      output.detail(line, event);
    },
  });
  let failure: Error | undefined;
  try {
    await work({ ...context, output: listened });
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error), { cause: error });
  }
  if (!isAbort(failure) && !context.signal.aborted) {
    try {
      const found = failure instanceof ChangesError ? undefined : failure;
      await writeDiagnosis(directory, await collectDiagnosis({ plan, failure: found, said, now: now() }));
      output.note(`diagnosis: ${directory}`);
    } catch (error) {
      if (failure === undefined) throw error;
      output.note(`warning: there is no diagnosis: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (failure !== undefined) throw failure;
}
