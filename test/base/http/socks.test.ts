/** SOCKS5 proxies: what is said to them, what they refuse, and that requests arrive through them. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { connectThroughSocks } from '../../../src/base/http/socks.ts';
import { bytesOf, readVerified } from '../../../src/content/verified.ts';
import { createRegistryHost, openRepository } from '../../../src/stores/registry/registry-hosts.ts';
import { makeCertificates } from '../../helpers/certificates.ts';
import { startDockerRegistry } from '../../helpers/docker-registry.ts';
import { madeBlob } from '../../helpers/image.ts';
import { startRawServer } from '../../helpers/scripted-server.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();

interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** Requests to connect, as they came, in hexadecimal. */
  readonly asked: string[];
  readonly logins: string[];
}

interface ProxyScript {
  readonly login?: boolean;
  readonly refusal?: number;
  /** Where connections go, whatever was asked for. */
  readonly to?: number;
}

/** A proxy by the RFC, one byte at a time, so that no read depends on how the bytes were packed. */
async function startProxy({ login = false, refusal = 0, to }: ProxyScript): Promise<Proxy> {
  const asked: string[] = [];
  const logins: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    void serve(socket).catch(() => socket.destroy());
  });
  async function serve(socket: Socket): Promise<void> {
    let held = Buffer.alloc(0);
    let wake: (() => void) | undefined;
    const onData = (bytes: Buffer): void => {
      held = Buffer.concat([held, bytes]);
      wake?.();
    };
    socket.on('data', onData);
    const take = async (length: number): Promise<Buffer> => {
      while (held.length < length) await new Promise<void>((resolve) => (wake = resolve));
      const bytes = held.subarray(0, length);
      held = held.subarray(length);
      return bytes;
    };
    const drip = async (bytes: Buffer): Promise<void> => {
      for (const byte of bytes) {
        socket.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const [, methods = 0] = await take(2);
    const offered = [...(await take(methods))];
    const method = login ? (offered.includes(2) ? 2 : 255) : 0;
    await drip(Buffer.of(5, method));
    if (method === 255) return;
    if (login) {
      const [, userLength = 0] = await take(2);
      const user = (await take(userLength)).toString();
      const password = (await take((await take(1))[0] ?? 0)).toString();
      logins.push(`${user}:${password}`);
      const isRight = password === 'p w';
      await drip(Buffer.of(1, isRight ? 0 : 1));
      if (!isRight) return;
    }
    const head = await take(4);
    const length = head[3] === 1 ? 4 : head[3] === 4 ? 16 : ((await take(1))[0] ?? 0);
    asked.push(Buffer.concat([head, await take(length + 2)]).toString('hex'));
    await drip(Buffer.of(5, refusal, 0, 3, 1, 0x78, 0, 0));
    if (refusal !== 0 || to === undefined) return;
    socket.off('data', onData).pause();
    const onward = connect(to, '127.0.0.1');
    onward.on('error', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  }
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    logins,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('a SOCKS5 proxy', () => {
  it.each([
    ['registry.example', '05010003' + Buffer.from('registry.example').toString('hex') + '1388'],
    ['127.0.0.9', '050100017f0000091388'],
    ['::1', '05010004000000000000000000000000000000011388'],
    ['[2001:db8::5:0:0:1]', '0501000420010db80000000000050000000000011388'],
    ['1:2:3:4:5:6:7:8', '0501000400010002000300040005000600070008' + '1388'],
  ])('is asked for %s', async (host, expected) => {
    await using proxy = await startProxy({});
    const socket = await connectThroughSocks(new URL(`socks5://127.0.0.1:${proxy.port}`), host, 5000, 5000);
    socket.destroy();
    expect(proxy.asked).toEqual([expected]);
  });

  it('gets the login of its URL when it wants one', async () => {
    await using proxy = await startProxy({ login: true });
    const socket = await connectThroughSocks(new URL(`socks5://me%40x:p%20w@127.0.0.1:${proxy.port}`), 'r', 1, 5000);
    socket.destroy();
    expect(proxy.logins).toEqual(['me@x:p w']);
    await expect(connectThroughSocks(new URL(`socks5://me:no@127.0.0.1:${proxy.port}`), 'r', 1, 5000)).rejects.toThrow(
      'refuses the user name and password in its URL',
    );
    await expect(connectThroughSocks(new URL(`socks5://127.0.0.1:${proxy.port}`), 'r', 1, 5000)).rejects.toThrow(
      'the proxy wants a login',
    );
  });

  it.each([
    [2, 'not allowed by its rules'],
    [4, 'host unreachable'],
    [99, 'reason 99'],
  ])('that refuses with %i is told in words', async (refusal, words) => {
    await using proxy = await startProxy({ refusal });
    await expect(
      connectThroughSocks(new URL(`socks5://127.0.0.1:${proxy.port}`), 'r.example', 1, 5000),
    ).rejects.toThrow(`the proxy refuses: ${words}`);
  });

  it.each([
    ['an IPv4 address', [1, 127, 0, 0, 1, 0, 80]],
    ['an IPv6 address', [4, ...Array<number>(16).fill(0), 0, 80]],
    ['a name', [3, 5, ...Buffer.from('r.exa'), 0, 80]],
    ['an empty name', [3, 0, 0, 80]],
  ])('that answers with %s gives what comes behind it to the connection', async (_, bound) => {
    await using server = await startRawServer((socket) => {
      socket.once('data', () => {
        socket.once('data', () => socket.end(Buffer.from([5, 0, 0, ...bound, ...Buffer.from('behind it')])));
        socket.write(Buffer.of(5, 0));
      });
    });
    const socket = await connectThroughSocks(new URL(`socks5://${server.host}`), 'r.example', 1, 5000);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe('behind it');
  });

  it.each([
    [Buffer.of(4, 0), 'does not speak SOCKS5'],
    [Buffer.of(5, 2), 'wants a login'],
    [Buffer.of(5, 1), 'wants a login'],
  ])('that answers the greeting with %j is told of', async (greeting, why) => {
    await using server = await startRawServer((socket) => void socket.once('data', () => socket.write(greeting)));
    await expect(connectThroughSocks(new URL(`socks5://${server.host}`), 'r', 1, 5000)).rejects.toThrow(why);
  });

  it('that is silent is given up', async () => {
    await using server = await startRawServer(() => undefined);
    const connecting = connectThroughSocks(new URL(`socks5://${server.host}`), 'r', 1, 30);
    await expect(connecting).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });

  it('gets hosts and logins of up to 255 bytes', async () => {
    await using proxy = await startProxy({ login: true });
    const url = (user: string): URL => new URL(`socks5://${user}:p%20w@127.0.0.1:${proxy.port}`);
    (await connectThroughSocks(url('u'.repeat(255)), 'h'.repeat(255), 65_535, 5000)).destroy();
    expect(proxy.logins).toEqual([`${'u'.repeat(255)}:p w`]);
    expect(proxy.asked).toEqual([`05010003${Buffer.from('h'.repeat(255)).toString('hex')}ffff`]);
    for (const [user, host] of [
      ['u'.repeat(256), 'h'],
      ['u', 'h'.repeat(256)],
    ] as const) {
      await expect(connectThroughSocks(url(user), host, 1, 5000)).rejects.toThrow('too long for SOCKS5');
    }
  });

  it('that is none, hangs up, or is not there is an error', async () => {
    const server = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = new URL(`socks5h://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await expect(connectThroughSocks(url, 'r.example', 1, 5000)).rejects.toThrow('does not speak SOCKS5');
    server.removeAllListeners('connection').on('connection', (socket: Socket) => socket.resume().end());
    await expect(connectThroughSocks(url, 'r.example', 1, 5000)).rejects.toThrow('hung up');
    await new Promise((resolve) => server.close(resolve));
    await expect(connectThroughSocks(url, 'r.example', 1, 5000)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('carries everything, plain and under TLS', async () => {
    const files = await makeCertificates(temp.path);
    await using plain = await startDockerRegistry();
    await using secure = await startDockerRegistry({ tls: { certFile: files.certFile, keyFile: files.keyFile } });
    const blob = madeBlob(Buffer.alloc(1_200_000, 'x'));
    for (const [plainHttp, port] of [
      [true, plain.port],
      [false, secure.port],
    ] as const) {
      await using proxy = await startProxy({ to: port });
      const url = `socks5://127.0.0.1:${proxy.port}`;
      const registry = `registry.test:${port}`;
      const environment = { HTTP_PROXY: url, HTTPS_PROXY: url };
      const host = createRegistryHost(registry, { environment, plainHttp, caFile: files.caFile });
      const repository = openRepository({ registry, repository: 'a/b' }, { host });
      await repository.push(blob.descriptor, bytesOf(blob.bytes));
      expect(await readVerified(repository, blob.descriptor)).toEqual(blob.bytes);
      await host.close();
      expect(proxy.asked.length).toBeGreaterThan(0);
    }
  });
});
