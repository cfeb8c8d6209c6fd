/** Before any test runs: `dist/` is made of the sources that are tested, once for all of them, and a folder for bundled scripts. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of the scripts that tests start, of one run. */
    scripts: string;
  }
}

const library = fileURLToPath(new URL('../../scripts/lib.sh', import.meta.url));

/** Builds unless `dist/` is up to date, or `AIRGAP_DIST` names another build to test. */
export default function setup({ provide }: TestProject): () => void {
  const scripts = mkdtempSync(join(tmpdir(), 'airgap-scripts-'));
  // Some tests start a script as another user.
  chmodSync(scripts, 0o755);
  provide('scripts', scripts);
  if (process.env['AIRGAP_DIST'] === undefined) build();
  return () => rmSync(scripts, { recursive: true, force: true });
}

function build(): void {
  const PATH = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
  const stdio = ['ignore', 'inherit', 'inherit'] as const;
  execFileSync('bash', ['-euo', 'pipefail', '-c', 'source "$1"; setup_build', '-', library], {
    env: { ...process.env, PATH },
    stdio: [...stdio],
  });
}
