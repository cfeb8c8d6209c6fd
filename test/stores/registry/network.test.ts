/** Proxies, locations, private authorities and the addresses a registry may not send us to. */
import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { getCACertificates } from 'node:tls';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { bytesOf, readVerified } from '../../../src/content/verified.ts';
import { placeOf, resolveLocation, withQuery } from '../../../src/base/http/location.ts';
import { assertMayFollow, isLocalHost, isLoopbackHost } from '../../../src/base/http/network-policy.ts';
import { proxyFor } from '../../../src/base/http/proxy.ts';
import { REGISTRY } from '../../../src/stores/registry/registry-refusal.ts';
import { createRegistryHost, openRepository } from '../../../src/stores/registry/registry-hosts.ts';
import { readTlsFiles } from '../../../src/base/http/tls-files.ts';
import { allOf } from '../../helpers/all-of.ts';
import { makeCertificates } from '../../helpers/certificates.ts';
import { startDockerRegistry } from '../../helpers/docker-registry.ts';
import { madeBlob } from '../../helpers/image.ts';
import { useTempDir } from '../../helpers/temp.ts';

describe('proxyFor', () => {
  const proxies = { HTTPS_PROXY: 'http://p:1', HTTP_PROXY: 'http://q:2' };
  it.each([
    ['https://r.example/', proxies, 'http://p:1/'],
    ['http://r.example/', proxies, 'http://q:2/'],
    ['https://r.example/', { ...proxies, https_proxy: 'lower:3' }, 'http://lower:3/'],
    ['https://127.0.0.1:5000/', proxies, undefined],
    ['https://localhost/', proxies, undefined],
    ['https://r.example/', {}, undefined],
    ['https://r.example/', { ...proxies, NO_PROXY: '*' }, undefined],
    ['https://r.example/', { ...proxies, NO_PROXY: 'other, r.example' }, undefined],
    ['https://a.r.example/', { ...proxies, NO_PROXY: 'r.example' }, undefined],
    ['https://ar.example/', { ...proxies, NO_PROXY: 'r.example' }, 'http://p:1/'],
    ['https://r.example/', { ...proxies, NO_PROXY: '.r.example' }, 'http://p:1/'],
    ['https://a.r.example/', { ...proxies, NO_PROXY: '*.r.example' }, undefined],
    ['https://r.example:5000/', { ...proxies, NO_PROXY: 'r.example:5000' }, undefined],
    ['https://r.example/', { ...proxies, NO_PROXY: 'r.example:5000' }, 'http://p:1/'],
    ['https://10.1.2.3/', { ...proxies, NO_PROXY: '10.0.0.0/8' }, undefined],
    ['https://11.1.2.3/', { ...proxies, NO_PROXY: '10.0.0.0/8' }, 'http://p:1/'],
    ['https://[fd00::1]/', { ...proxies, no_proxy: 'fd00::/8' }, undefined],
    ['https://10.1.2.3/', { ...proxies, NO_PROXY: '10.1.2.3' }, undefined],
    ['https://10.1.2.3/', { ...proxies, NO_PROXY: '10.0.0.0/99' }, 'http://p:1/'],
  ])('%s %j', (url, environment, expected) => {
    expect(proxyFor(new URL(url), environment)?.href).toBe(expected);
  });

  it('refuses what is not a proxy', () => {
    expect(() => proxyFor(new URL('https://r.example/'), { https_proxy: 'socks4://x:1' })).toThrow(/https_proxy/);
    expect(proxyFor(new URL('https://r.example/'), { https_proxy: 'socks5://x:1' })?.href).toBe('socks5://x:1');
  });
});

describe('a proxy', () => {
  const temp = useTempDir();

  it('carries everything, plain and in tunnels', async () => {
    const files = await makeCertificates(temp.path);
    await using plain = await startDockerRegistry();
    await using secure = await startDockerRegistry({ tls: { certFile: files.certFile, keyFile: files.keyFile } });
    const seen: string[] = [];
    const proxy = createServer((incoming, outgoing) => {
      seen.push(`${incoming.method} ${incoming.url}`);
      const { pathname, search } = new URL(incoming.url ?? '');
      const { method, headers } = incoming;
      const passed = forward(
        { host: '127.0.0.1', port: plain.port, method, path: pathname + search, headers },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        },
      );
      incoming.pipe(passed);
    });
    proxy.on('connect', (incoming, client) => {
      seen.push(`CONNECT ${incoming.url}`);
      const server = connect(secure.port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        server.pipe(client).pipe(server);
      });
      server.on('error', () => client.destroy());
      client.on('error', () => server.destroy());
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const blob = madeBlob(Buffer.alloc(1_200_000, 'x'));
    for (const [plainHttp, port] of [
      [true, plain.port],
      [false, secure.port],
    ] as const) {
      const registry = `registry.test:${port}`;
      const environment = { HTTP_PROXY: url, HTTPS_PROXY: url };
      const host = createRegistryHost(registry, { environment, plainHttp, caFile: files.caFile });
      const repository = openRepository({ registry, repository: 'a/b' }, { host });
      await repository.push(blob.descriptor, bytesOf(blob.bytes));
      expect(await readVerified(repository, blob.descriptor)).toEqual(blob.bytes);
      await host.close();
    }
    expect(seen.some((line) => line.startsWith(`PUT http://registry.test:${plain.port}/v2/`))).toBe(true);
    expect(seen).toContain(`CONNECT registry.test:${secure.port}`);
    proxy.closeAllConnections();
    proxy.close();
  });
});

describe('locations', () => {
  const from = placeOf(new URL('https://r.example/v2/a/blobs/uploads/'));
  it.each([
    ['/x?y=%2F&z', 'https://r.example', '/x?y=%2F&z'],
    ['https://s3.example/k?X-Amz=a%2Bb\'"', 'https://s3.example', '/k?X-Amz=a%2Bb\'"'],
    ['//r.example/x', 'https://r.example', '/x'],
    ['r.example/x', 'https://r.example', '/x'],
    ['http://r.example/x', 'https://r.example', '/x'],
    ['http://r.example:80/x', 'https://r.example', '/x'],
    ['https://r.example:443/x', 'https://r.example', '/x'],
    ['up?a#frag', 'https://r.example', '/v2/a/blobs/uploads/up?a'],
    ['/a/../b', 'https://r.example', '/b'],
    ['/white space', 'https://r.example', '/white%20space'],
  ])('%s', (location, origin, target) => {
    const place = resolveLocation({ asked: { peer: REGISTRY }, place: from }, location, 'a test');
    expect([place.url.origin, place.target]).toEqual([origin, target]);
  });

  it('keep their query when one is added', () => {
    expect(withQuery({ url: from.url, target: '/x?a=%7e' }, 'digest=d').target).toBe('/x?a=%7e&digest=d');
    expect(withQuery({ url: from.url, target: '/x' }, 'digest=d').target).toBe('/x?digest=d');
  });

  it.each([
    'http://other.example/x', 'https://127.0.0.1/x', 'https://localhost/x', 'https://169.254.169.254/x', 'https://[::1]/x',
    'https://metadata.google.internal/x', 'ftp://r.example/x', 'https://u:p@r.example/x', 'https://[::ffff:127.0.0.1]/x',
    'https://a.localhost./x', 'https://0.0.0.0/x', 'https://2130706433/x', '', 'http://[broken',
  ])('may not be %s', (location) => {
    if (location === '') expect(resolveLocation({ asked: { peer: REGISTRY }, place: from }, location, 'a test').url.host).toBe('r.example');
    else expect(() => resolveLocation({ asked: { peer: REGISTRY }, place: from }, location, 'a test')).toThrow(/r\.example sends a test to/);
  }); // prettier-ignore

  it('may be private addresses, and local ones of a local registry', () => {
    assertMayFollow(REGISTRY, new URL('https://r.example/'), new URL('https://10.0.0.5/token'), 'a test');
    assertMayFollow(REGISTRY, new URL('http://127.0.0.1:5000/'), new URL('http://127.0.0.1:5001/'), 'a test');
    expect(isLoopbackHost('127.9.9.9')).toBe(true);
    expect(isLoopbackHost('[::1]')).toBe(true);
    expect(isLoopbackHost('10.0.0.1')).toBe(false);
    expect(isLocalHost('fe80::1')).toBe(true);
  });
});

describe('certs.d', () => {
  const temp = useTempDir();

  it('matches host and port exactly and wants whole pairs', async () => {
    const files = await makeCertificates(temp.path);
    const pem = await readFile(files.caFile, 'utf8');
    const directory = temp.join('certs.d', 'r.example:5000');
    await mkdir(directory, { recursive: true });
    await writeFile(`${directory}/a.crt`, pem);
    await writeFile(`${directory}/c.cert`, pem);
    const options = { environment: {}, certsDirectories: [temp.join('none'), temp.join('certs.d')] };
    expect(() => readTlsFiles('r.example:5000', options)).toThrow(/without the other half/);
    await writeFile(`${directory}/c.key`, '-----BEGIN PRIVATE KEY-----\n');
    expect(readTlsFiles('r.example:5000', options)).toMatchObject({ cert: pem });
    expect(readTlsFiles('r.example:5000', options).ca).toContain(pem);
    expect(readTlsFiles('r.example', options)).toMatchObject({ cert: undefined, key: undefined });
    expect(readTlsFiles('r.example', { ...options, caFile: files.caFile }).ca.at(-1)).toContain('BEGIN CERTIFICATE');
    expect(() => readTlsFiles('r.example', { ...options, caFile: temp.join('missing.pem') })).toThrow(/cannot read/);
    expect(() => readTlsFiles('r.example', { ...options, caFile: `${directory}/../../server.ext` })).toThrow(/PEM/);
    // A private authority is trusted beside the others, not instead of them.
    const { ca } = readTlsFiles('r.example', { ...options, caFile: files.caFile });
    expect(allOf(getCACertificates('default'), (authority) => ca.includes(authority))).toBe(true);
    const read = (caFile: string) => () => readTlsFiles('r.example', { ...options, caFile });
    expect(read(files.keyFile)).toThrow(/server\.key holds no certificate/);
    const [head = '', tail = ''] = pem.split('MI', 2);
    await writeFile(temp.join('broken.pem'), `${pem}${head}XX${tail.slice(0, 40)}\n-----END CERTIFICATE-----\n`);
    expect(read(temp.join('broken.pem'))).toThrow(/certificate 2 in .*broken\.pem cannot be read/);
  });
});
