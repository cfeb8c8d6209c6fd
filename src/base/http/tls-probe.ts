/** Finds out whether a port speaks TLS. */
import { connect } from 'node:tls';
import { systemCode } from '../files/system-errors.ts';
import { bareHost } from './network-policy.ts';

/** A TLS greeting on loopback is answered at once or not at all. */
const PROBE_TIMEOUT_MS = 3_000;

/** Whether the port answers a TLS greeting. @throws the network's own error when nothing listens. */
export function speaksTls(url: URL): Promise<boolean> {
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
    socket.on('error', (error: Error) => {
      if (systemCode(error) === 'ECONNREFUSED') reject(error);
      else decide(false);
    });
  });
}
