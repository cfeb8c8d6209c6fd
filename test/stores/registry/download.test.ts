/** Downloads from servers that misbehave: the bytes are right or the error is. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { collect, readVerified } from '../../../src/content/verified.ts';
import { createRegistryHost, openRepository } from '../../../src/stores/registry/registry-hosts.ts';
import type { RegistryRepository } from '../../../src/stores/registry/repository.ts';
import type { RequestEvent } from '../../../src/base/http/answer.ts';
import { allOf } from '../../helpers/all-of.ts';
import { madeBlob, madeImage } from '../../helpers/image.ts';
import { startRawServer, startScriptedServer } from '../../helpers/scripted-server.ts';

const QUICK = { tries: 5, baseMs: 1, maxMs: 5 };
const content = madeBlob(randomBytes(700_000));
const { descriptor, bytes } = content;

/** A repository on this host that retries without delay, closed by `await using`. */
function open(
  host: string,
  options: { onRequest?: (event: RequestEvent) => void; repository?: string } = {},
): RegistryRepository & AsyncDisposable {
  const { onRequest } = options;
  const client = createRegistryHost(host, { environment: {}, plainHttp: true, retry: QUICK, onRequest });
  const repository = openRepository({ registry: host, repository: options.repository ?? 'a/b' }, { host: client });
  return Object.assign(repository, { [Symbol.asyncDispose]: () => client.close() });
}

/** Serves the content with ranges; `change` may spoil an answer first and return true when it has answered. */
function serving(change: (request: IncomingMessage, response: ServerResponse, nth: number) => boolean = () => false) {
  return (request: IncomingMessage, response: ServerResponse, nth: number): void => {
    if (change(request, response, nth)) return;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const body = bytes.subarray(from);
    response.writeHead(from === 0 ? 200 : 206, {
      'content-length': body.length,
      ...(from === 0 ? {} : { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    response.end(body);
  };
}

/** Sends the head of a whole answer and cuts the connection after some bytes of the body. */
function cutAfter(response: ServerResponse, count: number, status = 200, headers: object = {}): boolean {
  response.writeHead(status, { 'content-length': bytes.length, ...headers });
  response.write(bytes.subarray(0, count), () => setTimeout(() => response.destroy(), 30));
  return true;
}

describe('a cut download', () => {
  it('goes on where it stopped', async () => {
    await using server = await startScriptedServer(
      serving((_, response, nth) => nth === 0 && cutAfter(response, 300_000)),
    );
    await using repository = open(server.host);
    expect(await readVerified(repository, descriptor)).toEqual(bytes);
    expect(server.asked.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=300000-']);
  });

  it('passes over what it has when the server begins again', async () => {
    await using server = await startScriptedServer(
      serving((request, response, nth) => {
        if (nth === 0) return cutAfter(response, 300_000);
        delete request.headers.range;
        return false;
      }),
    );
    await using repository = open(server.host);
    expect(await readVerified(repository, descriptor)).toEqual(bytes);
  });

  it.each([
    ['another start', 'bytes 299999-699999/700000', 'REGISTRY'],
    ['another end', 'bytes 300000-600000/700000', 'REGISTRY'],
    ['another total', 'bytes 300000-700000/700001', 'SIZE_MISMATCH'],
    ['nonsense', 'bytes */700000', 'REGISTRY'],
  ])('refuses a part with %s', async (_, range, code) => {
    await using server = await startScriptedServer(
      serving((_request, response, nth) => {
        if (nth === 0) return cutAfter(response, 300_000);
        response.writeHead(206, { 'content-range': range, 'content-length': 400_000 }).end(bytes.subarray(300_000));
        return true;
      }),
    );
    await using repository = open(server.host);
    await expect(readVerified(repository, descriptor)).rejects.toMatchObject({ code });
  });

  it('gives up after five tries without progress', async () => {
    await using server = await startScriptedServer((_, response) => void cutAfter(response, 1000));
    await using repository = open(server.host);
    await expect(readVerified(repository, descriptor)).rejects.toMatchObject({ code: 'REGISTRY' });
    expect(server.asked).toHaveLength(5);
  });

  it('goes on for as long as there is progress', async () => {
    const step = 70_000;
    await using server = await startScriptedServer(
      serving((request, response) => {
        const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
        if (from + step >= bytes.length) return false;
        const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
        response.writeHead(from === 0 ? 200 : 206, { 'content-length': bytes.length - from, 'content-range': range });
        response.write(bytes.subarray(from, from + step), () => setTimeout(() => response.destroy(), 20));
        return true;
      }),
    );
    await using repository = open(server.host);
    expect(await readVerified(repository, descriptor)).toEqual(bytes);
    expect(server.asked).toHaveLength(10);
  });

  it('is told as SIZE_MISMATCH when the rest is not there', async () => {
    await using server = await startScriptedServer((_, response, nth) => {
      if (nth === 0) cutAfter(response, 300_000);
      else response.writeHead(416, { 'content-range': 'bytes */300000', 'content-length': 0 }).end();
    });
    await using repository = open(server.host);
    await expect(readVerified(repository, descriptor)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  });
});

describe('a download', () => {
  it('follows a redirect without its credentials, and asks the registry again after a cut', async () => {
    await using store = await startScriptedServer(
      serving((_, response, nth) => nth === 0 && cutAfter(response, 300_000)),
    );
    await using registry = await startScriptedServer((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'BASIC realm="x, y"', 'content-length': 0 }).end();
      } else {
        const location = `http://${store.host}/bucket/key?X-Sig=a%2Fb%2Bc'd`;
        response.writeHead(307, { location, 'content-length': 5 }).end('moved');
      }
    });
    const client = createRegistryHost(registry.host, {
      environment: {},
      plainHttp: true,
      retry: QUICK,
      credentials: { username: 'robot$x', password: 'p:w' },
    });
    const repository = openRepository({ registry: registry.host, repository: 'a/b' }, { host: client });
    expect(await readVerified(repository, descriptor)).toEqual(bytes);
    await client.close();
    expect(allOf(store.asked, ({ headers }) => headers.authorization === undefined)).toBe(true);
    expect(allOf(store.asked, ({ url }) => url === "/bucket/key?X-Sig=a%2Fb%2Bc'd")).toBe(true);
    const tokens = registry.asked.map(({ headers }) => headers.authorization);
    expect(tokens.filter((token) => token === 'Basic cm9ib3QkeDpwOnc=').length).toBeGreaterThanOrEqual(2);
  });

  it('takes a body that is only said to be encoded: the digest decides', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': bytes.length }).end(bytes);
    });
    await using repository = open(server.host);
    expect(await readVerified(repository, descriptor)).toEqual(bytes);
  });

  it('names the encoding of a body that was really encoded', async () => {
    await using server = await startScriptedServer(
      serving((_, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': 4 }).end('gzip');
        return true;
      }),
    );
    await using repository = open(server.host);
    await expect(readVerified(repository, descriptor)).rejects.toMatchObject({
      code: 'REGISTRY',
      message: expect.stringContaining('Content-Encoding gzip') as unknown,
    });
    expect(allOf(server.asked, ({ headers }) => headers['accept-encoding'] === 'identity')).toBe(true);
  });

  it('takes a chunked body', async () => {
    await using server = await startScriptedServer(
      serving((_, response) => {
        response.writeHead(200);
        response.end(bytes);
        return true;
      }),
    );
    await using repository = open(server.host);
    expect(await readVerified(repository, descriptor)).toEqual(bytes);
  });

  it('waits as long as Retry-After says', async () => {
    await using server = await startScriptedServer(
      serving((_, response, nth) => {
        if (nth > 0) return false;
        response.writeHead(429, { 'retry-after': '1', 'content-type': 'text/html' }).end('<h1>slow down</h1>');
        return true;
      }),
    );
    await using repository = open(server.host);
    const before = performance.now();
    expect(await readVerified(repository, descriptor)).toEqual(bytes);
    expect(performance.now() - before).toBeGreaterThanOrEqual(990);
    expect(server.asked).toHaveLength(2);
  });

  it.each([500, 502, 503, 504, 408, 499, 522])('asks again after %i', async (status) => {
    await using server = await startScriptedServer(
      serving((_, response, nth) => {
        if (nth === 0) response.writeHead(status).end();
        return nth === 0;
      }),
    );
    await using repository = open(server.host);
    expect(await readVerified(repository, descriptor)).toEqual(bytes);
  });

  it('refuses a blob of another size at once', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { 'content-length': bytes.length + 1 }).end(Buffer.concat([bytes, Buffer.of(1)]));
    });
    await using repository = open(server.host);
    await expect(readVerified(repository, descriptor)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    expect(server.asked).toHaveLength(1);
  });

  it('notices more bytes than were announced', async () => {
    await using server = await startRawServer((socket) => {
      socket.on('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes.length}\r\n\r\n`);
        socket.write(Buffer.concat([bytes, Buffer.from('surplus')]));
      });
    });
    await using repository = open(server.host);
    const outcome = await readVerified(repository, descriptor).catch((error: unknown) => error);
    expect(outcome instanceof Buffer ? outcome.equals(bytes) : (outcome as { code: string }).code).toSatisfy(
      (value) => value === true || value === 'REGISTRY' || value === 'SIZE_MISMATCH',
    );
  });

  it.each([
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n'],
    ['an endless head', `HTTP/1.1 200 OK\r\n${'x-long: y\r\n'.repeat(9000)}`],
    ['a broken status line', 'HTTP/1.1 2OO OK\r\n'],
    ['a folded header', 'HTTP/1.1 200 OK\r\nx: a\r\n b\r\n'],
  ])('does not believe %s on the fast path', async (_, head) => {
    let connections = 0;
    await using server = await startRawServer((socket, nth) => {
      connections = nth + 1;
      socket.on('data', () => socket.end(`${head}content-length: 0\r\n\r\n`));
    });
    await using repository = open(server.host);
    await expect(readVerified(repository, descriptor)).rejects.toThrow();
    expect(connections).toBeGreaterThan(1); // the ordinary path was asked, and has its own opinion
  });

  it('uses connections again and counts every exchange', async () => {
    const events: RequestEvent[] = [];
    const sockets = new Set<unknown>();
    await using server = await startScriptedServer(
      serving((request) => {
        sockets.add(request.socket);
        return false;
      }),
    );
    await using repository = open(server.host, { onRequest: (event) => events.push(event) });
    for (let round = 0; round < 4; round++) expect(await readVerified(repository, descriptor)).toEqual(bytes);
    expect(sockets.size).toBe(1);
    expect(events).toEqual(
      Array.from({ length: 4 }, () => ({
        method: 'GET',
        host: server.host,
        url: `http://${server.host}/v2/a/b/blobs/${descriptor.digest}`,
        kind: 'blob',
        status: 200,
        bytesIn: bytes.length,
        bytesOut: 0,
        durationMs: expect.any(Number) as number,
      })),
    );
  });

  it('gets many empty and absent blobs over one connection', async () => {
    const empty = madeBlob('');
    await using server = await startScriptedServer(
      serving((request, response) => {
        if (request.url?.endsWith(descriptor.digest) === true) return false;
        const isEmpty = request.url?.endsWith(empty.descriptor.digest) === true;
        response.writeHead(isEmpty ? 200 : 404, { 'content-length': 0 }).end();
        return true;
      }),
    );
    await using repository = open(server.host);
    for (let round = 0; round < 5; round++) {
      expect(await readVerified(repository, empty.descriptor)).toHaveLength(0);
      await expect(readVerified(repository, madeBlob('no').descriptor)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await readVerified(repository, descriptor)).toEqual(bytes);
    }
  });

  it('ends the connection of a reader that leaves early, and serves the next one', async () => {
    await using server = await startScriptedServer(serving());
    await using repository = open(server.host);
    for await (const chunk of repository.fetch(descriptor)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(await readVerified(repository, descriptor)).toEqual(bytes);
  });

  it('does not run ahead of a slow reader, whose chunk stays as it is', async () => {
    const large = madeBlob(randomBytes(8_000_000));
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { 'content-length': large.bytes.length }).end(large.bytes);
    });
    await using repository = open(server.host);
    let at = 0;
    for await (const chunk of repository.fetch(large.descriptor)) {
      await new Promise((resolve) => setTimeout(resolve, 3));
      expect(large.bytes.subarray(at, at + chunk.length).equals(chunk)).toBe(true);
      at += chunk.length;
    }
    expect(at).toBe(large.bytes.length);
  });

  it('hands over what a slow server has sent so far', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      let at = 0;
      const timer = setInterval(() => {
        response.write(bytes.subarray(at, (at += 100_000)));
        if (at >= bytes.length) {
          clearInterval(timer);
          response.end();
        }
      }, 40);
    });
    await using repository = open(server.host);
    const sizes: number[] = [];
    const parts: Buffer[] = [];
    for await (const chunk of repository.fetch(descriptor)) {
      sizes.push(chunk.length);
      parts.push(Buffer.from(chunk));
    }
    expect(Buffer.concat(parts)).toEqual(bytes);
    expect(sizes.length).toBeGreaterThanOrEqual(5);
  });

  it('stops in the middle when its signal says so', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 1000));
    });
    await using repository = open(server.host);
    const signal = AbortSignal.timeout(100);
    await expect(collect(repository.fetch(descriptor, { signal }))).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('never follows a redirect into another scheme or with credentials in it', async () => {
    for (const location of ['file:///etc/passwd', 'http://user:pw@127.0.0.1:1/x']) {
      await using server = await startScriptedServer((_, response) => void response.writeHead(302, { location }).end());
      await using repository = open(server.host);
      const error: unknown = await readVerified(repository, descriptor).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'REGISTRY', failure: { retryable: false } });
      expect((error as Error).message).not.toContain('pw');
    }
  });
});

describe('manifests from odd servers', () => {
  const image = madeImage([madeBlob('layer')]);
  const type = image.manifest.descriptor.mediaType;

  it('are resolved by GET where HEAD is refused or says too little', async () => {
    for (const head of [{ status: 405 }, { status: 200 }, { status: 403 }]) {
      await using server = await startScriptedServer((request, response) => {
        if (request.method === 'HEAD') response.writeHead(head.status).end();
        else response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(image.manifest.bytes);
      });
      await using repository = open(server.host);
      expect(await repository.resolve('v1')).toEqual(image.manifest.descriptor);
      expect(server.asked.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
    }
  });

  it('are believed by their bytes, not by their header', async () => {
    const other = madeBlob('x').descriptor.digest;
    await using server = await startScriptedServer((request, response) => {
      const isKnown =
        request.url?.endsWith('/v1') === true || request.url?.endsWith(image.manifest.descriptor.digest) === true;
      response.writeHead(isKnown ? 200 : 404, {
        'content-type': type,
        'docker-content-digest': other,
        'content-length': isKnown ? image.manifest.bytes.length : 0,
      });
      response.end(request.method === 'HEAD' || !isKnown ? undefined : image.manifest.bytes);
    });
    await using repository = open(server.host);
    expect((await repository.fetchManifest('v1')).descriptor).toEqual(image.manifest.descriptor);
    await expect(repository.fetchManifest(other)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await repository.exists(image.manifest.descriptor)).toBe(false);
  });

  it('with other bytes than their digest are refused', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { 'content-type': type }).end(Buffer.concat([image.manifest.bytes, Buffer.from(' ')]));
    });
    await using repository = open(server.host);
    await expect(repository.fetchManifest(image.manifest.descriptor.digest)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    await expect(readVerified(repository, image.manifest.descriptor)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  });

  it('whose type contradicts the header are refused', async () => {
    await using server = await startScriptedServer((_, response) => {
      const wrong = 'application/vnd.docker.distribution.manifest.v2+json';
      response.writeHead(200, { 'content-type': wrong }).end(image.manifest.bytes);
    });
    await using repository = open(server.host);
    await expect(repository.fetchManifest('v1')).rejects.toMatchObject({ code: 'MALFORMED' });
  });

  it('of schema 1 are refused with advice', async () => {
    await using server = await startScriptedServer((_, response) => {
      const schema1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
      response.writeHead(200, { 'content-type': schema1 }).end('{"schemaVersion":1,"fsLayers":[]}');
    });
    await using repository = open(server.host);
    await expect(repository.resolve('old')).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  it('kept among the blobs are found there', async () => {
    await using server = await startScriptedServer((request, response) => {
      if (request.url?.includes('/blobs/') === true) response.end(image.manifest.bytes);
      else response.writeHead(404).end();
    });
    await using repository = open(server.host);
    expect(await readVerified(repository, image.manifest.descriptor)).toEqual(image.manifest.bytes);
  });
});

describe('referrers', () => {
  const subject = madeImage([madeBlob('subject')]).manifest.descriptor.digest;
  const index = (...found: readonly unknown[]): string =>
    JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: found });
  const indexType = { 'content-type': 'application/vnd.oci.image.index.v1+json' };

  it('come over all pages of the API', async () => {
    const [one, two] = [madeBlob('1').descriptor, madeBlob('2').descriptor];
    await using server = await startScriptedServer((request, response) => {
      const isSecond = request.url?.includes('last=a%2Fb') === true;
      const link = isSecond ? {} : { link: `<${request.url}?last=a%2Fb>; rel="next"` };
      response.writeHead(200, { ...indexType, ...link }).end(isSecond ? index(two, one) : index(one));
    });
    await using repository = open(server.host);
    expect(await repository.referrers(subject)).toEqual([one, two]);
    expect(server.asked).toHaveLength(2);
  });

  it.each([
    ['the list goes on at another host', '<http://127.0.0.1:1/elsewhere>; rel="next"'],
    ['it does not end', '</v2/a/b/referrers/more>; rel="next"'],
  ])('are refused when %s, since some would be missing', async (_, link) => {
    await using server = await startScriptedServer((__, response) => {
      response.writeHead(200, { ...indexType, link }).end(index());
    });
    await using repository = open(server.host);
    await expect(repository.referrers(subject)).rejects.toMatchObject({
      message: expect.stringMatching(/another host|too many/) as string,
    });
  });

  it.each([401, 403, 409, 500])('are not said to be none on %i', async (status) => {
    await using server = await startScriptedServer((request, response) => {
      response.writeHead(request.url?.includes('/referrers/') === true ? status : 404).end();
    });
    await using repository = open(server.host);
    await expect(repository.referrers(subject)).rejects.toThrow(`/referrers/${subject}`);
    expect(server.asked.filter(({ url }) => url.includes('/manifests/'))).toEqual([]);
  });

  it.each([
    [303, { location: 'https://github.com/nothing' }],
    [404, {}],
    [405, {}],
    [400, {}],
    [200, { 'content-type': 'text/html' }],
  ])('fall back to the tag on %i', async (status, headers) => {
    const one = madeBlob('1').descriptor;
    await using server = await startScriptedServer((request, response) => {
      if (request.url?.includes('/referrers/') === true) response.writeHead(status, headers).end('<html>');
      else response.writeHead(200, indexType).end(index(one));
    });
    await using repository = open(server.host);
    expect(await repository.referrers(subject)).toEqual([one]);
    expect(server.asked[1]?.url).toBe(`/v2/a/b/manifests/${subject.replace(':', '-')}`);
  });
});
