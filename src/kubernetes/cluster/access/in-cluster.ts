/** The account of the pod that this runs in. */
import { join } from 'node:path';
import { readIfThere } from '../../../base/files/read-file.ts';
import type { Environment } from '../../../base/http/proxy.ts';
import type { AccessRequest, ClusterAccess } from './cluster-access.ts';

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const LIMIT = 1024 * 1024;

/**
 * The access that a pod is given; undefined outside of one.
 * @param directory where the account is mounted
 * @see https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
export async function inClusterAccess(
  { namespace, as, asGroup }: AccessRequest,
  environment: Environment,
  directory: string = ACCOUNT,
): Promise<ClusterAccess | undefined> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  if (host === '') return undefined;
  const read = async (name: string): Promise<string | undefined> =>
    (await readIfThere(join(directory, name), { what: 'an account', limit: LIMIT }))?.toString('utf8').trim();
  if ((await read('token')) === undefined) return undefined;
  const server = new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`);
  const own = await read('namespace');
  return {
    name: 'the account of this pod',
    server,
    origin: { origin: server.origin, ca: await read('ca.crt') },
    user: {
      name: 'the account of this pod',
      // Read again and again: the kubelet replaces it before it expires.
      tokenFile: join(directory, 'token'),
      impersonates: as === undefined ? undefined : { user: as, group: asGroup },
    },
    namespace: namespace ?? own ?? 'default',
    settings: join(directory, 'ca.crt'),
  };
}
