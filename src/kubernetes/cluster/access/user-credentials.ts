/** What a user shows to the API server, and until when it holds. */
import * as z from 'zod';
import { isAbsolute, resolve } from 'node:path';
import { readBounded } from '../../../base/files/read-file.ts';
import type { Environment } from '../../../base/http/proxy.ts';
import { parseJson } from '../../../base/json/parse-json.ts';
import { callProgram, type ProgramResult } from '../../../base/programs/run-program.ts';
import { AuthError, NotFoundError, UsageError } from '../../../errors.ts';
import type { ClusterAccess, ClusterUser } from './cluster-access.ts';
import type { ExecPlugin } from './kubeconfig-schema.ts';

/** A token that lies in a file is read again after this time, as client-go does. */
const FILE_TOKEN_MS = 60_000;
/** A login in a browser takes a person some time. */
const PLUGIN_TIMEOUT_MS = 120_000;
/** Credentials that end sooner are not used for another request. */
const MARGIN_MS = 10_000;
const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_TOKEN_BYTES = 64 * 1024;

/** Credentials of a time. */
export interface UserCredentials {
  /** `Authorization` and the headers of impersonation. */
  readonly headers: Readonly<Record<string, string>>;
  /** A client certificate that a plugin gave. */
  readonly pair?: { readonly cert: string; readonly key: string } | undefined;
  /** Milliseconds of the epoch from which they are no longer used; absent where that is not known. */
  readonly untilMs?: number | undefined;
}

const ExecCredential = z.object({
  kind: z.literal('ExecCredential'),
  status: z.object({
    token: z.string().max(MAX_TOKEN_BYTES).optional(),
    clientCertificateData: z.string().max(MAX_ANSWER_BYTES).optional(),
    clientKeyData: z.string().max(MAX_ANSWER_BYTES).optional(),
    expirationTimestamp: z.string().max(100).nullish(),
  }),
});

/**
 * Gets the credentials of a user: what the kubeconfig has, what a file holds now, or what its program gives.
 * @throws AuthError `UNAUTHENTICATED` when the program gives none. @throws UsageError `USAGE` when it is not installed.
 * @throws NotFoundError when the file of the token is not there.
 */
export async function readUserCredentials(
  access: ClusterAccess,
  environment: Environment,
  { nowMs, signal }: { readonly nowMs: number; readonly signal?: AbortSignal | undefined },
): Promise<UserCredentials> {
  const { user } = access;
  const impersonation = impersonationOf(user);
  if (user.tokenFile !== undefined) {
    const options = { what: 'a token', limit: MAX_TOKEN_BYTES };
    const token = (await readBounded(user.tokenFile, options)).toString('utf8').trim();
    return { headers: { ...bearer(token), ...impersonation }, untilMs: nowMs + FILE_TOKEN_MS };
  }
  if (user.token !== undefined) return { headers: { ...bearer(user.token), ...impersonation } };
  if (user.basic !== undefined) {
    const pair = Buffer.from(`${user.basic.username}:${user.basic.password}`).toString('base64');
    return { headers: { authorization: `Basic ${pair}`, ...impersonation } };
  }
  if (user.exec === undefined) return { headers: impersonation };
  const { headers, ...rest } = await askPlugin(user.exec, access, environment, signal);
  return { headers: { ...headers, ...impersonation }, ...rest };
}

/** Whether credentials may be used for a request that begins now. */
export function areCurrent({ untilMs }: UserCredentials, nowMs: number): boolean {
  return untilMs === undefined || nowMs < untilMs;
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

function impersonationOf({ impersonates }: ClusterUser): Record<string, string> {
  if (impersonates === undefined) return {};
  const { user, group } = impersonates;
  return { 'impersonate-user': user, ...(group === undefined ? {} : { 'impersonate-group': group }) };
}

/** @see https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins */
async function askPlugin(
  plugin: ExecPlugin,
  access: ClusterAccess,
  environment: Environment,
  signal: AbortSignal | undefined,
): Promise<UserCredentials> {
  const { exitCode, stdout, said } = await callPlugin(plugin, access, environment, signal);
  const refuse = (why: string): AuthError =>
    new AuthError('UNAUTHENTICATED', `${plugin.command} of user ${access.user.name} ${why}${said}`, {
      hint: plugin.installHint ?? `run it by hand: ${[plugin.command, ...(plugin.args ?? [])].join(' ')}`,
    });
  if (exitCode !== 0) throw refuse(`ended with ${exitCode ?? 'a signal'}`);
  let answer: z.infer<typeof ExecCredential>;
  try {
    answer = ExecCredential.parse(parseJson(stdout, { maxBytes: MAX_ANSWER_BYTES, reading: 'lenient' }));
  } catch {
    throw refuse('gave no ExecCredential');
  }
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = answer.status;
  if (token === undefined && (cert === undefined || key === undefined))
    throw refuse('gave neither token nor certificate');
  const endMs = Date.parse(expirationTimestamp ?? '');
  return {
    headers: token === undefined ? {} : bearer(token),
    ...(cert === undefined || key === undefined ? {} : { pair: { cert, key } }),
    ...(Number.isNaN(endMs) ? {} : { untilMs: endMs - MARGIN_MS }),
  };
}

async function callPlugin(
  plugin: ExecPlugin,
  { server, origin, user }: ClusterAccess,
  environment: Environment,
  signal: AbortSignal | undefined,
): Promise<ProgramResult & { readonly said: string }> {
  const { apiVersion, command, args, env, provideClusterInfo } = plugin;
  const cluster = {
    server: server.href,
    ...(origin.ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(origin.ca).toString('base64') }),
    ...(origin.serverName === undefined ? {} : { 'tls-server-name': origin.serverName }),
  };
  const info = {
    apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(provideClusterInfo === true ? { cluster } : {}) },
  };
  // A path with a slash in it starts from the folder of the kubeconfig; a bare name is looked for in PATH.
  const isPath = command.includes('/') && !isAbsolute(command);
  const program = isPath ? resolve(user.execDirectory ?? '.', command) : command;
  let said = '';
  try {
    const result = await callProgram(program, args ?? [], new Uint8Array(0), {
      environment: {
        ...environment,
        ...Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
        KUBERNETES_EXEC_INFO: JSON.stringify(info),
      },
      timeoutMs: PLUGIN_TIMEOUT_MS,
      ownGroup: true,
      signal,
      onStderr: (text) => (said = `${said}${text}`.slice(-500)),
    });
    return { ...result, said: said.trim() === '' ? '' : `: ${said.trim()}` };
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    throw new UsageError('USAGE', `the program ${command}, which logs user ${user.name} in, is not installed`, {
      hint: plugin.installHint ?? `install ${command}, or use another context`,
      cause: error,
    });
  }
}
