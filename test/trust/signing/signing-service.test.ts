/** One exchange with a service that helps to sign: what is believed of its answer, and what is never said. */
import { expect, test } from 'vitest';
import { askService, below, MAX_ANSWER_BYTES, parseServiceUrl } from '../../../src/trust/signing/signing-service.ts';
import { drain, startScriptedServer, type ScriptedServer } from '../../helpers/scripted-server.ts';

const SECRET = 't0ken';

async function ask(status: number, body: string | Buffer, more: { readonly secret?: string } = { secret: SECRET }) {
  await using server: ScriptedServer = await startScriptedServer(async (request, response) => {
    await drain(request);
    response.writeHead(status).end(body);
  });
  const url = new URL(`http://${server.host}/sign?x=${SECRET}`);
  const request = { what: 'the authority', url, headers: {}, body: Buffer.from('please'), ...more };
  return await askService(request, { environment: {} });
}

test('an answer of success is given back whole', async () => {
  expect((await ask(201, 'done')).toString()).toBe('done');
  expect(await ask(200, Buffer.alloc(MAX_ANSWER_BYTES))).toHaveLength(MAX_ANSWER_BYTES);
});

test.each([
  [400, 'STORE_IO', 'failed: status 400, no such thing'],
  [500, 'STORE_IO', 'failed: status 500, no such thing'],
  [302, 'STORE_IO', 'failed: status 302, no such thing'],
  [401, 'DENIED', 'refuses: status 401, no such thing'],
  [403, 'DENIED', 'refuses: status 403, no such thing'],
])('the status %i is %s', async (status, code, words) => {
  await expect(ask(status, 'no such thing')).rejects.toMatchObject({
    code,
    message: expect.stringMatching(new RegExp(`^the authority http://[^?]+/sign ${words}$`)) as string,
  });
});

test('a secret that the service repeats is not repeated here, and a status without words has none', async () => {
  await expect(ask(400, `bad ${SECRET}, ${SECRET}!`)).rejects.toThrow(/status 400, bad \*\*\*, \*\*\*!$/);
  await expect(ask(400, 'bad', { secret: '' })).rejects.toThrow(/status 400, bad$/);
  await expect(ask(400, 'bad', {})).rejects.toThrow(/status 400, bad$/);
  await expect(ask(400, '')).rejects.toThrow(/status 400$/);
  await expect(ask(400, 'x'.repeat(301))).rejects.toThrow(new RegExp(`, ${'x'.repeat(300)}$`));
});

test('an answer without end is not waited for', async () => {
  await expect(ask(200, Buffer.alloc(MAX_ANSWER_BYTES + 1))).rejects.toThrow('an answer of more than 262144 bytes');
});

test.each([
  ['https://signer.example/api', true],
  ['http://127.0.0.1:3000/', true],
  ['http://signer.example/', false],
  ['https://user@signer.example/', false],
  ['https://signer.example/?a=b', false],
  ['https://signer.example/#a', false],
  ['signer.example', false],
])('%s as the address of a service: %s', (text, isTaken) => {
  if (isTaken) expect(parseServiceUrl(text, '--url').href).toContain('//');
  else expect(() => parseServiceUrl(text, '--url')).toThrow(`--url ${text} is not an https:// URL`);
});

test('a path is put below an address with one slash', () => {
  expect(below(new URL('https://a.example/b/'), '/c').href).toBe('https://a.example/b/c');
  expect(below(new URL('https://a.example'), '/c').href).toBe('https://a.example/c');
});
