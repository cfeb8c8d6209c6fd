/** A refused argument is told by its name: what a person typed in the wrong place is often a secret. */
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { AIRGAP } from '../../src/cli/airgap.ts';
import { hideAccounts, hideSecrets } from '../../src/base/http/redact.ts';
import { useTempDir } from '../helpers/temp.ts';
import { useBuiltCli } from './built-cli.ts';

const cli = useBuiltCli();
const temp = useTempDir();

test.each([
  [['verify', 'x', '--passphrase=s3cret'], "unknown option '--passphrase'"],
  [['verify', 'x', "--token=a'b s3cret'c"], "unknown option '--token'"],
  [['mirror', 'LIST', '--to', 'docker://u:s3cret@h'], 'docker://h'],
  [['sample-images', 'LIST', '--to', 'docker://u:s3cret@h'], 'docker://h'],
  [['mirror', 'LIST', '--to', 'oci:x', '--mirror', 'u:s3cret@h=x'], '***@h=x'],
  [['sign', 'x', '--key', 'KEY', '--timestamp-url', 'ftp://t.example/?apikey=s3cret'], 'ftp://t.example/?***'],
  [['sign', 'x', '--key', 'KEY', '--timestamp-url', 'https://u:s3cret@t.example/'], 'https://t.example/'],
])('%j is refused without the secret in it', async (args, shown) => {
  await writeFile(temp.join('list.txt'), 'docker.io/library/app:1.0\n');
  const words = args.map((word) => (word === 'LIST' ? temp.join('list.txt') : word));
  for (const more of [[], ['--json'], ['--verbose']]) {
    const { exitCode, stdout, stderr } = await cli.airgap([...words, ...more]);
    expect(exitCode).toBe(2);
    expect(stdout + stderr).not.toContain('s3cret');
    expect(stderr).toContain(shown);
  }
});

test('a wildcard where an exact identity is meant is answered with options that the command has', async () => {
  const args = [
    '--certificate-identity',
    '*',
    '--certificate-oidc-issuer',
    'https://i.example',
    '--trusted-root',
    'ROOT',
  ];
  const { exitCode, stderr } = await cli.airgap(['verify', 'x.tar', ...args]);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^error: --certificate-identity takes no wildcard: \*\n/);
  expect(stderr).not.toMatch(/--(issuer|subject)(?![-\w])/);
});

test('references keep their tags and digests', () => {
  const text = `registry.example:5000/app:1.0@sha256:${'0'.repeat(64)} and git@host and 10:30`;
  expect(hideAccounts(text)).toBe(text);
});

test('what is printed loses passwords and tokens, and keeps users, queries, identities and references', () => {
  expect(hideSecrets('https://u:s3cret@h/x?page=2&access_token=s3cret#top')).toBe(
    'https://***@h/x?page=2&access_token=***#top',
  );
  expect(hideSecrets('u:s3cret@h=x')).toBe('***@h=x');
  for (const text of [
    `registry.example:5000/app:1.0@sha256:${'0'.repeat(64)}`,
    'ssh://git@git.example/team/releases',
    'https://ci.example/job?build=4711',
    'https://github.example/team/app/.github/workflows/release.yml@refs/heads/main',
    'anna@example.com (https://accounts.example)',
  ]) {
    expect(hideSecrets(text)).toBe(text);
  }
});

describe('a secret in any option or argument, in any form, is not repeated', () => {
  const FORMS = [
    'docker://u:s3cret@127.0.0.1:1/x',
    'u:s3cret@127.0.0.1:1/app:1.0',
    'https://127.0.0.1:1/x?token=s3cret',
  ];
  /** Named so that no command finds it, and none gets as far as a network. */
  const wordsOf = (form: string): readonly string[] =>
    form.startsWith('[') ? [] : [form === '<directory>' ? 'd' : 'none'];

  test.each(AIRGAP.commands.map((command) => [command.name, command] as const))('%s', async (name, command) => {
    const positions = Object.values(command.arguments).map(({ form }) => form);
    const given = positions.flatMap(wordsOf);
    const required = Object.values(command.options).flatMap(({ flags, required: isRequired }) =>
      isRequired ? [flags.split(' ')[0] ?? '', 'x'] : [],
    );
    // A registry that is told nothing wrong would run: it is asked to listen there, which it cannot.
    const options = Object.values(command.options).filter(
      ({ flags }) => flags.includes('<') && (name !== 'registry' || flags.startsWith('--listen ')),
    );
    const calls = FORMS.flatMap((secret) => [
      ...positions
        .slice(0, name === 'registry' ? 0 : undefined)
        .map((_, at) => [...given.slice(0, at), secret, ...given.slice(at + 1), ...required]),
      ...options.map(({ flags }) => [
        ...given,
        ...required.slice(0, required[0] === flags.split(' ')[0] ? 0 : undefined),
        flags.split(' ')[0] ?? '',
        secret,
      ]),
    ]);
    for (const call of calls) {
      for (const more of [['--verbose'], ['--json']]) {
        const args = [...name.split(' '), ...call, ...more];
        const { stdout, stderr } = await cli.airgap(args, { cwd: temp.path });
        expect({ args, said: stdout + stderr }).toEqual({
          args,
          said: expect.not.stringContaining('s3cret') as string,
        });
      }
    }
  });
});
