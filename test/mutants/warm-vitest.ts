/**
 * The process that runs the tests of mutants: one Vitest that stays, so that only what changed is read again. Answers
 * each message of the parent, `{ changed, tests }`, with whether those tests pass.
 */
import { createVitest } from 'vitest/node';

/** What the parent asks. */
export interface RunRequest {
  /** Files whose text is another than before. */
  readonly changed: readonly string[];
  readonly tests: readonly string[];
}

const quiet = { onInit: () => undefined };
const vitest = await createVitest('test', {
  watch: false,
  bail: 1,
  testTimeout: 30_000,
  hookTimeout: 60_000,
  reporters: [quiet],
});
await vitest.standalone();

async function passes({ changed, tests }: RunRequest): Promise<boolean> {
  for (const path of changed) vitest.invalidateFile(path);
  // Failures of the run before are counted by --bail otherwise.
  vitest.state.filesMap.clear();
  vitest.state.idMap.clear();
  const specifications = (await vitest.globTestSpecifications([...tests])).filter(({ moduleId }) =>
    tests.includes(moduleId),
  );
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
  return (
    unhandledErrors.length === 0 &&
    specifications.length === tests.length &&
    testModules.length === tests.length &&
    testModules.every((module) => module.ok())
  );
}

process.on('message', (request: RunRequest) => {
  void passes(request).then(
    (isPassed) => process.send?.({ isPassed }),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
