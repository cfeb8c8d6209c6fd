/** Which releases were complete at a cluster before the one that is there, and which of them a rollback goes to. Pure. */
import { UsageError } from '../../../errors.ts';
import { MAX_HISTORY, type DeploymentRecord, type EarlierRelease } from '../deployment-record.ts';

type Release = DeploymentRecord['release'];

/** What a record says of the releases before `release`, once that takes the place of what was there. */
export function historyAfter(
  previous: DeploymentRecord | undefined,
  release: Release,
): Pick<DeploymentRecord, 'history' | 'leftRelease'> {
  if (previous === undefined) return {};
  const { history = [], leftRelease } = previous;
  if (previous.release.digest === release.digest) return withHistory(history, leftRelease);
  const at = history.findLastIndex((earlier) => earlier.release.digest === release.digest);
  if (at !== -1) return withHistory(history.slice(0, at), previous.release);
  // What was gone back to was complete once, although the way back to it may not be.
  const wasComplete = previous.state === 'complete' || leftRelease !== undefined;
  const last = asEarlier(previous);
  return withHistory(wasComplete ? [...history, last].slice(-MAX_HISTORY) : history, undefined);
}

/**
 * The release to go back to. After a rollback it is the one that was gone back to: the same command again goes on with
 * it, and does not go back further.
 * @param digest of `checksums.txt` of the archive that was given for it
 * @throws UsageError `USAGE` when there is none, or the archive is of no release that was complete there
 */
export function rollbackTarget(record: DeploymentRecord, digest?: string): EarlierRelease {
  const { release, history = [], leftRelease } = record;
  const current = asEarlier(record);
  const known = leftRelease === undefined ? history : [...history, current];
  const found = digest === undefined ? known.at(-1) : known.findLast((each) => each.release.digest === digest);
  if (found !== undefined) return found;
  if (digest === release.digest) {
    throw new UsageError('USAGE', `${nameOf(release)} is the release that is deployed, and no earlier one`, {
      hint: earlierHint(history) ?? 'deploy goes on with it',
    });
  }
  if (digest === undefined) {
    throw new UsageError('USAGE', `no release is on record as complete before ${nameOf(release)}`, {
      hint: 'deploy another release by its archive; what only this one has is removed with --prune',
    });
  }
  throw new UsageError('USAGE', `the archive ${digest} is of no release that was complete here before ${nameOf(release)}`, {
    hint: earlierHint(known) ?? 'none is on record; deploy the archive instead',
  }); // prettier-ignore
}

function asEarlier({ release, profile, components, settings }: DeploymentRecord): EarlierRelease {
  return { release, profile, ...(components && { components }), ...(settings && { settings }) };
}

function earlierHint(known: readonly EarlierRelease[]): string | undefined {
  if (known.length === 0) return undefined;
  return `give the archive of ${known.map(({ release }) => `${nameOf(release)} (${release.digest})`).reverse().join(' or ')}`; // prettier-ignore
}

function nameOf({ name, version }: Release): string {
  return `${name} ${version}`;
}

function withHistory(
  history: readonly EarlierRelease[],
  leftRelease: Release | undefined,
): Pick<DeploymentRecord, 'history' | 'leftRelease'> {
  return {
    ...(history.length === 0 ? {} : { history: [...history] }),
    ...(leftRelease === undefined ? {} : { leftRelease }),
  };
}
