/** How often tests try what chance or position decides: enough to find a fault in every run, more where there is time. */

/** `AIRGAP_TEST_EFFORT=10` tries ten times as often. @defaultValue 1 */
export const EFFORT = Number(process.env['AIRGAP_TEST_EFFORT'] ?? 1);
if (!Number.isInteger(EFFORT) || EFFORT < 1) throw new RangeError('AIRGAP_TEST_EFFORT is a whole number, 1 or more');

/** So many tries, times the effort. */
export function tries(usual: number): number {
  return usual * EFFORT;
}

/** The distance between positions that gives {@link EFFORT} times as many as `usual` does; odd, so that all bits have their turn. */
export function stride(usual: number): number {
  return Math.floor(usual / EFFORT) | 1;
}
