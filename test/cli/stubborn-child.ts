/** A program whose one command hears that it should stop, says so, and goes on: `node stubborn-child.ts`. */
import { defineCommand } from '../../src/cli/command.ts';
import { runInProcess } from '../../src/cli/run.ts';

const stubborn = defineCommand({
  name: '',
  summary: '',
  examples: [],
  arguments: {},
  options: {},
  async run({ signal, stdout }) {
    signal.addEventListener('abort', () => stdout.write(`asked to stop: ${(signal.reason as Error).name}\n`));
    stdout.write('working\n');
    await new Promise((resolve) => setTimeout(resolve, 600_000));
  },
});

process.exit(await runInProcess([], { name: 'stubborn', summary: '', examples: [], commands: [stubborn] }));
