/** `airgap login`: checks a user name and password at a registry, and keeps them where Docker and podman look. */
import { UsageError } from '../../../errors.ts';
import { argument, defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { readPassword } from '../../inputs/password.ts';
import { loginOptions, type LoginOptions } from '../../options/login-options.ts';
import { listenTo } from '../../output/registry-lines.ts';

export const login = defineCommand({
  name: 'login',
  summary: 'check a user name and password at a registry, and keep them where Docker and podman look',
  examples: [
    'login registry.internal:5000 --username robot',
    'login registry.internal:5000 --username robot --ca-file ca.pem --password-stdin < password.txt',
  ],
  arguments: { registry: argument('registry', 'host[:port]') },
  options: loginOptions,
  run: (context, { registry }, options) => logInAndReport(context, registry, options),
});

/** Logs in and says where the login is kept. */
export async function logInAndReport(context: Context, word: string, options: LoginOptions): Promise<void> {
  const { output, env, signal } = context;
  const { parseRegistryHost } = await import('../../../release/mapping/target-address.ts');
  const { assertCaFile } = await import('../../../base/http/tls-files.ts');
  const { logIn } = await import('../../../operations/login.ts');
  const registry = parseRegistryHost(word);
  const { username = '', passwordFile, passwordStdin, plainHttp, insecure, caFile, allowHost } = options;
  if (username === '') {
    throw new UsageError('USAGE', `no user name for ${registry}`, { hint: 'give --username NAME' });
  }
  assertCaFile(caFile);
  const subject = `${username} at ${registry}`;
  const password = await readPassword(context, { subject, passwordFile, passwordStdin });
  const { path, helper, checked, narrower } = await logIn({
    ...{ registry, username, password, insecure, caFile, signal },
    plainHttp: plainHttp ? true : undefined,
    allowHosts: allowHost,
    environment: env,
    listener: listenTo(output),
  });
  const document = { registry, username, checked, authFile: path, ...(helper === undefined ? {} : { helper }) };
  output.result(document, [
    `logged in: ${subject}`,
    `  kept in  ${helper === undefined ? path : `docker-credential-${helper}, which ${path} names`}`,
  ]);
  if (!checked) output.note(`${registry} answers without a login, so that the password could not be checked`);
  for (const each of narrower) output.note(`${each} has a login of its own, which goes before this one`);
}
