/** The `airgap` command. Everything else is loaded after the Node that runs it was found to be new enough. */
import { setFlagsFromString } from 'node:v8';
import { explainOldNode } from './node-version.ts';

const problem = explainOldNode(process.version);
if (problem === undefined) {
  // Streams leave many short-lived objects. Letting V8's young generation grow for them costs 30 MiB and gains nothing.
  setFlagsFromString('--semi-space-growth-factor=1');
  const { runAirgap } = await import('./airgap.ts');
  process.exit(await runAirgap(process.argv.slice(2)));
}
process.stderr.write(problem);
process.exit(2);
