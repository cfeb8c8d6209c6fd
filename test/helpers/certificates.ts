/** Makes a private certificate authority with server and client certificates, by openssl, in a directory. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PEM files, by what they are. */
export interface Certificates {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
}

/** A fresh authority, a server certificate for `127.0.0.1`, `localhost` and further addresses and names, and a client's. */
export async function makeCertificates(directory: string, hosts: readonly string[] = []): Promise<Certificates> {
  const path = (name: string): string => join(directory, name);
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    'req', '-x509', ...ec, '-keyout', path('ca.key'), '-out', path('ca.pem'), '-days', '2', '-subj', '/CN=Test CA',
  ]); // prettier-ignore
  const names = [
    'IP:127.0.0.1',
    'DNS:localhost',
    'DNS:registry.test',
    ...hosts.map((host) => `${isIP(host) === 0 ? 'DNS' : 'IP'}:${host}`),
  ];
  await writeFile(path('server.ext'), `subjectAltName=${names.join(',')}\n`);
  await writeFile(path('client.ext'), 'extendedKeyUsage=clientAuth\n');
  for (const name of ['server', 'client']) {
    await run('openssl', [
      'req', ...ec, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`), '-subj', `/CN=${name}`,
    ]); // prettier-ignore
    await run('openssl', [
      'x509', '-req', '-in', path(`${name}.csr`), '-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial',
      '-out', path(`${name}.pem`), '-days', '2', '-extfile', path(`${name}.ext`),
    ]); // prettier-ignore
  }
  return {
    caFile: path('ca.pem'),
    certFile: path('server.pem'),
    keyFile: path('server.key'),
    clientCertFile: path('client.pem'),
    clientKeyFile: path('client.key'),
  };
}
