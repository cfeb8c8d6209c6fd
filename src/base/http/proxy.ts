/** Which proxy a URL goes through, from the environment, with Go's rules (the ones Docker's tools follow). */
import { BlockList, isIP } from 'node:net';
import { UsageError } from '../../errors.ts';
import { bareHost, isLoopbackHost } from './network-policy.ts';

const HTTP_PROXIES: readonly string[] = ['http:', 'https:'];

/** The environment variables looked at; `process.env` fits. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a URL, or undefined for a direct connection. Lower-case variables win; loopback is never proxied.
 * @throws UsageError `USAGE` when the variable does not hold a URL.
 * @see https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
 */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const name = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const value = pick(environment, name);
  if (value === undefined || isLoopbackHost(url.hostname) || isExcluded(url, environment)) return undefined;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy === undefined || !(HTTP_PROXIES.includes(proxy.protocol) || isSocks(proxy))) {
    throw new UsageError('USAGE', `${name} does not hold the URL of a proxy`, {
      hint: `set ${name}=http://proxy.example:3128 or ${name}=socks5://proxy.example:1080, or unset it`,
    });
  }
  return proxy;
}

/** Whether connections go through the proxy by SOCKS5. */
export function isSocks({ protocol }: URL): boolean {
  return protocol === 'socks5:' || protocol === 'socks5h:';
}

function isExcluded(url: URL, environment: Environment): boolean {
  const host = bareHost(url.hostname);
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return (pick(environment, 'no_proxy') ?? '')
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== '' && matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return inSubnet(entry, host);
  const withPort = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(entry);
  if (withPort !== null && withPort[3] !== port) return false;
  const name = bareHost(withPort === null ? entry : (withPort[1] ?? withPort[2] ?? ''));
  if (isIP(name) !== 0) return name === host;
  if (name.startsWith('*.')) return host.endsWith(name.slice(1));
  return name.startsWith('.') ? host.endsWith(name) : host === name || host.endsWith(`.${name}`);
}

function inSubnet(entry: string, host: string): boolean {
  const [network = '', bits = ''] = entry.split('/');
  const version = isIP(network);
  if (version === 0 || isIP(host) !== version || !/^\d{1,3}$/.test(bits)) return false;
  if (Number(bits) > (version === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), version === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

function pick(environment: Environment, name: string): string | undefined {
  const value = environment[name] ?? environment[name.toUpperCase()];
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}
