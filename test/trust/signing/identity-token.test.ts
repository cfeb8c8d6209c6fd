/** Where the token that says who signs comes from, which one is taken, and which is not good enough. */
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { getIdentityToken, type IdentityToken } from '../../../src/trust/signing/identity-token.ts';
import { startScriptedServer } from '../../helpers/scripted-server.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const NOW = new Date('2026-01-31T12:00:00Z');
const SECONDS = NOW.getTime() / 1000;

function tokenOf(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ iss: 'https://i.example', ...claims })}.x`;
}
const token = tokenOf({ sub: 'job', exp: SECONDS + 1 });
const get = (environment: Readonly<Record<string, string>>, file?: string): Promise<IdentityToken> =>
  getIdentityToken({ environment, file, now: () => NOW });

test('a file comes before the environment, and SIGSTORE_ID_TOKEN before the job', async () => {
  const file = temp.join('token');
  await writeFile(file, `${token}\n`);
  const other = tokenOf({ sub: 'other' });
  expect(await get({ SIGSTORE_ID_TOKEN: other }, file)).toEqual({ text: token, subject: 'job' });
  const job = { ACTIONS_ID_TOKEN_REQUEST_URL: 'http://127.0.0.1:1/', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x' };
  expect(await get({ ...job, SIGSTORE_ID_TOKEN: ` ${other}\n` })).toEqual({ text: other, subject: 'other' });
});

test('a job is asked for a token, with its own secret, for the audience that Fulcio expects', async () => {
  await using server = await startScriptedServer((_, response, nth) => {
    response.end(JSON.stringify(nth === 0 ? { value: token } : { value: '' }));
  });
  const environment = {
    SIGSTORE_ID_TOKEN: '',
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://${server.host}/token?v=1`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner-secret',
  };
  expect(await get(environment)).toEqual({ text: token, subject: 'job' });
  expect(server.asked).toEqual([
    expect.objectContaining({
      url: '/token?v=1&audience=sigstore',
      headers: expect.objectContaining({ authorization: 'Bearer runner-secret' }) as object,
    }),
  ]);
  await expect(get(environment)).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: `the token service http://${server.host} answered without a token`,
  });
  await expect(get({ ...environment, ACTIONS_ID_TOKEN_REQUEST_URL: 'nowhere' })).rejects.toMatchObject({
    code: 'USAGE',
    message: 'ACTIONS_ID_TOKEN_REQUEST_URL is not a URL',
  });
});

test.each([
  ['ACTIONS_ID_TOKEN_REQUEST_URL', 'http://127.0.0.1:1/'],
  ['ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'x'],
  ['SIGSTORE_ID_TOKEN', ''],
])('%s alone is no token, and it is said what is needed', async (name, value) => {
  await expect(get({ [name]: value })).rejects.toMatchObject({
    code: 'USAGE',
    message: 'no identity token to sign with',
    hint: expect.stringContaining('id-token: write') as string,
  });
});

test('a token is good until the second it names, and says who signs by mail address first', async () => {
  const at = (exp: number): Promise<IdentityToken> =>
    get({ SIGSTORE_ID_TOKEN: tokenOf({ sub: 's', email: 'e', exp }) });
  expect(await at(SECONDS + 1)).toMatchObject({ subject: 'e' });
  await expect(at(SECONDS)).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: 'the token of SIGSTORE_ID_TOKEN expired at 2026-01-31T12:00:00.000Z',
  });
  await expect(at(-1e300)).rejects.toThrow('expired at no time at all');
  for (const text of ['no token', 'a.b.c', tokenOf({}), tokenOf({ sub: '' })]) {
    const refused = get({ SIGSTORE_ID_TOKEN: text });
    await expect(refused).rejects.toThrow('SIGSTORE_ID_TOKEN does not hold an OpenID Connect token');
    await expect(refused).rejects.not.toThrow(text);
  }
});
