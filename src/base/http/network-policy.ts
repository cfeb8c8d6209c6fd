/** Which addresses a server may send us to: no downgrade to plain HTTP, no detour into this machine. */
import { BlockList, isIP } from 'node:net';
import type { HttpError } from '../../errors.ts';
import { redactUrl, type Peer } from './network-failure.ts';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Loopback, "this host", link-local and the cloud metadata addresses in it. */
const LOCAL = new BlockList();
LOCAL.addSubnet('127.0.0.0', 8, 'ipv4');
LOCAL.addSubnet('0.0.0.0', 8, 'ipv4');
LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LOCAL.addAddress('100.100.100.200', 'ipv4');
LOCAL.addAddress('::1', 'ipv6');
LOCAL.addAddress('::', 'ipv6');
LOCAL.addSubnet('fe80::', 10, 'ipv6');
LOCAL.addAddress('fd00:ec2::254', 'ipv6');

const METADATA_NAMES = new Set(['metadata.google.internal', 'metadata']);

/** Host name without brackets and trailing dot, lower case. */
export function bareHost(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

/** Whether a bare host is an address and not a name. */
export function isAddress(host: string): boolean {
  return isIP(host) !== 0;
}

/** Whether the host name is this machine: `localhost`, `*.localhost`, 127.0.0.0/8 or ::1. */
export function isLoopbackHost(hostname: string): boolean {
  const host = bareHost(hostname);
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return inList(LOOPBACK, host);
}

/** Whether the host name means this machine, its link or a metadata service. Private networks do not count. */
export function isLocalHost(hostname: string): boolean {
  const host = bareHost(hostname);
  return isLoopbackHost(host) || METADATA_NAMES.has(host) || inList(LOCAL, host);
}

/**
 * Checks where an answer of `from` sends us: a redirect, an upload location, a token realm.
 * @throws HttpError (not retryable) on another scheme than http(s), https → http, credentials in the URL, when a server
 *   elsewhere points at this machine, its link or a metadata service, or at a host outside the peer's reach.
 */
export function assertMayFollow(peer: Peer, from: URL, next: URL, what: string): void {
  const misconfigured = `${peer.name} or a proxy in front of it is misconfigured; ask its operator`;
  const refuse = (why: string, hint = misconfigured): HttpError =>
    peer.failure(
      `${from.host} sends ${what} to ${next.protocol}//${next.host}: ${why}`,
      { method: 'GET', url: redactUrl(from), status: 0, retryable: false },
      { hint },
    );
  if (next.protocol !== 'https:' && next.protocol !== 'http:') throw refuse('only http and https are followed');
  if (from.protocol === 'https:' && next.protocol === 'http:') throw refuse('leaving https is refused');
  if (next.username !== '' || next.password !== '') throw refuse('a URL with credentials is refused');
  // A server on this machine may name others on it, and no address more: not the metadata service of the cloud.
  const isNear = bareHost(next.hostname) === bareHost(from.hostname) || areBothLoopback(from, next);
  if (isLocalHost(next.hostname) && !isNear) throw refuse('it is an address of this machine or its network');
  const { reach } = peer;
  if (reach !== undefined && !reach.allows(next.hostname)) throw refuse('that host is not allowed', reach.hint);
}

function areBothLoopback(a: URL, b: URL): boolean {
  return isLoopbackHost(a.hostname) && isLoopbackHost(b.hostname);
}

function inList(list: BlockList, host: string): boolean {
  const version = isIP(host);
  return version !== 0 && list.check(host, version === 4 ? 'ipv4' : 'ipv6');
}
