/** Finds a real tool a test needs. A missing one fails the test: a test that silently does nothing proves nothing. */
import { findTool } from './tools.ts';

/**
 * The path of a program, as {@link findTool} finds it: provisioned by scripts/setup-tools.sh, or in `PATH`.
 * @returns `undefined` only when the tool is missing and `AIRGAP_SKIP_MISSING_TOOLS=1` permits that.
 * @throws Error when the tool is missing.
 * @example test('skopeo reads it', (t) => { const skopeo = requireTool('skopeo') ?? t.skip(); … })
 */
export function requireTool(name: string): string | undefined {
  const found = findTool(name);
  if (found !== undefined) return found;
  const where = 'is not on this machine';
  if (process.env['AIRGAP_SKIP_MISSING_TOOLS'] === '1') {
    process.stderr.write(`\n!!! SKIPPED: ${name} ${where}; what this test proves stays unproved !!!\n`);
    return undefined;
  }
  throw new Error(`${name} ${where}. Run scripts/setup-tools.sh, or set AIRGAP_SKIP_MISSING_TOOLS=1 to skip its tests`);
}
