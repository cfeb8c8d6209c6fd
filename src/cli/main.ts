/** The `airgap` command. Everything else is loaded after the Node that runs it was found to be new enough. */
import { setFlagsFromString } from 'node:v8';
import { explainOldNode } from './node-version.ts';

const problem = explainOldNode(process.version);
if (problem === undefined) {
  // Streams leave many short-lived objects. Letting V8's young generation grow for them costs 30 MiB and gains nothing.
  setFlagsFromString('--semi-space-growth-factor=1');
  const [{ AIRGAP }, { runInProcess }] = await Promise.all([import('./airgap.ts'), import('./run.ts')]);
  process.exit(await runInProcess(process.argv.slice(2), AIRGAP));
}
const { findPinnedNode, runWith } = await import('./pinned-node.ts');
const [, script = '', ...args] = process.argv;
const node = findPinnedNode(import.meta.url);
if (node !== undefined) process.exit(await runWith(node, script, args));
process.stderr.write(problem);
process.exit(2);
