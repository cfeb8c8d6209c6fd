/** Finds what scripts of this project build with Go, which no Debian or npm package brings in the version they take. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The folder below `$AIRGAP_TOOLS` or `<repository>/.tools` that has `file`; undefined, loudly, where it was not built.
 * @throws Error when it is missing and `AIRGAP_REQUIRE_GO=1` demands it, as continuous integration does.
 */
export function requireGoBuild(folder: string, file: string, script: string): string | undefined {
  const tools = [process.env['AIRGAP_TOOLS'] ?? '', join(repository, '.tools')].filter((path) => path !== '');
  const found = tools.map((path) => join(path, folder)).find((path) => existsSync(join(path, file)));
  if (found !== undefined) return found;
  const missing = `${folder} is not built`;
  if (process.env['AIRGAP_REQUIRE_GO'] === '1') throw new Error(`${missing}. Run ${script}`);
  process.stderr.write(`\n!!! SKIPPED: ${missing}; what this test verifies stays unverified !!!\n`);
  return undefined;
}
