/** Finds the programs of a Kubernetes control plane, which scripts/go-tools/build.sh builds. */
import { join } from 'node:path';
import { requireGoBuild } from '../require-go-build.ts';

/** Paths of the programs. */
export interface ClusterTools {
  readonly etcd: string;
  readonly apiServer: string;
  readonly controllerManager: string;
  readonly scheduler: string;
  readonly kubelet: string;
  readonly kwok: string;
}

/**
 * The programs; undefined, loudly, where they were not built.
 * @throws Error when they are missing and `AIRGAP_REQUIRE_GO=1` demands them
 */
export function clusterTools(): ClusterTools | undefined {
  const script = 'scripts/go-tools/build.sh kubernetes kwok';
  const kubernetes = requireGoBuild('go-tools/kubernetes', '.stamp', script);
  const kwok = kubernetes === undefined ? undefined : requireGoBuild('go-tools/kwok', '.stamp', script);
  if (kubernetes === undefined || kwok === undefined) return undefined;
  return {
    etcd: join(kubernetes, 'etcd'),
    apiServer: join(kubernetes, 'kube-apiserver'),
    controllerManager: join(kubernetes, 'kube-controller-manager'),
    scheduler: join(kubernetes, 'kube-scheduler'),
    kubelet: join(kubernetes, 'kubelet'),
    kwok: join(kwok, 'kwok'),
  };
}
