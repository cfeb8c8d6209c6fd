/** Where a server may send us, rule by rule, without a single connection. */
import { describe, expect, it } from 'vitest';
import { HttpError } from '../../../src/errors.ts';
import type { Peer } from '../../../src/base/http/network-failure.ts';
import {
  assertMayFollow,
  bareHost,
  isAddress,
  isLocalHost,
  isLoopbackHost,
} from '../../../src/base/http/network-policy.ts';

const PEER: Peer = {
  name: 'the store',
  specification: 'its specification',
  failure: (message, failure, options) => new HttpError('REGISTRY', message, failure, options),
};

function follow(from: string, next: string, peer = PEER): string {
  try {
    assertMayFollow(peer, new URL(from), new URL(next), 'a test');
    return 'followed';
  } catch (error) {
    expect(error).toMatchObject({ failure: { status: 0, retryable: false } });
    return (error as Error).message.split(': ').at(-1) ?? '';
  }
}

it.each([
  ['R.Example.', 'r.example'],
  ['[::1]', '::1'],
  ['[::1', '[::1'],
  ['127.0.0.1', '127.0.0.1'],
])('%s is the host %s', (hostname, bare) => {
  expect(bareHost(hostname)).toBe(bare);
  expect(isAddress(bare)).toBe(['::1', '127.0.0.1'].includes(bare));
});

describe('a host', () => {
  it.each(['localhost', 'a.localhost', 'LOCALHOST.', '127.0.0.1', '127.255.255.255', '[::1]'])(
    '%s is loopback',
    (host) => {
      expect([isLoopbackHost(host), isLocalHost(host)]).toEqual([true, true]);
    },
  );

  it.each([
    '0.0.0.0', '0.1.2.3', '169.254.169.254', '100.100.100.200', '::', 'fe80::1', 'febf::1', 'fd00:ec2::254', 'metadata',
    'metadata.google.internal',
  ])('%s is local, and not loopback', (host) => {
    expect([isLoopbackHost(host), isLocalHost(host)]).toEqual([false, true]);
  }); // prettier-ignore

  it.each([
    '1.0.0.1', '126.0.0.1', '128.0.0.1', '169.253.0.1', '169.255.0.1', '100.100.100.201', '::2', 'fec0::1', 'fd00::1',
    '10.0.0.1', 'r.example', 'mylocalhost', 'localhost.example', 'metadata.example',
  ])('%s is neither', (host) => {
    expect([isLoopbackHost(host), isLocalHost(host)]).toEqual([false, false]);
  }); // prettier-ignore
});

describe('a server', () => {
  it.each([
    ['https://r.example/', 'https://s.example/x'],
    ['http://r.example/', 'https://r.example/'],
    ['http://r.example/', 'http://s.example/'],
    ['https://r.example/', 'https://10.0.0.1/'],
    ['http://127.0.0.1:1/', 'http://127.0.0.2:2/'],
    ['http://localhost:1/', 'http://[::1]:2/'],
    ['http://169.254.0.7/', 'http://169.254.0.7:81/'],
  ])('%s may send us to %s', (from, next) => {
    expect(follow(from, next)).toBe('followed');
  });

  it.each([
    ['https://r.example/', 'ftp://r.example/', 'only http and https are followed'],
    ['https://r.example/', 'http://r.example/', 'leaving https is refused'],
    ['https://r.example/', 'https://user@s.example/', 'a URL with credentials is refused'],
    ['https://r.example/', 'https://:word@s.example/', 'a URL with credentials is refused'],
    ['https://r.example/', 'https://127.0.0.1/', 'it is an address of this machine or its network'],
    ['http://127.0.0.1/', 'http://169.254.169.254/', 'it is an address of this machine or its network'],
    ['http://169.254.0.7/', 'http://127.0.0.1/', 'it is an address of this machine or its network'],
  ])('%s may not send us to %s: %s', (from, next, why) => {
    expect(follow(from, next)).toBe(why);
  });

  it('is kept within its reach, and by a hint that says how to widen it', () => {
    const peer: Peer = { ...PEER, reach: { allows: (host) => host === 's.example', hint: 'widen it' } };
    expect(follow('https://r.example/', 'https://s.example/', peer)).toBe('followed');
    expect(follow('https://r.example/', 'https://t.example/', peer)).toBe('that host is not allowed');
    const refused = (): void =>
      assertMayFollow(peer, new URL('https://r.example/'), new URL('https://t.example/'), 'x');
    expect(refused).toThrow(expect.objectContaining({ hint: 'widen it' }) as Error);
  });
});
