/** One connection of downloads against servers that answer byte by byte as a test says. */
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { DownloadConnection } from '../../../../src/base/http/fast/download.ts';
import { startRawServer, type ScriptedServer } from '../../../helpers/scripted-server.ts';

const GET = 'GET / HTTP/1.1\r\n\r\n';
const large = Buffer.from(Array.from({ length: 1_500_000 }, (_, nth) => (nth * 7) % 253));

type Answer = string | Buffer | readonly (string | Buffer)[];

/** Answers request after request, in parts that are sent one after the other. */
function startAnswers(...answers: readonly Answer[]): Promise<ScriptedServer & { readonly sockets: Socket[] }> {
  const sockets: Socket[] = [];
  let nth = 0;
  return startRawServer((socket) => {
    sockets.push(socket.setNoDelay(true));
    socket.on('data', () => {
      const answer = answers[Math.min(nth++, answers.length - 1)] ?? '';
      void (async () => {
        for (const part of typeof answer === 'string' || Buffer.isBuffer(answer) ? [answer] : answer) {
          if (part === 'END') socket.end();
          else socket.write(part);
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
      })();
    });
  }).then((server) => Object.assign(server, { sockets }));
}

function open(server: ScriptedServer): Promise<DownloadConnection> {
  return DownloadConnection.open({ url: new URL(`http://${server.host}/`), tls: undefined });
}

async function read(connection: DownloadConnection, pauseMs = 0): Promise<Buffer | undefined> {
  const download = await connection.get(GET);
  if (download === undefined) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of download.chunks) {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

const LENGTH = (size: number): string => `HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`;
const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

describe('a connection of downloads', () => {
  it.each<[string, Answer, string]>([
    ['a body', `${LENGTH(5)}hello`, 'hello'],
    ['a body in parts', ['HTTP/1.1 200 OK\r\ncon', 'tent-length: 5\r\n\r\nhe', 'llo'], 'hello'],
    ['an empty body', LENGTH(0), ''],
    ['no content', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
    ['a refusal', 'HTTP/1.1 404 x\r\ncontent-length: 2\r\n\r\nno', 'no'],
    ['a chunked body', [CHUNKED, '5\r\nhel', 'lo\r\n0\r', '\n\r\n'], 'hello'],
    ['an empty chunked body', `${CHUNKED}0\r\n\r\n`, ''],
  ])('serves again after %s', async (_, answer, expected) => {
    await using server = await startAnswers(answer);
    const connection = await open(server);
    for (let times = 0; times < 3; times++) {
      expect((await read(connection))?.toString()).toBe(expected);
      expect(connection.isIdle).toBe(true);
    }
    expect(server.sockets).toHaveLength(1);
    connection.close();
    expect(connection.isIdle).toBe(false);
    await expect(connection.get(GET)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it.each([0, 3])('gives a large body as it is, to a reader that takes %i ms for each chunk', async (pauseMs) => {
    const framed = Buffer.concat([
      Buffer.from(`${large.length.toString(16)}\r\n`),
      large,
      Buffer.from('\r\n0\r\n\r\n'),
    ]);
    await using server = await startAnswers([LENGTH(large.length), large], [CHUNKED, framed]);
    const connection = await open(server);
    expect((await read(connection, pauseMs))?.equals(large)).toBe(true);
    expect((await read(connection, pauseMs))?.equals(large)).toBe(true);
    connection.close();
  });

  it.each<[string, Answer]>([
    ['the end of the connection', ['HTTP/1.1 200 OK\r\n\r\nhello', 'END']],
    ['an older version', 'HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello'],
    ['an interim answer', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
    ['something else', 'SSH-2.0-x\r\n\r\n'],
  ])('is left to others where the answer is bounded by %s', async (_, answer) => {
    await using server = await startAnswers(answer);
    const connection = await open(server);
    expect(await read(connection)).toBeUndefined();
    expect(connection.isIdle).toBe(false);
  });

  it.each([300, 307, 404, 503])('needs no body of a %i whose end is not said, and is over', async (status) => {
    await using server = await startAnswers(`HTTP/1.1 ${status} x\r\nlocation: /y\r\n\r\nwhatever`);
    const connection = await open(server);
    const download = await connection.get(GET);
    expect(download?.head).toMatchObject({ status, headers: { location: '/y' }, length: 0, keepsAlive: false });
    const chunks = [];
    for await (const chunk of download?.chunks ?? []) chunks.push(chunk);
    expect(chunks).toEqual([]);
    expect(connection.isIdle).toBe(false);
  });

  it.each<[string, Answer]>([
    ['says so', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello'],
    ['sends more than its chunks', `${CHUNKED}5\r\nhello\r\n0\r\n\r\nmore`],
  ])('is over after an answer that %s, which is good', async (_, answer) => {
    await using server = await startAnswers(answer);
    const connection = await open(server);
    const got = await read(connection).catch((error: unknown) => (error as Error).message);
    expect(got instanceof Buffer ? got.toString() : got).toMatch(/^hello$|more bytes came than announced/);
    expect(connection.isIdle).toBe(false);
  });

  it('does not believe more bytes than were announced', async () => {
    await using server = await startAnswers(`${LENGTH(5)}hello and more`);
    const connection = await open(server);
    const outcome = await read(connection).then(
      (bytes) => bytes?.toString(),
      (error: unknown) => (error as { code: string }).code,
    );
    expect(['hello', 'ECONNRESET']).toContain(outcome);
    expect(connection.isIdle).toBe(false);
  });

  it('is over when bytes come that nobody asked for, or the server hangs up', async () => {
    for (const said of ['HTTP/1.1 408 x\r\n\r\n', '']) {
      await using server = await startAnswers(`${LENGTH(2)}ok`);
      const connection = await open(server);
      await read(connection);
      expect(connection.isIdle).toBe(true);
      server.sockets[0]?.end(said);
      await expect.poll(() => connection.isIdle).toBe(false);
      await expect(connection.get(GET)).rejects.toMatchObject({ code: 'ECONNRESET' });
    }
  });

  it('gives what came before the server hung up, and then the failure', async () => {
    await using server = await startAnswers([`${LENGTH(10)}hello`, 'END']);
    const connection = await open(server);
    const download = await connection.get(GET);
    const got: string[] = [];
    const reading = (async () => {
      for await (const chunk of download?.chunks ?? []) got.push(Buffer.from(chunk).toString());
    })();
    await expect(reading).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(got.join('')).toBe('hello');
    expect(connection.isIdle).toBe(false);
  });

  it('keeps serving after a short body that is thrown away, and not after a long one', async () => {
    for (const [size, isIdle] of [
      [65_536, true],
      [65_537 + 300_000, false],
    ] as const) {
      await using server = await startAnswers([LENGTH(size), Buffer.alloc(size)]);
      const connection = await open(server);
      const download = await connection.get(GET);
      await download?.discard();
      expect([size, connection.isIdle]).toEqual([size, isIdle]);
      await download?.discard();
      connection.close();
    }
  });

  it('is over for a reader that leaves early', async () => {
    await using server = await startAnswers([LENGTH(large.length), large]);
    const connection = await open(server);
    for await (const chunk of (await connection.get(GET))?.chunks ?? []) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(connection.isIdle).toBe(false);
  });

  it('answers one request at a time', async () => {
    await using server = await startAnswers([LENGTH(5), 'he']);
    const connection = await open(server);
    const first = connection.get(GET);
    expect(connection.isIdle).toBe(false);
    await expect(connection.get(GET)).rejects.toThrow('the connection was closed');
    await first;
    connection.close();
  });

  it('ends with the reason of its signal, before, in the head and in the body', async () => {
    const stop = new AbortController();
    await using server = await startAnswers('', [LENGTH(5), 'he']);
    const waiting = await open(server);
    const head = waiting.get(GET, stop.signal);
    const inBody = await open(server);
    await expect.poll(() => server.sockets.length).toBe(2);
    const download = await inBody.get(GET, stop.signal);
    const body = (async () => {
      for await (const chunk of download?.chunks ?? []) expect(chunk.length).toBe(2);
    })();
    setTimeout(() => stop.abort(new Error('enough')), 20);
    await expect(head).rejects.toThrow('enough');
    await expect(body).rejects.toThrow('enough');
    expect([waiting.isIdle, inBody.isIdle]).toEqual([false, false]);
    const third = await open(server);
    await expect(third.get(GET, stop.signal)).rejects.toThrow('enough');
    expect(third.isIdle).toBe(true);
    third.close();
  });
});
