/** A registry in a process of its own, to be killed: `node serve-registry.ts <directory>` prints its URL on one line. */
import { startRegistry } from '../../src/server/embedded-registry.ts';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: serve-registry.ts <directory>');
const registry = await startRegistry({ directory });
process.stdout.write(`${registry.url}\n`);
