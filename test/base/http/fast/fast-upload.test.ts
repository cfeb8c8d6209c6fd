/** One connection of uploads against servers that answer byte by byte as a test says. */
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../../../src/base/bytes.ts';
import { UploadConnection, type Sending, type ShortAnswer } from '../../../../src/base/http/fast/fast-upload.ts';
import { bytesOf } from '../../../../src/content/verified.ts';
import { startRawServer, type ScriptedServer } from '../../../helpers/scripted-server.ts';

const HEAD = 'PUT / HTTP/1.1\r\ncontent-length: 5\r\n\r\n';

/** Answers with these texts, each when as many bytes as a request has have come. */
function startAnswers(...answers: readonly string[]): Promise<ScriptedServer & { readonly sockets: Socket[] }> {
  const sockets: Socket[] = [];
  return startRawServer((socket) => {
    sockets.push(socket);
    let [received, nth] = [0, 0];
    socket.on('data', (bytes: Buffer) => {
      received += bytes.length;
      if (received < HEAD.length + 5) return;
      received -= HEAD.length + 5;
      socket.write(answers[Math.min(nth++, answers.length - 1)] ?? '');
    });
  }).then((server) => Object.assign(server, { sockets }));
}

async function open(server: ScriptedServer): Promise<UploadConnection> {
  return UploadConnection.open({ url: new URL(`http://${server.host}/`), tls: undefined });
}

function send(connection: UploadConnection, more: Partial<Sending> = {}): Promise<ShortAnswer> {
  const content = bytesOf(Buffer.from('he'), Buffer.from('llo'));
  return connection.send({ head: HEAD, content, onSent: () => undefined, ...more });
}

describe('a connection of uploads', () => {
  it.each([
    ['HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok', 201, 'ok'],
    ['HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
    [
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\na: b\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok',
      201,
      'ok',
    ],
  ])('serves again after %j', async (answer, status, body) => {
    await using server = await startAnswers(answer);
    const connection = await open(server);
    for (let times = 0; times < 3; times++) {
      let sent = 0;
      const result = await send(connection, { onSent: (bytes) => (sent += bytes) });
      expect([result.head.status, result.body.toString(), result.isEarly, sent]).toEqual([status, body, false, 5]);
      expect(connection.isIdle).toBe(true);
    }
    expect(server.sockets).toHaveLength(1);
    connection.close();
    expect(connection.isIdle).toBe(false);
    await expect(send(connection)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it.each([
    ['HTTP/1.1 201 x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok', 'ok'],
    ['HTTP/1.1 201 x\r\n\r\nuntil the end', ''],
    ['HTTP/1.1 201 x\r\ncontent-length: 2\r\n\r\nok and more', 'ok'],
  ])('is over after %j', async (answer, body) => {
    await using server = await startAnswers(answer);
    const connection = await open(server);
    expect((await send(connection)).body.toString()).toBe(body);
    expect(connection.isIdle).toBe(false);
  });

  it('keeps bodies of up to 64 KiB, and does not wait for longer ones', async () => {
    const answer = (size: number, sent: number): string =>
      `HTTP/1.1 400 x\r\ncontent-length: ${size}\r\n\r\n${'x'.repeat(sent)}`;
    await using server = await startAnswers(answer(65_536, 65_536));
    const connection = await open(server);
    expect((await send(connection)).body).toHaveLength(65_536);
    expect(connection.isIdle).toBe(true);
    connection.close();
    await using endless = await startAnswers(answer(65_537, 10));
    const other = await open(endless);
    expect((await send(other)).head.status).toBe(400);
    expect(other.isIdle).toBe(false);
  });

  it('is not idle while it sends, and keeps what it sends apart from what it is sent unasked', async () => {
    await using server = await startAnswers('');
    const connection = await open(server);
    const sending = send(connection);
    expect(connection.isIdle).toBe(false);
    connection.close();
    await expect(sending).rejects.toMatchObject({ code: 'ECONNRESET' });
    const idle = await open(server);
    expect(idle.isIdle).toBe(true);
    await expect.poll(() => server.sockets.length).toBe(2);
    server.sockets[1]?.write('HTTP/1.1 408 Request Timeout\r\n\r\n');
    await expect.poll(() => idle.isIdle).toBe(false);
    expect(idle.isUnfit).toBe(false);
  });

  it('is left to others where the answer is not plain HTTP/1.1', async () => {
    await using server = await startAnswers('HTTP/1.0 200 OK\r\n\r\n');
    const connection = await open(server);
    await expect(send(connection)).rejects.toThrow('the answer is not plain HTTP/1.1');
    expect([connection.isUnfit, connection.isIdle]).toEqual([true, false]);
  });

  it('stops sending when the answer comes early, and is over', async () => {
    await using server = await startRawServer((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 413 x\r\ncontent-length: 2\r\n\r\nno'));
    });
    const connection = await open(server);
    let given = 0;
    async function* endless(): Bytes {
      for (;;) {
        given++;
        await new Promise((resolve) => setTimeout(resolve, 2));
        yield Buffer.alloc(10);
      }
    }
    const answer = await send(connection, { content: endless() });
    expect([answer.head.status, answer.body.toString(), answer.isEarly]).toEqual([413, 'no', true]);
    expect(given).toBeGreaterThan(0);
    expect(connection.isIdle).toBe(false);
  });

  it('breaks where the server hangs up, before the answer or in its head', async () => {
    for (const said of ['', 'HTTP/1.1 20']) {
      await using server = await startRawServer((socket) => void socket.once('data', () => socket.end(said)));
      const connection = await open(server);
      await expect(send(connection)).rejects.toMatchObject({
        code: expect.stringMatching(/ECONNRESET|EPIPE/) as string,
      });
      expect(connection.isIdle).toBe(false);
    }
  });

  it('passes on what its content throws, and the reason of its signal, and is over', async () => {
    await using server = await startAnswers('');
    async function* failing(): Bytes {
      yield Buffer.from('he');
      throw new Error('the source broke');
    }
    const connection = await open(server);
    await expect(send(connection, { content: failing() })).rejects.toThrow('the source broke');
    expect(connection.isIdle).toBe(false);
    const stop = new AbortController();
    const other = await open(server);
    const sending = send(other, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 5);
    await expect(sending).rejects.toThrow('enough');
    expect(other.isIdle).toBe(false);
    const third = await open(server);
    await expect(send(third, { signal: stop.signal })).rejects.toThrow('enough');
    expect(third.isIdle).toBe(true);
    third.close();
  });
});
