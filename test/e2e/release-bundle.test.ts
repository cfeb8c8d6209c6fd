/** `scripts/release-bundle`, the CI job: what it leaves, for whom it signs, and what it refuses. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { run } from '../helpers/run.ts';
import type { ProcessResult } from '../helpers/process.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { airgapOk, programEnvironment } from './support/program.ts';
import { makeKeys } from './support/release.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/release-bundle', import.meta.url));
const fixture = useBuiltRelease({ baseBytes: 100_000 });

async function bundle(...args: readonly string[]): Promise<ProcessResult> {
  const PATH = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
  return run('bash', [SCRIPT, ...args], {
    env: { ...programEnvironment({}), PATH, HOME: fixture.temp.path },
    cwd: fixture.release.directory,
  });
}

test('--help says how to use it, before anything is set up', async () => {
  const { stdout, exitCode } = await bundle('--help');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('scripts/release-bundle release.yaml --key a.key --key b.key');
});

test('two keys sign, and both have to have signed for the archive to be handed over', async () => {
  const second = await makeKeys(fixture.temp.join('bundle-second'));
  const directory = fixture.folder();
  const { stdout, stderr, exitCode } = await bundle(
    ...[fixture.release.spec, '--key', fixture.key, `--key=${second.key}`, '--directory', directory],
  );
  expect([stdout, exitCode]).toEqual([`${directory}\n`, 0]);
  expect(stderr).toContain('resolved 1/');
  expect(stderr).toContain('verified:');
  const files = await readdir(directory);
  expect(files.sort()).toEqual(
    [
      ...['bundle-second.pub', 'release-key.pub', 'report.json', 'verify-and-load.mjs'],
      ...['sample-offline-1.2.3.tar', 'sample-offline-1.2.3.tar.sha256'],
    ].sort(),
  );
  const report = JSON.parse(await readFile(`${directory}/report.json`, 'utf8')) as {
    readonly verdict: string;
    readonly trust: { readonly threshold: number; readonly acceptedSigners: readonly object[] };
  };
  expect(report).toMatchObject({ verdict: 'verified', trust: { threshold: 2 } });
  expect(report.trust.acceptedSigners).toHaveLength(2);
});

test('a trust document is carried, and the archive is verified by it', async () => {
  const directory = fixture.folder();
  const trust = fixture.temp.join('bundle-trust');
  const root = await makeKeys(fixture.temp.join('bundle-root'));
  await airgapOk([
    'trust',
    'init',
    trust,
    '--product',
    'sample',
    '--root',
    root.pub,
    ...['--release', fixture.pub, '--expires', '2099-01-01'],
  ]);
  await airgapOk(['trust', 'sign', trust, '--key', root.key]);
  const first = `${trust}/1.trust.json`;
  const { stderr, exitCode } = await bundle(
    ...[fixture.release.spec, '--key', fixture.key, '--trust', first, '--directory', directory],
  );
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain('trust     version 1');
});

describe('what cannot end well is refused before anything is built', () => {
  test.each([
    ['no release', [], 'which release?'],
    ['a key without its public half', ['release.yaml', '--key', 'absent.key'], 'there is no absent.pub'],
    ['nothing to verify with', ['release.yaml', '--key', 'hsm://release'], 'nothing to verify the archive with'],
    [
      'an option that the script decides',
      ['release.yaml', '--output', 'elsewhere'],
      '--output is decided by this script',
    ],
  ])('%s', async (_, args, message) => {
    const { stdout, stderr, exitCode } = await bundle(...args);
    expect([stdout, exitCode]).toEqual(['', 1]);
    expect(stderr).toContain(message);
  });
});
