/** Which URLs go through a proxy: the finer points of NO_PROXY, and what is no proxy. */
import { describe, expect, it } from 'vitest';
import { isSocks, proxyFor } from '../../../src/base/http/proxy.ts';

const PROXY = 'http://p.example:1';

function isDirect(url: string, no_proxy: string): boolean {
  return proxyFor(new URL(url), { https_proxy: PROXY, http_proxy: PROXY, no_proxy }) === undefined;
}

describe('NO_PROXY', () => {
  it.each([
    ['https://r.example/', 'r.example:443'],
    ['http://r.example/', 'r.example:80'],
    ['https://R.Example/', ' R.EXAMPLE '],
    ['https://r.example/', 'r.example.'],
    ['https://r.example/', ',,r.example'],
    ['https://a.r.example:8443/', '.r.example:8443'],
    ['https://a.r.example/', '.r.example'],
    ['https://[fd00::1]:5000/', '[fd00::1]:5000'],
    ['https://[fd00::1]/', 'fd00::1'],
    ['https://10.1.2.3/', '10.1.2.3/32'],
    ['https://10.1.2.3/', '0.0.0.0/0'],
    ['https://[fd00::1]/', 'fd00::1/128'],
    ['https://r.example/', 'a.example,*'],
  ])('keeps %s from it by %j', (url, entries) => {
    expect(isDirect(url, entries)).toBe(true);
  });

  it.each([
    ['https://r.example/', ''],
    ['https://r.example/', ',,'],
    ['https://r.example/', 'r.example:80'],
    ['http://r.example/', 'r.example:443'],
    ['https://r.example/', '.r.example'],
    ['https://r.example/', '*.r.example'],
    ['https://r.example/', 'example.r'],
    ['https://[fd00::1]:5001/', '[fd00::1]:5000'],
    ['https://10.1.2.3/', '10.1.2.3/33'],
    ['https://10.1.2.3/', '10.1.2.3/'],
    ['https://10.1.2.3/', '10.1.2.3/x'],
    ['https://10.1.2.3/', 'fd00::/8'],
    ['https://[fd00::1]/', 'fd00::1/129'],
    ['https://r.example/', 'r.example/8'],
    ['https://110.1.2.3/', '10.1.2.3'],
  ])('does not keep %s from it by %j', (url, entries) => {
    expect(isDirect(url, entries)).toBe(false);
  });
});

describe('a proxy', () => {
  it.each([
    ['socks5://x', true],
    ['socks5h://x', true],
    ['https://x', false],
    ['x:3128', false],
  ])('is %s', (value, socks) => {
    const proxy = proxyFor(new URL('https://r.example/'), { https_proxy: value });
    expect(proxy?.href).toContain('x');
    expect(proxy !== undefined && isSocks(proxy)).toBe(socks);
  });

  it.each(['ftp://x', 'socks4://x', 'http://', 'http://[x'])('is not %s, which names its variable', (value) => {
    expect(() => proxyFor(new URL('https://r.example/'), { HTTPS_PROXY: value })).toThrow(
      'https_proxy does not hold the URL of a proxy',
    );
  });

  it.each(['', '  '])('is not meant by %j', (value) => {
    expect(proxyFor(new URL('https://r.example/'), { https_proxy: value })).toBeUndefined();
  });
});
