/** How the commands present themselves, and how they answer what they do not understand. */
import { existsSync } from 'node:fs';
import { cp, readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { explainOldNode } from '../../src/cli/node-version.ts';
import { AIRGAP } from '../../src/cli/airgap.ts';
import { VERIFY_AND_LOAD } from '../../src/cli/verify-and-load-program.ts';
import type { Program } from '../../src/cli/program.ts';
import { runInside } from '../helpers/in-process.ts';
import { findPinnedNode } from '../../src/cli/pinned-node.ts';
import { run } from '../helpers/run.ts';
import { makeTempDir } from '../helpers/temp.ts';
import { useBuiltCli } from './built-cli.ts';

const cli = useBuiltCli();
const repository = fileURLToPath(new URL('../..', import.meta.url));

const COMMANDS = [
  ...['init', 'keys generate', 'keys show', 'resolve', 'build', 'verify'],
  ...['trust init', 'trust add-key', 'trust remove-key', 'trust revoke', 'trust set', 'trust sign', 'trust show'],
  ...[
    'trust verify',
    'inspect',
    'diff',
    'login',
    'logout',
    'load',
    'extract',
    'audit verify',
    'audit receipt',
    'mirror',
    'registry',
  ],
];

test('the version is that of the package', async () => {
  const { stdout, stderr, exitCode } = await cli.airgap(['--version']);
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: `${packageJson.version}\n`, stderr: '', exitCode: 0 });
});

test('without a word, airgap shows what there is', async () => {
  const { stdout, stderr, exitCode } = await cli.airgap([]);
  expect(stdout).toMatch(/^Examples:\n {2}\$ airgap init/);
  for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command.split(' ')[0] ?? ''} `, 'm'));
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
});

test.each(COMMANDS)('help of %s begins with examples', async (command) => {
  const { stdout, stderr, exitCode } = await cli.airgap([...command.split(' '), '--help']);
  expect(stdout).toMatch(new RegExp(`^Examples:\n  \\$ airgap ${command}`));
  expect(stdout).toContain(`Usage: airgap ${command}`);
  expect(stdout).toContain('Global Options:');
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
});

describe('what is not understood', () => {
  test.each([
    [['biuld'], `error: unknown command 'biuld'\n  hint: did you mean build?\n`],
    [['verify', 'a.tar', '--kye', 'k'], `error: unknown option '--kye'\n  hint: did you mean --key?\n`],
    [['verify'], `error: missing required argument 'archive'\n  hint: see --help for what there is\n`],
    [['keys'], `error: no command was given\n  hint: see --help for what there is\n`],
    [
      ['load', 'a.tar', '--key', 'k'],
      `error: required option '--to <target>' not specified\n  hint: see --help for what there is\n`,
    ],
    [['init', 'a', 'b'], /^error: too many arguments/],
    [['verify', 'a.tar', '--threshold', '0'], /^error: --threshold <n>: 0 is not a whole number from 1 to 256\n/],
    [['keys', 'generate', '--output', 'k', '--algorithm', 'rsa'], /rsa is not one of ecdsa-p256, ed25519/],
    [['build', '--unsigned'], /^error: unknown option '--unsigned'/],
  ])('%j is exit code 2, on standard error alone', async (args, expected) => {
    const { stdout, stderr, exitCode } = await cli.airgap(args);
    expect(stderr).toEqual(typeof expected === 'string' ? expected : expect.stringMatching(expected));
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  });

  test('with --json the error is one JSON line', async () => {
    const { stdout, stderr, exitCode } = await cli.airgap(['verify', 'a.tar', '--json']);
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'USAGE',
        message: 'no key to verify with',
        hint: expect.stringContaining('--key') as string,
        details: {},
      },
    });
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  });
});

describe('an option that is given twice', () => {
  const given = [AIRGAP, VERIFY_AND_LOAD].flatMap((program) =>
    program.commands.flatMap(({ name, options }) =>
      Object.values(options)
        .filter(({ flags }) => flags.includes('<'))
        .map(({ flags, repeats }) => ({ program, name, flags, repeats })),
    ),
  );
  /** What the parser alone has against it; the command itself does not run. */
  async function parse(program: Program, words: readonly string[]): Promise<string> {
    const commands = program.commands.map((command) => ({ ...command, run: async () => undefined }));
    return (await runInside({ ...program, commands }, words)).stderr;
  }

  test.each(given)('$program.name $name $flags: refused unless it may be repeated', async ({ program, name, flags, repeats }) => {
    const option = flags.split(' ')[0] ?? '';
    const words = [...name.split(' ').filter((word) => word !== ''), option, 'secret', option, 'secret'];
    const said = await parse(program, words);
    expect(said.includes(`${flags} was given more than once`)).toBe(!repeats);
    if (!repeats) expect(said).not.toContain('secret');
  }); // prettier-ignore

  test('and so is one of the options that hold for every command', async () => {
    expect(await parse(AIRGAP, ['inspect', 'a', '--timeout', '1', '--timeout', '2'])).toContain('given more than once');
  });
});

describe('verify-and-load', () => {
  test('without a word has done nothing, and its exit code says so', async () => {
    const tool = join(cli.directory, 'verify-and-load.mjs');
    expect(await cli.node([tool])).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: `error: missing required argument 'archive'\n  hint: see --help for what there is\n`,
    });
  });

  test('is one file with help of its own', async () => {
    const { stdout, exitCode } = await cli.node([join(cli.directory, 'verify-and-load.mjs'), '--help']);
    expect(stdout).toMatch(/^Examples:\n {2}\$ node verify-and-load\.mjs release\.tar --key release\.pub\n/);
    expect(exitCode).toBe(0);
  });

  test('carries neither the signer nor the embedded registry', async () => {
    const text = await readFile(join(cli.directory, 'verify-and-load.mjs'), 'utf8');
    expect(text).not.toMatch(/from\s*"\.{1,2}\//);
    const chunks = (await readdir(cli.directory)).filter((name) => name.startsWith('chunk-'));
    const whole = await Promise.all(chunks.map((name) => readFile(join(cli.directory, name), 'utf8')));
    for (const word of ['MessageSignatureBundleBuilder', 'the registry would be reachable from other machines']) {
      // Were the word another one by now, its absence would say nothing.
      expect(whole.some((chunk) => chunk.includes(word))).toBe(true);
      expect(text.includes(word)).toBe(false);
    }
  });
});

describe('an older Node', () => {
  test.each(['v18.20.0', 'v20.20.2', 'v24.14.9', '22.0.0'])('%s is refused', (version) => {
    expect(explainOldNode(version)).toContain('needs Node 24.15 or newer');
  });

  test.each(['v24.15.0', 'v24.21.0', 'v25.0.0', 'v100.0.0'])('%s will do', (version) => {
    expect(explainOldNode(version)).toBeUndefined();
  });

  test('airgap starts the Node that npm installed beside it, and hands on its exit code', async () => {
    const node = findPinnedNode(import.meta.url);
    expect(node).toBe(await realpath(process.execPath));
    expect(findPinnedNode('file:///nowhere/airgap.mjs')).toBeUndefined();
    const script = fileURLToPath(new URL('../../src/cli/pinned-node.ts', import.meta.url));
    const program = `
      import { runWith } from ${JSON.stringify(script)};
      process.exit(await runWith(process.execPath, '-e', ['console.log("started"); process.exit(7)']));`;
    const { stdout, exitCode } = await run(process.execPath, ['--input-type=module', '-e', program]);
    expect([stdout, exitCode]).toEqual(['started\n', 7]);
  });

  const SYSTEM_NODE = '/usr/bin/node';
  test.runIf(existsSync(SYSTEM_NODE))(
    'can read both programs, and is told what is wrong where it has to do',
    async () => {
      const { stdout: version } = await run(SYSTEM_NODE, ['--version']);
      if (explainOldNode(version.trim()) === undefined) return;
      await using temp = await makeTempDir();
      await cp(cli.directory, temp.path, { recursive: true });
      for (const name of ['airgap.mjs', 'verify-and-load.mjs']) {
        const { stdout, stderr, exitCode } = await run(SYSTEM_NODE, [temp.join(name), '--version']);
        expect(stderr).toBe(explainOldNode(version.trim()));
        expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
      }
      // Where npm installed the pinned Node beside it, airgap runs all the same.
      const { stdout } = await run(SYSTEM_NODE, [join(repository, 'dist', 'airgap.mjs'), '--version']);
      expect(stdout).toBe(`${packageJson.version}\n`);
    },
  );
});
