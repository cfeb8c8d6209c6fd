/**
 * The process that runs the tests of mutants: one Vitest that stays, so that only what changed is read again. Answers
 * each message of the parent, `{ changed, tests }`, with what became of each file of tests.
 */
import { fileURLToPath } from 'node:url';
import { createVitest, type TestModule } from 'vitest/node';

/** What the parent asks. */
export interface RunRequest {
  /** Files whose text is another than before. */
  readonly changed: readonly string[];
  readonly tests: readonly string[];
  /** Whether one failure is enough. */
  readonly stopsAtFailure: boolean;
}

/** What became of one file of tests. */
export interface TestResult {
  readonly test: string;
  readonly isPassed: boolean;
  readonly durationMs: number;
  /** The first test that failed, and why. */
  readonly failure?: string;
}

const quiet = { onInit: () => undefined };
const vitest = await createVitest('test', {
  watch: false,
  testTimeout: 180_000,
  hookTimeout: 300_000,
  reporters: [quiet],
});
await vitest.standalone();
const firstFailure = fileURLToPath(new URL('first-failure.ts', import.meta.url));
// Projects read this from the file of settings alone.
for (const { config } of vitest.projects) config.setupFiles.push(firstFailure);

async function run({ changed, tests, stopsAtFailure }: RunRequest): Promise<readonly TestResult[]> {
  for (const path of changed) vitest.invalidateFile(path);
  for (const { config } of vitest.projects) config.bail = stopsAtFailure ? 1 : 0;
  vitest.state.filesMap.clear();
  vitest.state.idMap.clear();
  const specifications = (await vitest.globTestSpecifications([...tests])).filter(({ moduleId }) =>
    tests.includes(moduleId),
  );
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
  const isStopped = stopsAtFailure && testModules.some((module) => !module.ok());
  const reached = isStopped ? testModules.filter((module) => module.state() === 'failed') : testModules;
  // What a failure kept from running says nothing.
  const answered = isStopped ? tests.filter((test) => reached.some(({ moduleId }) => moduleId === test)) : tests;
  return answered.map((test) => {
    const module = reached.find(({ moduleId }) => moduleId === test);
    if (module === undefined) return { test, isPassed: false, durationMs: 0, failure: 'was not run' };
    const failure = failureOf(module) ?? (unhandledErrors.length > 0 ? String(unhandledErrors[0]) : undefined);
    const durationMs = Math.round(module.diagnostic().duration);
    return { test, isPassed: failure === undefined, durationMs, ...(failure !== undefined && { failure }) };
  });
}

function failureOf(module: TestModule): string | undefined {
  if (module.ok()) return undefined;
  for (const { name, result } of [...module.children.allTests('failed')].map((test) => ({
    name: test.fullName,
    result: test.result(),
  }))) {
    return `${name}: ${result.errors?.[0]?.message.split('\n')[0] ?? ''}`;
  }
  return module.errors()[0]?.message.split('\n')[0] ?? 'failed';
}

process.on('message', (request: RunRequest) => {
  void run(request).then(
    (results) => process.send?.(results),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
