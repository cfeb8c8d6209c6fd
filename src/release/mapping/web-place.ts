/** Where a file with an address on the web is fetched from: there, or at the mirror of its host. */
import { isLoopbackHost } from '../../base/http/network-policy.ts';
import { UsageError } from '../../errors.ts';
import type { WebFile } from '../../stores/registry/web-files.ts';
import type { MirrorRule } from './mirror-rule.ts';

/**
 * The place of an address, by the same rules as for registries.
 * @throws UsageError `USAGE` for plain HTTP to another machine that was not allowed by name.
 */
export function webPlaceOf(address: URL, rules: readonly MirrorRule[], plainHttpFrom: readonly string[]): WebFile {
  const rule = rules.find(({ registry }) => registry === address.host);
  const path = address.pathname + address.search;
  if (rule !== undefined) return { host: rule.host, path: `${rule.prefix === '' ? '' : `/${rule.prefix}`}${path}` };
  if (address.protocol === 'https:') return { host: address.host, path, plainHttp: false };
  if (!plainHttpFrom.includes(address.host) && !isLoopbackHost(address.hostname)) {
    throw new UsageError('USAGE', `${address.origin} would be spoken to without TLS`, {
      hint: `write https://, or allow it with --plain-http-from ${address.host}`,
    });
  }
  return { host: address.host, path, plainHttp: true };
}
