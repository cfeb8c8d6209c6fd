/** A token server for docker-registry: real ES256 tokens for one account, pull for everybody. */
import { execFile } from 'node:child_process';
import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ACCOUNT, type TokenAuth } from './docker-registry.ts';

const run = promisify(execFile);

export interface TokenServerOptions {
  /** Seconds a token is said to live. @defaultValue 60 */
  readonly lifeS?: number | undefined;
  /** Seconds a token really lives. @defaultValue `lifeS` */
  readonly realLifeS?: number | undefined;
  /** Answers 401 to token requests that name more than one repository. */
  readonly refusesPairs?: boolean | undefined;
}

/** A running token server and what it was asked. */
export interface TokenServer extends AsyncDisposable {
  readonly auth: TokenAuth;
  /** Every request: its scopes, method and account. */
  readonly asked: { readonly method: string; readonly scopes: readonly string[]; readonly user: string }[];
  /** The refresh token the OAuth2 form accepts. */
  readonly refreshToken: string;
}

export async function startTokenServer(options: TokenServerOptions = {}): Promise<TokenServer> {
  const directory = await mkdtemp(join(tmpdir(), 'token-server-'));
  const [keyFile, certFile] = [join(directory, 'token.key'), join(directory, 'token.pem')];
  await run('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile,
    '-out', certFile, '-days', '2', '-subj', '/CN=tokens',
  ]); // prettier-ignore
  const key = createPrivateKey(await readFile(keyFile));
  const chain = [(await readFile(certFile, 'utf8')).replaceAll(/-----[^-]+-----|\s/g, '')];
  const lifeS = options.lifeS ?? 60;
  const realLifeS = options.realLifeS ?? lifeS;
  const refreshToken = randomUUID();
  const asked: TokenServer['asked'] = [];

  const issue = (user: string, service: string, scopes: readonly string[]): string => {
    const access = scopes.flatMap((scope) => {
      const [, type, name, actions] = /^([^:]+):(.+):([^:]+)$/.exec(scope) ?? [];
      const allowed = (actions ?? '').split(',').filter((action) => user !== '' || action === 'pull');
      return type === undefined ? [] : [{ type, name, actions: allowed }];
    });
    const now = Math.floor(Date.now() / 1000);
    const head = encode({ typ: 'JWT', alg: 'ES256', x5c: chain });
    const claims = { iss: 'test-issuer', sub: user, aud: service, iat: now, nbf: now - 5, exp: now + realLifeS };
    const body = encode({ ...claims, jti: randomUUID(), access });
    const signature = sign('sha256', Buffer.from(`${head}.${body}`), { key, dsaEncoding: 'ieee-p1363' });
    return `${head}.${body}.${signature.toString('base64url')}`;
  };

  const server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '/', 'http://token.test');
      const form = request.method === 'POST' ? new URLSearchParams(await bodyOf(request)) : url.searchParams;
      const scopes = form.getAll('scope').flatMap((scope) => scope.split(' '));
      const [user = '', ...rest] = basicOf(request).split(':');
      const isKnown =
        request.method === 'POST'
          ? form.get('refresh_token') === refreshToken
          : user === ACCOUNT.username && rest.join(':') === ACCOUNT.password;
      const account = isKnown ? ACCOUNT.username : '';
      asked.push({ method: request.method ?? '', scopes, user: account });
      const isPair = new Set(scopes.map((scope) => scope.split(':')[1])).size > 1;
      if ((!isKnown && (user !== '' || request.method === 'POST')) || (isPair && options.refusesPairs === true)) {
        response
          .writeHead(401, { 'content-type': 'application/json' })
          .end('{"details":"incorrect username or password"}');
        return;
      }
      const token = issue(account, form.get('service') ?? '', scopes);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ access_token: token, expires_in: lifeS, issued_at: new Date().toISOString() }));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    auth: {
      realm: `http://127.0.0.1:${port}/token`,
      service: 'test-service',
      issuer: 'test-issuer',
      rootCertBundle: certFile,
    },
    asked,
    refreshToken,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function basicOf(request: IncomingMessage): string {
  return Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString();
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
