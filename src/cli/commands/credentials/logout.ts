/** `airgap logout`: forgets the login of a registry. */
import { argument, defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';

export const logout = defineCommand({
  name: 'logout',
  summary: 'forget the login of a registry; those of other registries, and of single repositories, stay',
  examples: ['logout registry.internal:5000'],
  arguments: { registry: argument('registry', 'host[:port]') },
  options: {},
  run: (context, { registry }) => logOutAndReport(context, registry),
});

/** Forgets a login and says where it was, and which ones are left. */
export async function logOutAndReport({ output, env, signal }: Context, word: string): Promise<void> {
  const { parseRegistryHost } = await import('../../../release/mapping/target-address.ts');
  const { eraseLogin, findLogins } = await import('../../../stores/registry/auth/stored-login.ts');
  const registry = parseRegistryHost(word);
  const place = await eraseLogin(registry, { environment: env, signal });
  const { places, narrower } = findLogins(registry, env);
  const left = [...places.map((path) => `${registry} in ${path}`), ...narrower];
  if (place === undefined) {
    output.result({ registry, removed: false, left }, [`not logged in: no login for ${registry} is kept`]);
  } else {
    const { path, helper } = place;
    const document = { registry, removed: true, authFile: path, ...(helper === undefined ? {} : { helper }), left };
    const from = helper === undefined ? path : `docker-credential-${helper}, which ${path} names`;
    output.result(document, [`logged out: ${registry}`, `  removed from  ${from}`]);
  }
  for (const each of left) output.note(`another login is left: ${each}`);
}
