/** Opens a namespace that owns its processes, runs a shell in it, says what that said, and waits to be killed: `namespace-child.ts -c SCRIPT`. */
import { setTimeout as delay } from 'node:timers/promises';
import { openNetworkNamespace } from './network-namespace.ts';

const namespace = await openNetworkNamespace({ ownsProcesses: true });
const { stdout } = await namespace.run('/bin/sh', process.argv.slice(2));
process.stdout.write(stdout);
await delay(2 ** 31 - 1);
