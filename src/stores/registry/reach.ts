/** Which hosts a registry may send us to: those of its own domain, and those that the user names. */
import type { Reach } from '../../base/http/network-failure.ts';
import { bareHost, isAddress } from '../../base/http/network-policy.ts';

/**
 * The domain of a host: its parent, where that is more than a top-level domain; else itself, as for `ghcr.io` and plain
 * names. An address has none.
 */
function domainOf(host: string): string | undefined {
  if (isAddress(host)) return undefined;
  const parent = host.slice(host.indexOf('.') + 1);
  return host.includes('.') && parent.includes('.') ? parent : host;
}

/**
 * Keeps a registry within its domain.
 * @param registry its API host, with or without a port
 * @param allowed further hosts, each with all ports; nothing below them
 */
export function confineTo(registry: string, allowed: readonly string[]): Reach {
  const home = bareHost(new URL(`https://${registry}`).hostname);
  const domain = domainOf(home);
  const others = new Set(allowed.map((host) => bareHost(new URL(`https://${host}`).hostname)));
  return {
    allows: (hostname) => {
      const host = bareHost(hostname);
      const isWithin = domain !== undefined && (host === domain || host.endsWith(`.${domain}`));
      return host === home || isWithin || others.has(host);
    },
    hint: 'if that host belongs to the registry, allow it with --allow-host HOST',
  };
}
