/** What registries echo must not bring secrets back, and must not take over a terminal. */
import { describe, expect, it } from 'vitest';
import { readVerified } from '../../../src/content/verified.ts';
import { redactText, secretsOf, showText } from '../../../src/base/http/redact.ts';
import {
  createRegistryHost,
  openRepository,
  type RegistryHostOptions,
} from '../../../src/stores/registry/registry-hosts.ts';
import type { RegistryRepository } from '../../../src/stores/registry/repository.ts';
import { madeBlob } from '../../helpers/image.ts';
import { startScriptedServer } from '../../helpers/scripted-server.ts';

const PASSWORD = 'correct-horse battery/staple';
const BASIC = Buffer.from(`robot:${PASSWORD}`).toString('base64');
const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl';
const { descriptor } = madeBlob('content');
const retry = { tries: 2, baseMs: 1, maxMs: 2 };

describe('text is cleaned of', () => {
  it.each([
    ['an Authorization header', `got Authorization: Bearer ${JWT}`, 'got Authorization: ***'],
    ['a Basic header in a sentence', 'header "Basic cm9ib3Q6cDRzcw==" refused', 'header "Basic ***" refused'],
    ['a token in a sentence', `the token ${JWT} has expired`, 'the token *** has expired'],
    ['an opaque bearer token', 'Bearer 8f3b0c1d-2e44 is unknown', 'Bearer *** is unknown'],
    ['a password in JSON', '{"user":"a","password":"hunter2 !"}', '{"user":"a","password":***}'],
    ['a password in a form', 'user=a&password=hunter2&x=1', 'user=a&password=***&x=1'],
    ['a token in JSON', '{"access_token":"abc123"}', '{"access_token":***}'],
    ['a refresh token in a form', 'refresh_token=abcdef&x=1', 'refresh_token=***&x=1'],
    ['the query of a URL', 'GET https://s3.example/b/k?X-Amz-Signature=ab12&x=1 failed', 'GET https://s3.example/b/k?*** failed'],
    ['the account in a URL', 'see https://robot:hunter2@r.example/v2/', 'see https://r.example/v2/'],
    ['a signed path', 'path /bucket/key?X-Goog-Signature=ab12 is gone', 'path /bucket/key?*** is gone'],
  ])('%s', (_, text, cleaned) => {
    expect(redactText(text)).toBe(cleaned);
  }); // prettier-ignore

  it.each([
    'basic authentication is required',
    'invalid token: token expired',
    'bearer authentication failed for repository a/b',
    'manifest unknown: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
    'see https://docs.example/errors#denied',
    'unauthorized to access repository: a/b, action: push',
  ])('nothing in %j', (text) => {
    expect(redactText(text)).toBe(text);
  });

  it('what was sent, in every form it may come back in', () => {
    const url = new URL('https://s3.example/b/k?X-Amz-Signature=0f0f%2F0f0f&n=100');
    const secrets = secretsOf({ Authorization: `Basic ${BASIC}` }, url);
    for (const echo of [
      BASIC,
      PASSWORD,
      `robot:${PASSWORD}`,
      encodeURIComponent(PASSWORD),
      '0f0f/0f0f',
      '0f0f%2F0f0f',
    ]) {
      expect(redactText(`you said ${echo}, and n=100`, secrets)).toBe('you said ***, and n=100');
    }
    const form = Buffer.from('grant_type=refresh_token&refresh_token=opaque%2Bvalue&x=1');
    const known = secretsOf({}, new URL('https://r.example/'), form);
    expect(redactText('no opaque+value, no opaque%2Bvalue', known)).toBe('no ***, no ***');
  });
});

it('shows what a terminal would act upon', () => {
  expect(showText('a\x1b[2Jb\nc\u202ed\u2028e\u009bf')).toBe('a\\u{1b}[2Jb\\u{a}c\\u{202e}d\\u{2028}e\\u{9b}f');
  expect(showText('größer 馬 🐎')).toBe('größer 馬 🐎');
});

function open(host: string, options: RegistryHostOptions = {}): RegistryRepository & AsyncDisposable {
  const client = createRegistryHost(host, { environment: {}, plainHttp: true, retry, ...options });
  const repository = openRepository({ registry: host, repository: 'a/b' }, { host: client });
  return Object.assign(repository, { [Symbol.asyncDispose]: () => client.close() });
}

/** Everything that may be shown of an error, its causes too. */
function wordsOf(error: unknown): string {
  const { message, hint, failure, details, cause } = error as Record<string, unknown>;
  return JSON.stringify([message, hint, failure, details]) + (cause === undefined ? '' : wordsOf(cause));
}

describe('a registry that echoes', () => {
  it.each([400, 403, 404, 429, 500])('its request with %i gives none of it away', async (status) => {
    await using server = await startScriptedServer((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm=r' }).end();
        return;
      }
      const password = Buffer.from(request.headers.authorization.slice(6), 'base64').toString().slice(6);
      const message = `\x1b[2Jheaders ${JSON.stringify(request.headers)}, password ${password}`;
      const body = JSON.stringify({ errors: [{ code: `E ${request.headers.authorization}`, message }] });
      response.writeHead(status, { 'content-length': Buffer.byteLength(body), 'retry-after': '0' }).end(body);
    });
    await using repository = open(server.host, { credentials: { username: 'robot', password: PASSWORD } });
    const calls = [
      () => repository.fetchManifest('v1'),
      () => readVerified(repository, descriptor),
      () => repository.push(descriptor, (async function* () { yield Buffer.from('content'); })()),
    ]; // prettier-ignore
    for (const call of calls) {
      const error: unknown = await call().catch((caught: unknown) => caught);
      const words = wordsOf(error);
      expect(words).toContain(String(status));
      for (const secret of [PASSWORD, BASIC, encodeURIComponent(PASSWORD), '\\u001b'])
        expect(words).not.toContain(secret);
    }
  });

  it('the signed address it was redirected to gives no signature away', async () => {
    await using store = await startScriptedServer((request, response) => {
      const message = `no such key: http://${request.headers.host}${request.url} (${request.url})`;
      const body = JSON.stringify({ code: 'BAD', message });
      response.writeHead(400, { 'content-length': body.length }).end(body);
    });
    await using registry = await startScriptedServer((_, response) => {
      response.writeHead(307, { location: `http://${store.host}/b/k?X-Amz-Signature=5ec4e7000&X-Amz-Date=now` }).end();
    });
    await using repository = open(registry.host);
    const error: unknown = await readVerified(repository, descriptor).catch((caught: unknown) => caught);
    expect(wordsOf(error)).toContain('no such key');
    expect(wordsOf(error)).not.toContain('5ec4e7000');
  });

  it('the refresh token it was sent does not show it', async () => {
    const identityToken = 'opaque+refresh/value';
    await using server = await startScriptedServer(async (request, response) => {
      if (request.url?.startsWith('/token') === true) {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const message = `cannot use ${Buffer.concat(chunks).toString()} or ${identityToken}`;
        response.writeHead(400).end(JSON.stringify({ errors: [{ code: 'INVALID', message }] }));
        return;
      }
      const challenge = `Bearer realm="http://${request.headers.host}/token",service="s"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    });
    await using repository = open(server.host, { credentials: { identityToken } });
    const error: unknown = await repository.fetchManifest('v1').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(wordsOf(error)).toContain('cannot use');
    for (const secret of [identityToken, encodeURIComponent(identityToken)])
      expect(wordsOf(error)).not.toContain(secret);
  });
});
