/** Asks a `docker-credential-*` program for the credentials of one registry, and has it keep or forget them. */
import { parseJson } from '../../../base/json/parse-json.ts';
import { callProgram, type ProgramResult } from '../../../base/programs/run-program.ts';
import { AuthError, NotFoundError, UsageError } from '../../../errors.ts';
import type { Environment } from '../../../base/http/proxy.ts';
import type { Credentials } from './account.ts';

/** What a program may print at all. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const HELPER_TIMEOUT_MS = 30_000;
const HELPER_NAME = /^[A-Za-z0-9._+-]+$/;
/** The user name by which a helper marks its secret as an identity token. */
const TOKEN_USER = '<token>';

/**
 * Credentials from `docker-credential-<name> get`; undefined when the helper has none for this server.
 * @throws UsageError `USAGE` when the helper is not there, StoreError `STORE_IO` when it cannot be run, does not end, or says
 *   too much, AuthError `UNAUTHENTICATED` when it fails.
 * @see https://github.com/docker/docker-credential-helpers#development
 */
export async function askHelper(
  name: string,
  server: string,
  environment: Environment,
  signal?: AbortSignal,
): Promise<Credentials | undefined> {
  const program = programOf(name);
  const { exitCode, stdout } = await call(program, 'get', { server, input: server, environment, signal });
  const said = stdout.toString('utf8');
  if (exitCode === 0) return readAnswer(program, said);
  if (/credentials not found|no credentials/i.test(said)) return undefined;
  throw new AuthError('UNAUTHENTICATED', `${program} could not give credentials for ${server}`, {
    hint: `run: echo ${server} | ${program} get`,
  });
}

/**
 * Has `docker-credential-<name> store` keep a user name and password, in the place of what it has for this server.
 * @throws as {@link askHelper}
 */
export async function storeInHelper(
  name: string,
  server: string,
  { username, password }: { readonly username: string; readonly password: string },
  environment: Environment,
  signal?: AbortSignal,
): Promise<void> {
  const program = programOf(name);
  const input = JSON.stringify({ ServerURL: server, Username: username, Secret: password });
  const { exitCode } = await call(program, 'store', { server, input, environment, signal });
  if (exitCode === 0) return;
  // What it said is not repeated: it was given the password.
  throw new AuthError('UNAUTHENTICATED', `${program} could not keep the credentials for ${server}`, {
    hint: `unlock what ${program} keeps them in, or remove it from the auth file and log in again`,
  });
}

/**
 * Has `docker-credential-<name> erase` forget what it has for this server.
 * @throws as {@link askHelper}
 */
export async function eraseFromHelper(
  name: string,
  server: string,
  environment: Environment,
  signal?: AbortSignal,
): Promise<void> {
  const program = programOf(name);
  const { exitCode } = await call(program, 'erase', { server, input: server, environment, signal });
  if (exitCode === 0) return;
  throw new AuthError('UNAUTHENTICATED', `${program} could not erase the credentials for ${server}`, {
    hint: `run: echo ${server} | ${program} erase`,
  });
}

function programOf(name: string): string {
  if (HELPER_NAME.test(name)) return `docker-credential-${name}`;
  throw new UsageError('USAGE', `${JSON.stringify(name.slice(0, 60))} is not the name of a credential helper`, {
    hint: 'fix credsStore or credHelpers in the auth file',
  });
}

function readAnswer(program: string, stdout: string): Credentials | undefined {
  let json: unknown;
  try {
    json = parseJson(stdout, { maxBytes: MAX_ANSWER_BYTES, reading: 'lenient' });
  } catch {
    json = undefined;
  }
  if (typeof json !== 'object' || json === null) {
    throw new AuthError('UNAUTHENTICATED', `${program} did not answer with JSON`, {
      hint: `reinstall ${program}, or remove it from the auth file and log in again`,
    });
  }
  const { Username: username, Secret: secret } = json as Record<string, unknown>;
  if (typeof username !== 'string' || typeof secret !== 'string' || secret === '') return undefined;
  if (username === TOKEN_USER) return { identityToken: secret };
  return username === '' ? undefined : { username, password: secret };
}

/** What a helper is told. */
interface HelperCall {
  readonly server: string;
  readonly input: string;
  readonly environment: Environment;
  readonly signal: AbortSignal | undefined;
}

async function call(
  program: string,
  action: 'get' | 'store' | 'erase',
  { server, input, environment, signal }: HelperCall,
): Promise<ProgramResult> {
  try {
    const options = { environment, timeoutMs: HELPER_TIMEOUT_MS, signal };
    return await callProgram(program, [action], Buffer.from(input), options);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    throw new UsageError('USAGE', `the credential helper ${program} of ${server} is not installed`, {
      cause: error,
      hint: `install ${program}, or remove it from the auth file and log in again`,
    });
  }
}
