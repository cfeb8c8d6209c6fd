/** A refused argument is told by its name: what a person typed in the wrong place is often a secret. */
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { hideAccounts } from '../../src/base/http/redact.ts';
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
])('%j', async (args, shown) => {
  await writeFile(temp.join('list.txt'), 'docker.io/library/app:1.0\n');
  const words = args.map((word) => (word === 'LIST' ? temp.join('list.txt') : word));
  for (const more of [[], ['--json'], ['--verbose']]) {
    const { exitCode, stdout, stderr } = await cli.airgap([...words, ...more]);
    expect(exitCode).toBe(2);
    expect(stdout + stderr).not.toContain('s3cret');
    expect(stderr).toContain(shown);
  }
});

test('references keep their tags and digests', () => {
  const text = `registry.example:5000/app:1.0@sha256:${'0'.repeat(64)} and git@host and 10:30`;
  expect(hideAccounts(text)).toBe(text);
});
