/** The one file that travels in every archive: verifies and loads it with nothing but Node beside it. */
import { setFlagsFromString } from 'node:v8';
import { explainInjectedCode } from './injected-code.ts';
import { explainOldNode } from './node-version.ts';

const problem = explainOldNode(process.version) ?? explainInjectedCode(process.env['NODE_OPTIONS'], process.execArgv);
if (problem === undefined) {
  // Streams leave many short-lived objects. Letting V8's young generation grow for them costs 30 MiB and gains nothing.
  setFlagsFromString('--semi-space-growth-factor=1');
  const [{ VERIFY_AND_LOAD }, { runInProcess }] = await Promise.all([
    import('./verify-and-load-program.ts'),
    import('./run.ts'),
  ]);
  process.exit(await runInProcess(process.argv.slice(2), VERIFY_AND_LOAD));
}
process.stderr.write(problem);
process.exit(2);
