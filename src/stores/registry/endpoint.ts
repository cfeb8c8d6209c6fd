/** Where a registry really listens: its API host, and whether it speaks TLS. */
import { connect } from 'node:tls';
import { UsageError } from '../../errors.ts';
import { networkFailure } from '../../base/http/failure.ts';
import { bareHost, isLoopbackHost } from '../../base/http/network-policy.ts';

/** A TLS greeting on loopback is answered at once or not at all. */
const PROBE_TIMEOUT_MS = 3_000;

/** Names in references that are not the name of the API host. */
export const API_HOSTS: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io' };

/**
 * The base URL of a registry. HTTPS, but for `plainHttp` and for a loopback address that does not speak TLS.
 * @param plainHttp true: HTTP; false: HTTPS; undefined: HTTPS, and whichever answers on loopback.
 */
export async function findEndpoint(registry: string, plainHttp: boolean | undefined): Promise<URL> {
  const host = API_HOSTS[registry] ?? registry;
  if (!URL.canParse(`https://${host}/`)) {
    throw new UsageError('INVALID_REFERENCE', `${JSON.stringify(registry)} is not a registry host`, {
      hint: 'write host or host:port',
    });
  }
  const secure = new URL(`https://${host}/`);
  const isPlain = plainHttp ?? (isLoopbackHost(secure.hostname) && !(await speaksTls(secure)));
  return isPlain ? new URL(`http://${host}/`) : secure;
}

/** Whether the port answers a TLS greeting. @throws RegistryError, to be tried again, when nobody listens. */
function speaksTls(url: URL): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: bareHost(url.hostname),
      port: url.port === '' ? 443 : Number(url.port),
      rejectUnauthorized: false, // nothing is sent or believed: the real connection checks the certificate
    });
    const decide = (speaks: boolean): void => {
      socket.destroy();
      resolve(speaks);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => decide(true));
    socket.once('secureConnect', () => decide(true));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') reject(networkFailure({ method: 'GET', url }, error));
      else decide(false);
    });
  });
}
