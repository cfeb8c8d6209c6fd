/** The password of a registry, from a person at a real terminal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { requireTool } from '../../helpers/require-tool.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const MODULE = fileURLToPath(new URL('../../../src/cli/inputs/password.ts', import.meta.url));

test('is asked for by its account, is not shown, and is longer than a passphrase may be', async (context) => {
  const script = requireTool('script') ?? context.skip();
  const [program, outcome] = [temp.join('program.ts'), temp.join('outcome')];
  await writeFile(
    program,
    `import { writeFileSync } from 'node:fs';
     import { readPassword } from ${JSON.stringify(MODULE)};
     const { stdin, stderr } = process;
     const request = { subject: 'alice at r.example', passwordFile: undefined, passwordStdin: false };
     const signal = new AbortController().signal;
     writeFileSync(${JSON.stringify(outcome)}, await readPassword({ stdin, stderr, signal }, request));`,
  );
  const child = spawn(script, ['-qefc', '"$TEST_NODE" "$TEST_PROGRAM"', '/dev/null'], {
    env: { ...process.env, SHELL: '/bin/sh', TEST_NODE: process.execPath, TEST_PROGRAM: program },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const password = `ü:s3cret${'x'.repeat(1500)}`;
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const wasAsked = shown.includes('Password of');
    shown += chunk.toString();
    if (!wasAsked && shown.includes('Password of alice at r.example: ')) child.stdin.write(`${password}\r`);
  });
  await closed;
  expect(await readFile(outcome, 'utf8')).toBe(password);
  expect(shown).not.toContain('s3cret');
});
