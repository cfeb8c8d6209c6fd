/** Each way in which TLS goes wrong has its own next step, met for real where that can be made here. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { HttpClient, type HttpClientOptions } from '../../../src/base/http/client.ts';
import { cleanText, networkFailure, protocolFailure, type Peer } from '../../../src/base/http/network-failure.ts';
import { placeOf } from '../../../src/base/http/location.ts';
import { HttpError } from '../../../src/errors.ts';
import { makeCertificates } from '../../helpers/certificates.ts';
import { startScriptedServer } from '../../helpers/scripted-server.ts';
import { useTempDir } from '../../helpers/temp.ts';

const run = promisify(execFile);
const temp = useTempDir();
const PEER: Peer = {
  name: 'the store',
  specification: 'its specification',
  failure: (message, failure, options) => new HttpError('REGISTRY', message, failure, options),
};

describe.each([
  ['CERT_HAS_EXPIRED', /has expired: have it renewed, and check the clock here/],
  ['CERT_NOT_YET_VALID', /is not valid yet: check the clock here/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', /is for other names/],
  ['CERT_REVOKED', /is revoked/],
  ['SELF_SIGNED_CERT_IN_CHAIN', /private certificate authority.*--ca-file.*certs\.d\/r\.example\/ca\.crt/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /--ca-file/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /--ca-file/],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /--ca-file/],
  ['CERT_SIGNATURE_FAILURE', /--ca-file/],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /may want a client certificate.*client\.cert and client\.key/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', /does not speak TLS there.*--plain-http/],
  ['ERR_SSL_NO_PROTOCOLS_AVAILABLE', /do not agree on how to speak TLS/],
])('%s', (code, hint) => {
  it('has its own next step, and is not tried again', () => {
    const asked = { peer: PEER, method: 'GET', url: new URL('https://r.example/v2/') };
    const cause = Object.assign(new Error('nope; if the root CA is installed locally, try running Node.js with --use-system-ca'), { code }); // prettier-ignore
    const error = networkFailure(asked, cause);
    expect(error).toMatchObject({
      failure: { retryable: false, status: 0 },
      hint: expect.stringMatching(hint) as string,
    });
    expect(error.message).toBe(`GET https://r.example/v2/ failed: nope (${code})`);
  });
});

describe('a failure of the network', () => {
  const asked = { peer: PEER, method: 'GET', url: new URL('https://u:p@r.example/v2/?sig=s') };
  const coded = (code: string, message = code): Error => Object.assign(new Error(message), { code });

  it('may pass by itself, unless the host is not known', () => {
    expect(networkFailure(asked, coded('ECONNRESET'))).toMatchObject({
      message: 'GET https://r.example/v2/ failed: ECONNRESET (ECONNRESET)',
      failure: { method: 'GET', url: 'https://r.example/v2/', status: 0, retryable: true },
      hint: 'check that the store is reachable from here; the transfer can be started again',
    });
    expect(networkFailure(asked, coded('ENOTFOUND'))).toMatchObject({
      failure: { retryable: false },
      hint: 'check the spelling of the host name and the name server',
    });
  });

  it('is called by the code of its cause, up to four causes deep, and of the first of several', () => {
    const under = (cause: Error, depth: number): Error =>
      depth === 0 ? cause : under(new Error('wrapped', { cause }), depth - 1);
    expect(networkFailure(asked, under(coded('EPIPE'), 4)).message).toMatch(/ \(EPIPE\)$/);
    expect(networkFailure(asked, under(coded('EPIPE'), 5)).message).toMatch(/failed: wrapped$/);
    const several = new AggregateError([coded('ECONNREFUSED'), coded('ETIMEDOUT')], 'both');
    expect(networkFailure(asked, several).message).toMatch(/failed: both \(ECONNREFUSED\)$/);
    expect(networkFailure(asked, 'a word').message).toMatch(/failed: a word$/);
  });

  it('is none where the work was aborted, and ours stay as they are', () => {
    const stop = new AbortController();
    stop.abort('a word');
    expect(networkFailure(asked, coded('ECONNRESET'), stop.signal)).toMatchObject({ name: 'AbortError' });
    const reason = new Error('enough');
    expect(networkFailure(asked, coded('ECONNRESET'), AbortSignal.abort(reason))).toBe(reason);
    const abort = new DOMException('aborted', 'AbortError');
    expect(networkFailure(asked, abort)).toBe(abort);
    const own = protocolFailure(asked, 200, 'odd');
    expect(networkFailure(asked, own, new AbortController().signal)).toBe(own);
    expect(own).toMatchObject({
      message: 'GET https://r.example/v2/: odd',
      failure: { status: 200, retryable: false },
      hint: 'the store, or a proxy in front of it, does not follow its specification',
    });
  });

  it('is cut to what a message holds, after it was looked at', () => {
    expect(cleanText('x'.repeat(600), undefined)).toHaveLength(500);
    expect(cleanText(' \u0000 ', [])).toBe('\\u{0}');
    expect(cleanText(`${'y'.repeat(497)}hunter2-long`, ['hunter2-long'])).toBe(`${'y'.repeat(497)}***`);
  });
});

async function ask(url: string, options: Partial<HttpClientOptions> = {}): Promise<unknown> {
  const client = new HttpClient({ peer: PEER, environment: {}, certsDirectories: [], ...options });
  try {
    const place = placeOf(new URL(url));
    return await client.request({ method: 'GET', kind: 'test', place }).catch((error: unknown) => error);
  } finally {
    await client.close();
  }
}

async function withTls<T>(certFile: string, keyFile: string, use: (port: number) => Promise<T>): Promise<T> {
  const server = createTlsServer({ cert: await readFile(certFile), key: await readFile(keyFile) }, (_, response) => {
    response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('a real server', () => {
  it('with an unknown authority, and under another name', async () => {
    const { certFile, keyFile, caFile } = await makeCertificates(temp.path);
    await withTls(certFile, keyFile, async (port) => {
      expect(await ask(`https://127.0.0.1:${port}/`)).toMatchObject({
        hint: expect.stringContaining('--ca-file') as string,
        message: expect.not.stringContaining('system-ca') as string,
      });
      expect(await ask(`https://127.0.0.2:${port}/`, { caFile })).toMatchObject({ failure: { status: 0 } });
      expect(await ask(`https://127.0.0.1:${port}/`, { caFile })).toMatchObject({ status: 200 });
    });
  });

  it('with a certificate that has expired', async () => {
    const [certFile, keyFile] = [temp.join('old.pem'), temp.join('old.key')];
    // `openssl ca` alone takes dates.
    const config = temp.join('ca.cnf');
    await writeFile(
      config,
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${temp.join('index.txt')}\nserial=${temp.join('serial')}\nnew_certs_dir=${temp.path}\n` +
        'default_md=sha256\npolicy=p\nx509_extensions=x\nrand_serial=yes\n[p]\ncommonName=supplied\n[x]\nsubjectAltName=IP:127.0.0.1\nbasicConstraints=CA:TRUE\n',
    );
    await writeFile(temp.join('index.txt'), '');
    const csr = temp.join('old.csr');
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
    await run('openssl', ['req', ...key, '-out', csr, '-subj', '/CN=old']);
    const dates = ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'];
    await run('openssl', [
      ...['ca', '-batch', '-notext', '-selfsign', '-config', config, '-keyfile', keyFile],
      ...['-in', csr, '-out', certFile, ...dates],
    ]);
    await withTls(certFile, keyFile, async (port) => {
      expect(await ask(`https://127.0.0.1:${port}/`, { caFile: certFile })).toMatchObject({
        message: expect.stringContaining('CERT_HAS_EXPIRED') as string,
        hint: expect.stringContaining('have it renewed') as string,
      });
    });
  });

  it('that speaks no TLS', async () => {
    await using server = await startScriptedServer((_, response) => void response.end());
    expect(await ask(`https://${server.host}/`)).toMatchObject({
      hint: expect.stringContaining('does not speak TLS there') as string,
      failure: { retryable: false },
    });
  });
});
