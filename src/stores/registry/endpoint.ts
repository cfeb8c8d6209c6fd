/** Where a registry really listens: its API host, and whether it speaks TLS. */
import { UsageError } from '../../errors.ts';
import type { HttpClient } from '../../base/http/client.ts';
import { isLoopbackHost } from '../../base/http/network-policy.ts';

/** Names in references that are not the name of the API host. */
export const API_HOSTS: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io' };

/**
 * The base URL of a registry. HTTPS, but for `plainHttp` and for a loopback address that does not speak TLS.
 * @param plainHttp true: HTTP; false: HTTPS; undefined: HTTPS, and whichever answers on loopback.
 * @throws RegistryError, to be tried again, when nothing listens on a loopback address.
 */
export async function findEndpoint(client: HttpClient, registry: string, plainHttp: boolean | undefined): Promise<URL> {
  const host = API_HOSTS[registry] ?? registry;
  if (!URL.canParse(`https://${host}/`)) {
    throw new UsageError('INVALID_REFERENCE', `${JSON.stringify(registry)} is not a registry host`, {
      hint: 'write host or host:port',
    });
  }
  const secure = new URL(`https://${host}/`);
  const isPlain = plainHttp ?? (isLoopbackHost(secure.hostname) && !(await client.speaksTls(secure)));
  return isPlain ? new URL(`http://${host}/`) : secure;
}
