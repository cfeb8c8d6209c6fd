/** Asks a `docker-credential-*` program for the credentials of one registry. */
import { execFile } from 'node:child_process';
import { AuthError, UsageError } from '../../../errors.ts';
import type { Environment } from '../../../base/http/proxy.ts';
import type { Credentials } from './account.ts';

const HELPER_TIMEOUT_MS = 30_000;
const MAX_HELPER_OUTPUT_BYTES = 256 * 1024;
const HELPER_NAME = /^[A-Za-z0-9._+-]+$/;
/** The user name by which a helper marks its secret as an identity token. */
const TOKEN_USER = '<token>';

/**
 * Credentials from `docker-credential-<name> get`; undefined when the helper has none for this server.
 * @throws UsageError `USAGE` when the helper cannot be run, AuthError `UNAUTHENTICATED` when it fails.
 * @see https://github.com/docker/docker-credential-helpers#development
 */
export async function askHelper(
  name: string,
  server: string,
  environment: Environment,
  signal?: AbortSignal,
): Promise<Credentials | undefined> {
  if (!HELPER_NAME.test(name)) {
    throw new UsageError('USAGE', `${JSON.stringify(name.slice(0, 60))} is not the name of a credential helper`, {
      hint: 'fix credsStore or credHelpers in the auth file',
    });
  }
  const program = `docker-credential-${name}`;
  const { failure, stdout } = await run(program, server, environment, signal);
  if (failure !== undefined) {
    if (/credentials not found|no credentials/i.test(stdout)) return undefined;
    if ('code' in failure && failure.code === 'ENOENT') {
      throw new UsageError('USAGE', `the credential helper ${program} of ${server} is not installed`, {
        cause: failure,
        hint: `install ${program}, or remove it from the auth file and log in again`,
      });
    }
    throw new AuthError('UNAUTHENTICATED', `${program} could not give credentials for ${server}`, {
      hint: `run: echo ${server} | ${program} get`,
    });
  }
  return readAnswer(program, stdout);
}

function readAnswer(program: string, stdout: string): Credentials | undefined {
  let json: unknown;
  try {
    json = JSON.parse(stdout);
  } catch {
    json = undefined;
  }
  if (typeof json !== 'object' || json === null) {
    throw new AuthError('UNAUTHENTICATED', `${program} did not answer with JSON`, { hint: 'reinstall the helper' });
  }
  const { Username: username, Secret: secret } = json as Record<string, unknown>;
  if (typeof username !== 'string' || typeof secret !== 'string' || secret === '') return undefined;
  if (username === TOKEN_USER) return { identityToken: secret };
  return username === '' ? undefined : { username, password: secret };
}

function run(
  program: string,
  input: string,
  environment: Environment,
  signal: AbortSignal | undefined,
): Promise<{ failure: Error | undefined; stdout: string }> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      ['get'],
      {
        env: { ...environment },
        timeout: HELPER_TIMEOUT_MS,
        maxBuffer: MAX_HELPER_OUTPUT_BYTES,
        ...(signal === undefined ? {} : { signal }),
      },
      (error, stdout) => {
        if (signal?.aborted === true) reject(signal.reason as Error);
        else resolve({ failure: error ?? undefined, stdout });
      },
    );
    child.stdin?.on('error', () => undefined); // a helper that ends without reading is judged by its exit
    child.stdin?.end(input);
  });
}
