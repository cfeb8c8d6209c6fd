/** Before any test runs: `dist/` is made of the sources that are tested, once for all of them. */
import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const scripts = fileURLToPath(new URL('../../scripts/lib.sh', import.meta.url));

/** Builds unless `dist/` is up to date, or `AIRGAP_DIST` names another build to test. */
export default function setup(): void {
  if (process.env['AIRGAP_DIST'] !== undefined) return;
  const PATH = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
  const stdio = ['ignore', 'inherit', 'inherit'] as const;
  execFileSync('bash', ['-euo', 'pipefail', '-c', 'source "$1"; setup_build', '-', scripts], {
    env: { ...process.env, PATH },
    stdio: [...stdio],
  });
}
