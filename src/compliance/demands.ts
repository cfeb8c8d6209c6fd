/** What a release demands of which of its configurations. */
import { PROFILE_NAMES, type ProfileName } from './profiles.ts';

/** One demand; without `values` it is of everything. */
export interface CheckDemand {
  /** Names of sets of values. */
  readonly values?: readonly string[] | undefined;
  readonly profiles: readonly string[];
}

/**
 * The profiles of all demands that are about a set of values; undefined where none is.
 * @param values absent for manifests that no chart renders
 */
export function demandedProfiles(
  demands: readonly CheckDemand[],
  values: string | undefined,
): readonly ProfileName[] | undefined {
  const own = demands.filter(
    (demand) => demand.values === undefined || (values !== undefined && demand.values.includes(values)),
  );
  if (own.length === 0) return undefined;
  return PROFILE_NAMES.filter((name) => own.some(({ profiles }) => profiles.includes(name)));
}
