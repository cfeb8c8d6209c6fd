/** Starts the program again with the Node it came with, where the one at hand is too old. Node 18 can read this file. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Signals that end the program. The child gets Ctrl-C from the terminal itself. */
const FORWARDED = ['SIGTERM', 'SIGHUP'] as const;

/** The pinned Node that npm installed beside the package, or undefined where it left that out. */
export function findPinnedNode(from: string): string | undefined {
  try {
    const manifest = createRequire(from).resolve(`node-${process.platform}-${process.arch}/package.json`);
    return join(dirname(manifest), 'bin', 'node');
  } catch {
    return undefined;
  }
}

/** Runs a script with another Node, in place of this process. @returns the exit code that it ended with */
export function runWith(node: string, script: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, [script, ...args], { stdio: 'inherit' });
    process.on('SIGINT', () => undefined);
    for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (signal === null) return resolve(code ?? 1);
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    });
  });
}
