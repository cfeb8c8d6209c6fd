/** Finds a real tool a test needs. A missing one fails the test: a test that silently does nothing proves nothing. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * The path of a program, looked up in `PATH`, or `path` itself when given.
 * @returns `undefined` only when the tool is missing and `AIRGAP_SKIP_MISSING_TOOLS=1` permits that.
 * @throws Error when the tool is missing.
 * @example test('skopeo reads it', (t) => { const skopeo = requireTool('skopeo') ?? t.skip(); … })
 */
export function requireTool(name: string, path?: string): string | undefined {
  const candidates = path === undefined ? searchPath(name) : [path];
  const found = candidates.find(isProgram);
  if (found !== undefined) return found;
  const where = path === undefined ? 'is not in PATH' : `is not at ${path}`;
  if (process.env['AIRGAP_SKIP_MISSING_TOOLS'] === '1') {
    process.stderr.write(`\n!!! SKIPPED: ${name} ${where}; what this test proves stays unproved !!!\n`);
    return undefined;
  }
  throw new Error(`${name} ${where}. Install it, or set AIRGAP_SKIP_MISSING_TOOLS=1 to skip its tests`);
}

function searchPath(name: string): string[] {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return directories.map((directory) => join(directory, name));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
