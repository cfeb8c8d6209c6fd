/** Where content goes, in the notation skopeo's users know. */
import { UsageError } from '../../errors.ts';
import { parseReference } from '../../oci/reference.ts';

/** A parsed `--to` value. */
export type TargetAddress =
  | { readonly kind: 'registry'; readonly host: string; readonly prefix: string }
  | { readonly kind: 'docker' }
  | { readonly kind: 'layout'; readonly directory: string }
  | { readonly kind: 'directory'; readonly directory: string };

const EXAMPLES = 'docker://registry.internal:5000/prefix, docker-daemon:, oci:DIR or dir:DIR';

/**
 * Reads `docker://host[:port][/prefix]`, `docker-daemon:`, `oci:DIR` or `dir:DIR`.
 * @throws UsageError `USAGE` with the forms there are.
 */
export function parseTarget(text: string): TargetAddress {
  if (text === 'docker-daemon:') return { kind: 'docker' };
  const [, scheme = '', rest = ''] = /^(docker:\/\/|oci:|dir:)(.+)$/.exec(text) ?? [];
  if (scheme === 'oci:') return { kind: 'layout', directory: rest };
  if (scheme === 'dir:') return { kind: 'directory', directory: rest };
  if (scheme === 'docker://') return parseRegistryTarget(text, rest.replace(/\/+$/, ''));
  throw new UsageError('USAGE', `not a target: ${text}`, { hint: `a target is one of ${EXAMPLES}` });
}

/**
 * Reads `host[:port]`, also as `docker://host[:port]`, by which a target is called.
 * @returns the registry as references name it
 * @throws UsageError `USAGE` for what is no host, or more than one.
 */
export function parseRegistryHost(text: string): string {
  const host = text.replace(/^docker:\/\//, '').replace(/\/$/, '');
  const hint = 'write host[:port]; a host has a dot, a port, or is localhost';
  if (host.includes('/')) {
    throw new UsageError('USAGE', `not a registry host: ${text}`, { hint: `${hint}, without a scheme and a path` });
  }
  try {
    const { registry } = parseReference(`${host}/x/x`);
    if (registry === host || host === 'index.docker.io') return registry;
  } catch (error) {
    throw new UsageError('USAGE', `not a registry host: ${text}`, { cause: error, hint });
  }
  throw new UsageError('USAGE', `not a registry host: ${text}`, { hint });
}

/** Checked by the reference grammar itself, with a placeholder as the repository. */
function parseRegistryTarget(text: string, rest: string): TargetAddress {
  const [host = '', ...path] = rest.split('/');
  try {
    const { registry, repository } = parseReference(`${host}/${[...path, 'x'].join('/')}`);
    if (registry === host) return { kind: 'registry', host, prefix: repository.split('/').slice(0, -1).join('/') };
  } catch (error) {
    throw new UsageError('USAGE', `not a registry target: ${text}`, {
      cause: error,
      hint: 'write docker://host[:port][/prefix], in lower case',
    });
  }
  throw new UsageError('USAGE', `not a registry host: ${host}`, {
    hint: 'write docker://host[:port][/prefix]; a host has a dot, a port, or is localhost',
  });
}
