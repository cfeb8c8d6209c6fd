/** The product's command lines, as its users write them. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Corpus } from './corpus.ts';
import type { Command } from './measure.ts';

/** Name of the archive in its directory. */
export const ARCHIVE = 'bench-offline-1.0.0.tar';
const PASSPHRASE = { AIRGAP_PASSPHRASE: 'only for the benchmark' };
/** Another build of the product can be measured instead, to compare two. */
export const PROGRAM: string =
  process.env['AIRGAP_BENCH_PROGRAM'] ?? fileURLToPath(new URL('../dist/airgap.mjs', import.meta.url));

/** The release.yaml that carries the whole corpus. */
export function specText(corpus: Corpus, host: string): string {
  return [
    'apiVersion: airgap.hexabase.ai/v1',
    'kind: Release',
    'name: bench',
    "version: '1.0.0'",
    "created: '2026-01-01T00:00:00Z'",
    `platforms: [${corpus.parameters.platforms.join(', ')}]`,
    'components:',
    '  - name: images',
    '    images:',
    ...corpus.references.map((reference) => `      - ${host}/${reference}`),
    '',
  ].join('\n');
}

export function generateKeys(folder: string): Command {
  return airgap(['keys', 'generate', '--output', join(folder, 'release')]);
}

/** Pins the release.yaml in `folder`. */
export function resolve(folder: string): Command {
  return airgap(['resolve', join(folder, 'release.yaml')]);
}

export function build(locked: string, keys: string, output: string): Command {
  return airgap(['build', join(locked, 'release.yaml'), '--key', join(keys, 'release.key'), '--output', output]);
}

export function verify(archive: string, keys: string): Command {
  return airgap(['verify', archive, '--key', join(keys, 'release.pub')]);
}

export function load(archive: string, keys: string, target: string): Command {
  const report = ['--report', join(keys, 'report')];
  return airgap(['load', archive, '--key', join(keys, 'release.pub'), '--to', `docker://${target}`, ...report]);
}

export function mirror(locked: string, target: string): Command {
  return airgap(['mirror', join(locked, 'release.yaml'), '--to', `docker://${target}`]);
}

function airgap(args: readonly string[]): Command {
  return { argv: [process.execPath, PROGRAM, '--quiet', ...args], env: PASSPHRASE };
}
