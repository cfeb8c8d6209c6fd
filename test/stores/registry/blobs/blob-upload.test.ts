/** Uploads to servers that misbehave: fall-backs, early answers, odd locations; never a hanging stream. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../../../src/base/bytes.ts';
import { retrying } from '../../../../src/base/retry.ts';
import { bytesOf } from '../../../../src/content/verified.ts';
import {
  createRegistryHost,
  openRepository,
  type RegistryHostOptions,
} from '../../../../src/stores/registry/registry-hosts.ts';
import type { RegistryRepository } from '../../../../src/stores/registry/repository.ts';
import { madeBlob, madeImage } from '../../../helpers/image.ts';
import { drain, startRawServer, startScriptedServer, type Answerer } from '../../../helpers/scripted-server.ts';

const QUICK = { tries: 4, baseMs: 1, maxMs: 5 };
const MIB = 1024 * 1024;
const small = madeBlob(randomBytes(5000));
const large = madeBlob(randomBytes(9 * MIB + 17));

function open(host: string, options: RegistryHostOptions = {}): RegistryRepository & AsyncDisposable {
  const client = createRegistryHost(host, { environment: {}, plainHttp: true, retry: QUICK, ...options });
  const repository = openRepository({ registry: host, repository: 'a/b' }, { host: client });
  return Object.assign(repository, { [Symbol.asyncDispose]: () => client.close() });
}

/**
 * Borrowed chunks out of one buffer that is spoilt as soon as the next chunk is asked for; tells when it was left. With
 * `answered`, the second half comes only after that, and slowly, so that the answer can be noticed.
 */
function borrowed(
  bytes: Buffer,
  answered?: Promise<void>,
): { content: Bytes; state: { given: number; isOver: boolean } } {
  const state = { given: 0, isOver: false };
  async function* content(): Bytes {
    const lent = Buffer.alloc(256 * 1024);
    try {
      for (let at = 0; at < bytes.length; at += lent.length) {
        if (answered !== undefined && at > bytes.length / 2) {
          await answered;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        const length = bytes.copy(lent, 0, at);
        state.given += length;
        yield lent.subarray(0, length);
        lent.fill(0xee);
      }
    } finally {
      state.isOver = true;
    }
  }
  return { content: content(), state };
}

/** A registry for one blob upload: `put` and `patch` answer; what was stored is kept. */
function uploads(parts: {
  readonly put: Answerer;
  readonly patch?: Answerer;
  readonly location?: (host: string) => string;
}): Answerer {
  return async (request, response, nth) => {
    if (request.method === 'HEAD') response.writeHead(404).end();
    else if (request.method === 'POST') {
      await drain(request);
      const location = parts.location?.(request.headers.host ?? '') ?? '/v2/a/b/blobs/uploads/1?_state=a%2Fb';
      response.writeHead(202, { location, 'content-length': 0 }).end();
    } else if (request.method === 'PATCH' && parts.patch !== undefined) await parts.patch(request, response, nth);
    else await parts.put(request, response, nth);
  };
}

/** Takes everything and keeps it. */
function keeping(stored: Buffer[]): Answerer {
  return async (request, response) => {
    stored.push(await drain(request));
    response.writeHead(201, { 'content-length': 0 }).end();
  };
}

describe('an upload', () => {
  it('sends borrowed chunks as they were, with their length', async () => {
    const stored: Buffer[] = [];
    await using server = await startScriptedServer(uploads({ put: keeping(stored) }));
    await using repository = open(server.host);
    const { content, state } = borrowed(large.bytes);
    await repository.push(large.descriptor, content);
    expect(Buffer.concat(stored).equals(large.bytes)).toBe(true);
    expect(state.isOver).toBe(true);
    const put = server.asked.at(-1);
    expect(put?.headers).toMatchObject({
      'content-length': String(large.bytes.length),
      'content-type': 'application/octet-stream',
    });
    expect(put?.headers['content-range']).toBeUndefined();
    expect(put?.url).toBe(`/v2/a/b/blobs/uploads/1?_state=a%2Fb&digest=${encodeURIComponent(large.descriptor.digest)}`);
  });

  it.each([
    ['absolute', (host: string) => `http://${host}/up?sig=%7E'x%2b`, `/up?sig=%7E'x%2b&digest=`],
    ['relative to the root', () => '/up', '/up?digest='],
    ['relative', () => '../../up', '/v2/a/b/up?digest='],
    ['without scheme', (host: string) => `//${host}/up`, '/up?digest='],
    ['host only', (host: string) => `${host}/up?a`, '/up?a&digest='],
  ])('goes where a location points that is %s', async (_, location, expected) => {
    const stored: Buffer[] = [];
    await using server = await startScriptedServer(uploads({ put: keeping(stored), location }));
    await using repository = open(server.host);
    await repository.push(small.descriptor, bytesOf(small.bytes));
    expect(server.asked.at(-1)?.url.startsWith(expected)).toBe(true);
  });

  it('takes its credentials to the registry only', async () => {
    const stored: Buffer[] = [];
    await using store = await startScriptedServer(keeping(stored));
    await using server = await startScriptedServer(async (request, response, nth) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Negotiate, Basic realm="a, b"' }).end();
      } else await uploads({ put: keeping(stored), location: () => `http://${store.host}/x` })(request, response, nth);
    });
    await using repository = open(server.host, { credentials: { username: 'u', password: 'p' } });
    await repository.push(small.descriptor, bytesOf(small.bytes));
    expect(store.asked).toHaveLength(1);
    expect(store.asked[0]?.headers.authorization).toBeUndefined();
    expect(server.asked.at(-1)?.headers.authorization).toBe('Basic dTpw');
  });

  it('without a location is an error', async () => {
    await using server = await startScriptedServer((request, response) => {
      response.writeHead(request.method === 'POST' ? 202 : 404, { 'content-length': 0 }).end();
    });
    await using repository = open(server.host);
    await expect(repository.push(small.descriptor, bytesOf(small.bytes))).rejects.toThrow(/without a Location/);
  });

  it('notices that something else was stored', async () => {
    await using server = await startScriptedServer(
      uploads({
        put: async (request, response) => {
          await drain(request);
          response.writeHead(201, { 'docker-content-digest': large.descriptor.digest }).end();
        },
      }),
    );
    await using repository = open(server.host);
    await expect(repository.push(small.descriptor, bytesOf(small.bytes))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  it('accepts a digest of another algorithm', async () => {
    await using server = await startScriptedServer(
      uploads({
        put: async (request, response) => {
          await drain(request);
          response.writeHead(201, { 'docker-content-digest': `sha512:${'a'.repeat(128)}` }).end();
        },
      }),
    );
    await using repository = open(server.host);
    await expect(repository.push(small.descriptor, bytesOf(small.bytes))).resolves.toBeUndefined();
  });
});

describe('an early answer', () => {
  it.each([
    [413, { code: 'REGISTRY', failure: { status: 413, retryable: true } }],
    [500, { code: 'REGISTRY', failure: { status: 500, retryable: true } }],
    [403, { code: 'DENIED' }],
    [400, { code: 'REGISTRY', failure: { status: 400, retryable: false } }],
    [401, { code: 'REGISTRY', failure: { status: 401, retryable: true } }],
  ])('%i ends the sending', async (status, expected) => {
    const answered = Promise.withResolvers<void>();
    await using server = await startScriptedServer(
      uploads({
        put: (request, response) => {
          request.once('data', () => {
            request.pause();
            response.writeHead(status, { 'content-length': 2 }).end('{}', answered.resolve);
          });
        },
      }),
    );
    await using repository = open(server.host);
    const { content, state } = borrowed(Buffer.concat([large.bytes, large.bytes, large.bytes]), answered.promise);
    const size = large.bytes.length * 3;
    await expect(repository.push({ ...large.descriptor, size }, content)).rejects.toMatchObject(expected);
    expect(state.isOver).toBe(true);
    expect(state.given).toBeLessThan(size);
  });

  it('cannot be a success', async () => {
    await using server = await startScriptedServer(
      uploads({
        put: (request, response) => {
          request.once('data', () => {
            request.pause();
            response.writeHead(201, { 'content-length': 0 }).end();
          });
        },
      }),
    );
    await using repository = open(server.host);
    const size = large.bytes.length * 3;
    const { content } = borrowed(Buffer.concat([large.bytes, large.bytes, large.bytes]));
    await expect(repository.push({ ...large.descriptor, size }, content)).rejects.toMatchObject({ code: 'REGISTRY' });
  });
});

describe('an upload of up to 1 MiB', () => {
  it.each([
    [MIB, 2, 'sent again by itself'],
    [MIB + 1, 1, 'left to who has its content'],
  ])('(%i bytes) is sent %i times after a failure: %s', async (size, puts) => {
    const blob = madeBlob(Buffer.alloc(size));
    await using server = await startScriptedServer(
      uploads({
        put: async (request, response, nth) => {
          await drain(request);
          response.writeHead(nth === 0 ? 503 : 201, { 'content-length': 0 }).end();
        },
      }),
    );
    await using repository = open(server.host);
    const push = repository.push(blob.descriptor, bytesOf(blob.bytes));
    if (puts === 2) await push;
    else await expect(push).rejects.toMatchObject({ failure: { status: 503, retryable: true } });
    expect(server.asked.filter(({ method }) => method === 'PUT')).toHaveLength(puts);
  });
});

describe('an answer to the opening of an upload', () => {
  it.each([200, 201, 404])('that is %i opens none', async (status) => {
    await using server = await startScriptedServer(async (request, response) => {
      await drain(request);
      response.writeHead(request.method === 'POST' ? status : 404, { location: '/up', 'content-length': 0 }).end();
    });
    await using repository = open(server.host);
    await expect(repository.push(small.descriptor, bytesOf(small.bytes))).rejects.toMatchObject({
      failure: { status },
    });
    expect(server.asked.map(({ method }) => method)).toEqual(['HEAD', 'POST']);
  });
});

describe('an answer to the end of an upload', () => {
  it.each([200, 201, 204])('that is %i means that it is stored', async (status) => {
    await using server = await startScriptedServer(
      uploads({ put: async (request, response) => (await drain(request), void response.writeHead(status).end()) }),
    );
    await using repository = open(server.host);
    await repository.push(small.descriptor, bytesOf(small.bytes));
    expect(server.asked.map(({ method }) => method)).toEqual(['HEAD', 'POST', 'PUT']);
  });

  it.each([202, 206])('that is %i does not', async (status) => {
    await using server = await startScriptedServer(
      uploads({
        put: async (request, response) => (
          await drain(request),
          void response.writeHead(status, { 'content-length': 0 }).end()
        ),
      }),
    );
    await using repository = open(server.host);
    await expect(repository.push(small.descriptor, bytesOf(small.bytes))).rejects.toMatchObject({
      failure: { status },
    });
  });
});

describe('a broken upload', () => {
  it('of a large blob says that it may be tried again, and lets go of the content', async () => {
    await using server = await startScriptedServer(
      uploads({ put: (request) => void request.once('data', () => request.socket.destroy()) }),
    );
    await using repository = open(server.host);
    const { content, state } = borrowed(large.bytes);
    await expect(repository.push(large.descriptor, content)).rejects.toMatchObject({
      code: 'REGISTRY',
      failure: { status: 0, retryable: true },
    });
    expect(state.isOver).toBe(true);
  });

  it('of a small blob is tried again by itself', async () => {
    const stored: Buffer[] = [];
    await using server = await startScriptedServer(
      uploads({
        put: async (request, response, nth) => {
          if (nth < 2) request.socket.destroy();
          else await keeping(stored)(request, response, nth);
        },
      }),
    );
    await using repository = open(server.host);
    await repository.push(small.descriptor, bytesOf(small.bytes));
    expect(stored[0]?.equals(small.bytes)).toBe(true);
  });

  it('passes on what the content itself threw', async () => {
    await using server = await startScriptedServer(uploads({ put: keeping([]) }));
    await using repository = open(server.host);
    async function* failing(): Bytes {
      yield large.bytes.subarray(0, 2 * MIB);
      throw new TypeError('the disc is gone');
    }
    await expect(repository.push(large.descriptor, failing())).rejects.toThrow(new TypeError('the disc is gone'));
  });

  it('ends when its signal says so', async () => {
    const stop = new AbortController();
    await using server = await startScriptedServer(
      uploads({ put: (request) => void request.once('data', () => stop.abort()) }),
    );
    await using repository = open(server.host);
    const { content, state } = borrowed(large.bytes);
    await expect(repository.push(large.descriptor, content, { signal: stop.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(state.isOver).toBe(true);
  });

  it('does not believe an answer that is not HTTP', async () => {
    await using server = await startRawServer((socket) => {
      socket.on('data', (data) => {
        const isPost = data.toString('latin1').startsWith('POST');
        if (isPost) socket.write('HTTP/1.1 202 Accepted\r\nlocation: /up\r\ncontent-length: 0\r\n\r\n');
        else if (data.toString('latin1').startsWith('HEAD'))
          socket.write('HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n');
        else socket.write('SMTP ready\r\n\r\n');
      });
    });
    await using repository = open(server.host);
    await expect(repository.push(small.descriptor, bytesOf(small.bytes))).rejects.toMatchObject({ code: 'REGISTRY' });
  });
});

describe('pieces', () => {
  /** Takes ordered pieces up to a limit and answers with what it holds. */
  function inPieces(held: Buffer[], limit: number): Answerer {
    return async (request, response) => {
      const piece = await drain(request);
      if (piece.length > limit) {
        response.writeHead(413, { 'content-type': 'text/html' }).end('<html>413</html>');
        return;
      }
      held.push(piece);
      const total = Buffer.concat(held).length;
      const location = `/v2/a/b/blobs/uploads/1?_state=${total}`;
      response.writeHead(202, { location, range: `0-${total - 1}`, 'content-length': 0 }).end();
    };
  }

  async function pushUntilStored(repository: RegistryRepository): Promise<number> {
    for (let tries = 1; ; tries++) {
      try {
        await repository.push(large.descriptor, borrowed(large.bytes).content);
        return tries;
      } catch (error) {
        if (tries > 5 || (error as { failure?: { retryable: boolean } }).failure?.retryable !== true) throw error;
      }
    }
  }

  it('are made as small as a proxy demands, and the way is remembered', async () => {
    let held: Buffer[] = [];
    const limited = (request: IncomingMessage, response: ServerResponse, nth: number): void | Promise<void> => {
      if (Number(request.headers['content-length']) === 0) {
        response.writeHead(201, { 'content-length': 0 }).end();
        return;
      }
      return inPieces(held, 5 * MIB)(request, response, nth);
    };
    await using server = await startScriptedServer((request, response, nth) => {
      if (request.method === 'POST') held = [];
      return uploads({ put: limited, patch: limited })(request, response, nth);
    });
    await using repository = open(server.host);
    expect(await pushUntilStored(repository)).toBe(3); // one PUT, 16 MiB, 4 MiB
    expect(Buffer.concat(held).equals(large.bytes)).toBe(true);
    const ranges = server.asked.slice(-4).map(({ headers }) => headers['content-range']);
    expect(ranges).toEqual(['0-4194303', '4194304-8388607', '8388608-9437200', undefined]);
    expect(await pushUntilStored(repository)).toBe(1);
  });

  it('are one PATCH where only PUT with content is refused', async () => {
    const held: Buffer[] = [];
    const patch = inPieces(held, Infinity);
    await using server = await startScriptedServer(
      uploads({
        put: async (request, response) => {
          await drain(request);
          response.writeHead(request.headers['content-length'] === '0' ? 201 : 404, { 'content-length': 0 }).end();
        },
        patch,
      }),
    );
    await using repository = open(server.host);
    await repository.push(small.descriptor, bytesOf(small.bytes));
    expect(Buffer.concat(held).equals(small.bytes)).toBe(true);
    const patched = server.asked.find(({ method }) => method === 'PATCH');
    expect(patched?.headers['content-range']).toBeUndefined();
  });

  it.each([404, 405, 411, 413, 416])('take the place of one PUT that is answered with %i', async (status) => {
    const held: Buffer[] = [];
    await using server = await startScriptedServer(
      uploads({
        put: async (request, response) => {
          await drain(request);
          response.writeHead(request.headers['content-length'] === '0' ? 201 : status, { 'content-length': 0 }).end();
        },
        patch: inPieces(held, Infinity),
      }),
    );
    await using repository = open(server.host);
    await repository.push(small.descriptor, bytesOf(small.bytes));
    expect(Buffer.concat(held).equals(small.bytes)).toBe(true);
    expect(server.asked.map(({ method }) => method).filter((method) => method !== 'HEAD')).toEqual([
      'POST',
      'PUT',
      'POST',
      'PATCH',
      'PUT',
    ]);
  });

  it('are as large as the registry demands, and each goes to where the last answer points', async () => {
    const blob = madeBlob(randomBytes(3 * MIB));
    const held: Buffer[] = [];
    const paths: string[] = [];
    await using server = await startScriptedServer(async (request, response) => {
      if (request.method === 'HEAD') {
        response.writeHead(404).end();
        return;
      }
      const body = await drain(request);
      const to = (nth: number): object => ({ location: `/v2/a/b/blobs/uploads/${nth}?_state=s%2F${nth}` });
      if (request.method === 'POST') {
        held.length = paths.length = 0;
        response.writeHead(202, { ...to(0), 'oci-chunk-min-length': 2 * MIB, 'content-length': 0 }).end();
        return;
      }
      paths.push(`${request.method} ${request.url?.replace(/digest=.*/, 'digest')}`);
      const isWhole = request.method === 'PUT' && body.length > 0;
      // As a proxy does that takes no more than 2 MiB: smaller pieces than demanded would be refused by the registry.
      if (isWhole || body.length > 2 * MIB) response.writeHead(413, { 'content-length': 0 }).end();
      else if (request.method === 'PATCH') {
        held.push(body);
        const end = held.reduce((sum, { length }) => sum + length, 0) - 1;
        response.writeHead(202, { ...to(held.length), range: `0-${end}`, 'content-length': 0 }).end();
      } else response.writeHead(201, { 'content-length': 0 }).end();
    });
    await using repository = open(server.host);
    await retrying(() => repository.push(blob.descriptor, bytesOf(blob.bytes)), { policy: { ...QUICK, tries: 9 } });
    expect(Buffer.concat(held).equals(blob.bytes)).toBe(true);
    expect(held.map(({ length }) => length)).toEqual([2 * MIB, MIB]);
    expect(paths).toEqual([
      'PATCH /v2/a/b/blobs/uploads/0?_state=s%2F0',
      'PATCH /v2/a/b/blobs/uploads/1?_state=s%2F1',
      'PUT /v2/a/b/blobs/uploads/2?_state=s%2F2&digest',
    ]);
  });

  it.each(['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID'])(
    'and a session that is lost (%s) are begun anew, as they were',
    async (code) => {
      const stored: Buffer[] = [];
      await using server = await startScriptedServer((request, response, nth) =>
        uploads({
          put: async (put, answer) => {
            const body = await drain(put);
            if (nth === 0) {
              const lost = JSON.stringify({ errors: [{ code, message: 'no such upload' }] });
              answer.writeHead(404, { 'content-type': 'application/json', 'content-length': lost.length }).end(lost);
              return;
            }
            stored.push(body);
            answer.writeHead(201, { 'content-length': 0 }).end();
          },
        })(request, response, nth),
      );
      await using repository = open(server.host);
      await repository.push(small.descriptor, bytesOf(small.bytes));
      expect(Buffer.concat(stored).equals(small.bytes)).toBe(true);
      expect(server.asked.map(({ method }) => method)).not.toContain('PATCH');
    },
  );

  it.each([
    [1024 * MIB, 'no failure'],
    [1024 * MIB + 1, 'it demands pieces of more than 1 GiB'],
    ['many', 'no failure'],
  ])('of at least %s bytes are made, up to 1 GiB', async (least, why) => {
    const held: Buffer[] = [];
    const refusing = uploads({
      put: async (request, response) => {
        await drain(request);
        response.writeHead(request.headers['content-length'] === '0' ? 201 : 411, { 'content-length': 0 }).end();
      },
      patch: inPieces(held, Infinity),
    });
    await using server = await startScriptedServer((request, response, nth) => {
      response.setHeader('oci-chunk-min-length', least);
      return refusing(request, response, nth);
    });
    await using repository = open(server.host);
    const outcome = await repository.push(small.descriptor, bytesOf(small.bytes)).then(
      () => 'no failure',
      (error: unknown) => (error as Error).message,
    );
    expect(outcome).toContain(why);
    if (why === 'no failure') expect(Buffer.concat(held).equals(small.bytes)).toBe(true);
    else expect(server.asked.map(({ method }) => method)).not.toContain('PATCH');
  });

  it.each([
    ['a PATCH is refused', 400, 201],
    ['the end is refused', 202, 400],
  ])('end where %s', async (_, patched, put) => {
    let sessions = 0;
    await using server = await startScriptedServer(async (request, response) => {
      await drain(request);
      const isFirst = request.method === 'PUT' && request.headers['content-length'] !== '0';
      const status = { HEAD: 404, POST: 202, PATCH: patched, PUT: isFirst ? 405 : put }[request.method ?? ''] ?? 500;
      if (request.method === 'POST') sessions++;
      response
        .writeHead(status, { ...(request.method === 'POST' ? { location: '/up' } : {}), 'content-length': 0 })
        .end();
    });
    await using repository = open(server.host);
    await expect(repository.push(small.descriptor, bytesOf(small.bytes))).rejects.toMatchObject({
      failure: { status: 400 },
    });
    expect(sessions).toBe(2);
  });

  it('become no smaller than 1 MiB: then the refusal counts', async () => {
    const sizes: (string | undefined)[] = [];
    const blob = madeBlob(Buffer.alloc(2 * MIB));
    const refuse: Answerer = async (request, response) => {
      sizes.push(request.headers['content-length']);
      await drain(request);
      response.writeHead(413, { 'content-length': 0 }).end();
    };
    await using server = await startScriptedServer(uploads({ put: refuse, patch: refuse }));
    await using repository = open(server.host);
    const push = retrying(() => repository.push(blob.descriptor, bytesOf(blob.bytes)), {
      policy: { ...QUICK, tries: 9 },
    });
    await expect(push).rejects.toMatchObject({ failure: { status: 413, retryable: false } });
    // 16 and 4 MiB are more than there is.
    expect(sizes).toEqual([2 * MIB, 2 * MIB, 2 * MIB, MIB].map(String));
  });

  it('that the registry drops are noticed', async () => {
    await using server = await startScriptedServer(
      uploads({
        put: async (request, response) => {
          await drain(request);
          response.writeHead(413, { 'content-length': 0 }).end();
        },
        patch: async (request, response, nth) => {
          await drain(request);
          if (nth === 0 && Number(request.headers['content-length']) > 5 * MIB) response.writeHead(413).end();
          else response.writeHead(201, { range: '0-4194303', location: '/v2/a/b/blobs/uploads/1' }).end();
        },
      }),
    );
    await using repository = open(server.host);
    await expect(pushUntilStored(repository)).rejects.toThrow(/but it holds 0-4194303/);
  });
});

describe('a mount', () => {
  it.each([401, 403, 404, 405, 500])('refused with %i is no failure', async (status) => {
    await using server = await startScriptedServer(async (request, response) => {
      await drain(request);
      response.writeHead(status, { 'content-length': 0 }).end();
    });
    await using repository = open(server.host);
    const from = openRepository({ registry: server.host, repository: 'c/d' }, { host: repository.host });
    expect(await repository.mount(small.descriptor, from)).toBe(false);
    expect(server.asked).toHaveLength(1);
    const query = `?mount=${encodeURIComponent(small.descriptor.digest)}&from=c%2Fd`;
    expect(server.asked[0]?.url).toBe(`/v2/a/b/blobs/uploads/${query}`);
  });

  it('from another registry is not even asked for', async () => {
    await using server = await startScriptedServer((_, response) => void response.end());
    await using repository = open(server.host);
    await using other = open('127.0.0.1:1');
    expect(await repository.mount(small.descriptor, other)).toBe(false);
    expect(server.asked).toHaveLength(0);
  });
});

describe('a manifest', () => {
  const image = madeImage([]).manifest;

  it('is put as it is, with its own type, and read back where the registry does not name its digest', async () => {
    let stored: Buffer | undefined;
    await using server = await startScriptedServer(async (request, response) => {
      if (request.method === 'PUT') stored = await drain(request);
      const answer = request.method === 'HEAD' ? { 'docker-content-digest': image.descriptor.digest } : {};
      response.writeHead(request.method === 'PUT' ? 201 : 200, {
        ...answer,
        'content-type': image.descriptor.mediaType,
        'content-length': request.method === 'HEAD' ? image.bytes.length : 0,
      });
      response.end();
    });
    await using repository = open(server.host);
    await repository.push(image.descriptor, bytesOf(image.bytes));
    expect(stored?.equals(image.bytes)).toBe(true);
    expect(server.asked.map(({ method }) => method)).toEqual(['PUT', 'HEAD']);
    expect(server.asked[0]?.headers['content-type']).toBe(image.descriptor.mediaType);
    await repository.tag(image.descriptor, 'v1');
    expect(server.asked.some(({ method }) => method === 'GET')).toBe(false);
  });

  it('that the registry stores under another digest is refused', async () => {
    await using server = await startScriptedServer(async (request, response) => {
      await drain(request);
      response.writeHead(201, { 'docker-content-digest': small.descriptor.digest }).end();
    });
    await using repository = open(server.host);
    await expect(repository.push(image.descriptor, bytesOf(image.bytes))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  it('with other bytes than declared is not sent', async () => {
    await using server = await startScriptedServer((_, response) => void response.end());
    await using repository = open(server.host);
    const changed = Buffer.from(image.bytes);
    changed[5] = (changed[5] ?? 0) ^ 1;
    await expect(repository.push(image.descriptor, bytesOf(changed))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(server.asked).toHaveLength(0);
  });

  it('with a subject is linked by the registry that says so', async () => {
    const subject = madeImage([small]).manifest.descriptor;
    const signature = madeImage([], { subject }).manifest;
    await using server = await startScriptedServer(async (request, response) => {
      await drain(request);
      const headers = { 'docker-content-digest': signature.descriptor.digest, 'oci-subject': subject.digest };
      response.writeHead(201, headers).end();
    });
    await using repository = open(server.host);
    await repository.push(signature.descriptor, bytesOf(signature.bytes));
    expect(server.asked).toHaveLength(1);
  });
});
