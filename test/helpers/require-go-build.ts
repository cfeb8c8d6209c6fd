/** Finds what scripts of this project build with Go, which no Debian or npm package brings in the version they take. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The folder below `$AIRGAP_TOOLS` or `<repository>/.tools` that has `file`; undefined, loudly, where it was not built.
 * @throws Error when it is missing and `AIRGAP_REQUIRE_GO=1` demands it, as continuous integration does; but not for what
 * `AIRGAP_GO_TOOLS`, which says what of scripts/go-tools/ is built, leaves out.
 */
export function requireGoBuild(folder: string, file: string, script: string): string | undefined {
  const tools = [process.env['AIRGAP_TOOLS'] ?? '', join(repository, '.tools')].filter((path) => path !== '');
  const found = tools.map((path) => join(path, folder)).find((path) => existsSync(join(path, file)));
  if (found !== undefined) return found;
  const missing = `${folder} is not built`;
  const [, tool] = /^go-tools\/(.+)$/.exec(folder) ?? [];
  const isLeftOut = tool !== undefined && process.env['AIRGAP_GO_TOOLS']?.split(/\s+/).includes(tool) === false;
  if (process.env['AIRGAP_REQUIRE_GO'] === '1' && !isLeftOut) throw new Error(`${missing}. Run ${script}`);
  process.stderr.write(`\n!!! SKIPPED: ${missing}; what this test verifies stays unverified !!!\n`);
  return undefined;
}
