/** The two programs as they are built: what a shell sees of them, for every exit code, and what they read from pipes. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { runOk } from '../helpers/run.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { errorOf, programCommand, programEnvironment, spawnProgram, type ProgramName } from './support/program.ts';

const fixture = useBuiltRelease();
let damaged: string;
beforeAll(async () => {
  damaged = fixture.temp.join('damaged.tar');
  await copyFile(fixture.archive, damaged);
  const bytes = await readFile(damaged);
  bytes.writeUInt8((bytes.at(-2000) ?? 0) ^ 1, bytes.length - 2000);
  await writeFile(damaged, bytes);
});

describe.each<[ProgramName, readonly string[]]>([
  ['airgap', ['verify']],
  ['verify-and-load', []],
])('%s', (name, verify) => {
  test('says its version and ends with 0', async () => {
    const { stdout, stderr, exitCode } = await spawnProgram(name, ['--version']);
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: `${packageJson.version}\n`, stderr: '', exitCode: 0 });
  });

  test('ends with 0 after every byte of a file, or of standard input, was verified', async () => {
    const from = await spawnProgram(name, [...verify, fixture.archive, '--key', fixture.pub, '--json', '--quiet']);
    const input = await readFile(fixture.archive);
    const piped = await spawnProgram(name, [...verify, '-', '--key', fixture.pub, '--json', '--quiet'], { input });
    for (const { exitCode, stdout, stderr } of [from, piped]) {
      expect([exitCode, stderr]).toEqual([0, '']);
      expect(JSON.parse(stdout)).toMatchObject({ verdict: 'verified' });
    }
  });

  test.each<[string, () => readonly string[], number, string]>([
    ['1 when it could not look', () => [fixture.archive, '--key', fixture.temp.join('absent.pub')], 1, 'NOT_FOUND'],
    ['2 when it was not told what it needs', () => [fixture.archive], 2, 'USAGE'],
    ['3 when an archive must not be loaded', () => [damaged, '--key', fixture.pub], 3, 'DIGEST_MISMATCH'],
  ])('ends with %s', async (_words, args, exitCode, code) => {
    const result = await spawnProgram(name, [...verify, ...args(), '--json']);
    expect([result.exitCode, errorOf(result).code]).toEqual([exitCode, code]);
  });
});

test.each<[ProgramName, string, () => readonly string[]]>([
  ['airgap', 'inspect', () => ['inspect', fixture.archive]],
  ['verify-and-load', '--inspect', () => [fixture.archive, '--inspect']],
  // Goes on after its first line, so that it lives to see that nothing reads it.
  ['airgap', 'registry', () => ['registry', fixture.folder(), '--listen', '127.0.0.1:0']],
])('%s %s takes it for no failure that its reader has seen enough', async (name, _words, args) => {
  const pipe = fixture.folder();
  await runOk('mkfifo', [pipe]);
  const [command, full] = programCommand(name, args());
  // Opened for both, then left with a writer only: the reader is gone before the program begins.
  const script = 'exec 3>&1 4<>"$1" 5>"$1" 4>&-; shift; "$@" >&5 2>&3; echo "exit $?"';
  const { stdout } = await runOk('sh', ['-c', script, 'sh', pipe, command, ...full], { env: programEnvironment() });
  expect(stdout).toBe('exit 0\n');
});

test.each<[string, () => readonly string[], number]>([
  ['a result', () => ['inspect', fixture.archive, '--json'], 1],
  ['a verification', () => ['verify', fixture.archive, '--key', fixture.pub], 1],
  ['a refusal, which is what counts', () => ['verify', damaged, '--key', fixture.pub, '--json'], 3],
  ['the help', () => ['--help'], 1],
])('airgap says when %s cannot be written', async (_words, args, exitCode) => {
  const [command, full] = programCommand('airgap', args());
  const script = '"$@" > /dev/full; echo "exit $?"';
  const { stdout, stderr } = await runOk('sh', ['-c', script, 'sh', command, ...full], { env: programEnvironment() });
  expect(stdout).toBe(`exit ${exitCode}\n`);
  if (exitCode === 1) expect(stderr).toMatch(/cannot write the result to standard output: no space left/);
});

test('airgap ends with the code of its work when its reader is gone', async () => {
  const [command, full] = programCommand('airgap', ['verify', damaged, '--key', fixture.pub, '--json']);
  const pipe = fixture.folder();
  await runOk('mkfifo', [pipe]);
  const script = 'exec 3>&1 4<>"$1" 5>"$1" 4>&-; shift; "$@" >&5 2>&3; echo "exit $?"';
  const { stdout } = await runOk('sh', ['-c', script, 'sh', pipe, command, ...full], { env: programEnvironment() });
  expect(stdout).toMatch(/exit 3\n$/);
});

test('airgap ends with 4 when the passphrase is not the one', async () => {
  const args = ['build', fixture.release.lock, '--key', fixture.key, '--output', fixture.folder(), '--json'];
  const result = await spawnProgram('airgap', args, { env: { AIRGAP_PASSPHRASE: 'another' } });
  expect([result.exitCode, errorOf(result).code]).toEqual([4, 'DENIED']);
});
