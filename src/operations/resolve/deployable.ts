/** Holds what a release says of its deployment to the manifests that it carries: what is meant for no profile would never run. */
import { UsageError } from '../../errors.ts';
import type { LockFile } from '../../release/lock/lock-schema.ts';
import type { DeploySpec } from '../../release/spec/deploy-schema.ts';
import { profilesOf } from '../deploy/chosen-manifests.ts';

/**
 * @param isWhole whether everything that charts render to is among the files
 * @throws UsageError `INVALID_SPEC` for a profile that no manifest belongs to, and where there is no manifest at all
 */
export function assertDeployable(deploy: DeploySpec | undefined, files: readonly LockFile[], isWhole: boolean): void {
  const init = deploy?.init;
  if (init === undefined || !isWhole) return;
  const known = [...profilesOf(files).keys()].sort();
  const unknown = (init.profiles ?? []).filter((name) => !known.includes(name));
  if (known.length > 0 && unknown.length === 0) return;
  const what =
    known.length === 0 ? 'and the release has no manifests' : `for ${unknown.join(', ')}, which is no profile`;
  throw new UsageError('INVALID_SPEC', `deploy.init is to run ${what}`, {
    hint:
      known.length === 0
        ? 'carry manifests, or renderManifests of a chart, or leave deploy.init out'
        : `the profiles that the release has manifests for are: ${known.join(', ')}`,
  });
}
