/** A program with bugs: each command breaks in a way that no code expects, while it holds a lock. */
import { acquireFileLock } from '../../src/base/files/file-lock.ts';
import { wait } from '../../src/base/wait.ts';
import { argument, defineCommand, type Command } from '../../src/cli/command.ts';
import { runInProcess } from '../../src/cli/run.ts';

const BUG = new RangeError('a bug');
const bugs: Readonly<Record<string, () => void>> = {
  rejection: () => void Promise.reject(BUG),
  exception: () => void setImmediate(() => thrown(BUG)),
  'no-error': () => void setImmediate(() => thrown('just words')),
};

function thrown(what: unknown): never {
  throw what;
}

const commands: readonly Command[] = [
  defineCommand({
    name: 'break',
    summary: 'breaks',
    examples: [],
    arguments: { how: argument('how', ''), lock: argument('lock', ''), then: argument('then', '') },
    options: {},
    async run({ output, signal }, { how, lock, then }) {
      await using _lock = await acquireFileLock(lock, 'the test');
      bugs[how]?.();
      if (then === 'waits') await wait(600_000, signal);
      if (then === 'hangs') await new Promise(() => setInterval(() => undefined, 600_000));
      await new Promise((resolve) => setTimeout(resolve, 50));
      output.result({ kind: 'nothing' }, ['done']);
    },
  }),
];

process.exit(await runInProcess(process.argv.slice(2), { name: 'test', summary: '', examples: [], commands }));
