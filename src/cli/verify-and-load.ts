/** The one file that travels in every archive: verifies and loads it with nothing but Node beside it. */
import { isMainThread } from 'node:worker_threads';
import { explainOldNode } from './node-version.ts';

if (isMainThread) {
  const problem = explainOldNode(process.version);
  if (problem === undefined) {
    const { runOperator } = await import('./operator.ts');
    process.exit(await runOperator(process.argv.slice(2)));
  }
  process.stderr.write(problem);
  process.exit(2);
} else {
  // Hashing starts this file again as worker threads.
  await import('../archive/hashing.ts');
}
