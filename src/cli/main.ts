/** The `airgap` command. Everything else is loaded after the Node that runs it was found to be new enough. */
import { isMainThread } from 'node:worker_threads';
import { explainOldNode } from './node-version.ts';

// Hashing starts bundled files again as worker threads; there is no command to run in those.
if (isMainThread) {
  const problem = explainOldNode(process.version);
  if (problem === undefined) {
    const { runAirgap } = await import('./airgap.ts');
    process.exit(await runAirgap(process.argv.slice(2)));
  }
  process.stderr.write(problem);
  process.exit(2);
}
