/** Checks a release before it is built, as its release.yaml demands, and refuses what is not met. */
import { CheckError } from '../../errors.ts';
import type { CheckEvidence } from '../../operations/build/build.ts';
import type { OpenRenderer } from '../../operations/resolve/render-charts.ts';
import type { PinnedRelease } from '../../operations/resolve/pin-release.ts';
import type { CheckReport } from '../../report/checks/check-report.ts';
import type { Context } from '../context.ts';

/** How a check is made, and what becomes of what is not met. */
export interface ReleaseCheckOptions {
  /** Absent: charts are not rendered. */
  readonly openRenderer: OpenRenderer | undefined;
  /** @defaultValue 'refuse' */
  readonly mode?: 'refuse' | 'warn' | undefined;
}

/**
 * The evidence of the check of a release; undefined where it demands none.
 * @throws CheckError `CHECK_FAILED` naming each rule, object and field that is not as demanded, unless it is to warn.
 */
export async function checkPinned(
  { output, now, signal }: Context,
  { lock, directory, files }: PinnedRelease,
  { openRenderer, mode = 'refuse' }: ReleaseCheckOptions,
): Promise<CheckEvidence | undefined> {
  if (lock.check === undefined) return undefined;
  const { checkLockedRelease } = await import('../../operations/check/locked-check.ts');
  const { toCheckEvidence } = await import('../../report/checks/check-evidence.ts');
  const { expiredSince, failuresOf } = await import('../../report/checks/check-failures.ts');
  const checked = await checkLockedRelease({
    lock,
    directory,
    contents: files,
    render: openRenderer !== undefined,
    openRenderer,
    signal,
  });
  if (checked === undefined) return undefined;
  const { document, ...evidence } = toCheckEvidence(lock, checked);
  for (const warning of document.warnings) output.note(`warning: ${warning}`);
  const failures = [...failuresOf(document), ...expiredSince(document, now())];
  if (failures.length > 0 && mode === 'refuse') throw notMet(document, failures);
  for (const failure of failures) output.note(`warning: not met: ${failure}`);
  return evidence;
}

function notMet({ profiles }: CheckReport, failures: readonly string[]): CheckError {
  return new CheckError(
    'CHECK_FAILED',
    `what the release deploys is not as its check demands (${profiles.join(', ')}):`,
    {
      items: failures,
      hint: 'correct it, or make an exception with a reason in a file of check.rules; --check=warn goes on, and the archive says so',
    },
  );
}
