/** A real RFC 3161 timestamp authority on loopback: `openssl ts` behind a small server, with a root and a leaf of its own. */
import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { PinnedTrustedRoot } from '../../src/trust/signatures/pinned-root-schema.ts';
import { runOk } from './run.ts';
import { drain, startScriptedServer, type Asked } from './scripted-server.ts';
import { makeTempDir } from './temp.ts';

type PinnedAuthority = NonNullable<PinnedTrustedRoot['timestampAuthorities']>[number];

/** An authority of one test. */
export interface TimestampAuthority extends AsyncDisposable {
  readonly url: string;
  /** Its entry in a trusted root. */
  readonly pinned: PinnedAuthority;
  readonly asked: readonly Asked[];
}

export interface TimestampAuthorityOptions {
  /** Kind of its keys. @defaultValue `ec` */
  readonly keys?: 'ec' | 'rsa' | undefined;
  /** Changes an answer before it is sent. */
  readonly tamper?: ((answer: Buffer, request: Buffer) => Buffer | Promise<Buffer>) | undefined;
}

const KEYS = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  rsa: ['-newkey', 'rsa:2048'],
} as const;

const CONFIG = `[tsa]
default_tsa = clock
[clock]
serial = serial
signer_cert = leaf.pem
signer_key = leaf.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`;

/** Makes an authority and starts it. */
export async function startTimestampAuthority(options: TimestampAuthorityOptions = {}): Promise<TimestampAuthority> {
  const { keys = 'ec', tamper = (answer: Buffer) => answer } = options;
  const temp = await makeTempDir();
  const openssl = (...args: readonly string[]): Promise<unknown> => runOk('openssl', args, { cwd: temp.path });
  await writeFile(temp.join('ts.conf'), CONFIG);
  await writeFile(temp.join('serial'), '01\n');
  const made = ['-nodes', '-days', '3650', ...KEYS[keys]];
  await openssl('req', '-x509', ...made, '-keyout', 'root.key', '-out', 'root.pem', '-subj', '/CN=clock root');
  await openssl(
    'req',
    '-new',
    ...made.slice(3),
    '-nodes',
    '-keyout',
    'leaf.key',
    '-out',
    'leaf.csr',
    '-subj',
    '/CN=clock',
  );
  await openssl(
    ...['x509', '-req', '-in', 'leaf.csr', '-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-days', '3650'],
    ...['-extfile', 'ts.conf', '-extensions', 'leaf', '-out', 'leaf.pem'],
  );
  // One at a time: the serial number is kept in a file.
  let turn: Promise<unknown> = Promise.resolve();
  const server = await startScriptedServer(async (request, response) => {
    const query = await drain(request);
    const answer = turn.then(async () => {
      await writeFile(temp.join('query'), query);
      await openssl('ts', '-reply', '-config', 'ts.conf', '-queryfile', 'query', '-out', 'reply');
      return readFile(temp.join('reply'));
    });
    turn = answer.catch(() => undefined);
    const bytes = await tamper(await answer, query);
    response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(bytes);
  });
  const certificates = await Promise.all(
    ['leaf.pem', 'root.pem'].map(async (name) => new X509Certificate(await readFile(temp.join(name)))),
  );
  return {
    url: `http://${server.host}`,
    asked: server.asked,
    pinned: {
      uri: `http://${server.host}`,
      certChain: { certificates: certificates.map(({ raw }) => ({ rawBytes: raw.toString('base64') })) },
      validFor: { start: new Date(Date.now() - 3_600_000).toISOString() },
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await temp[Symbol.asyncDispose]();
    },
  };
}
