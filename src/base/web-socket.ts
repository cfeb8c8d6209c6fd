/**
 * A WebSocket on a connection that was turned over: whole messages in, pings and the end out. What a client needs and no more.
 * @see https://www.rfc-editor.org/rfc/rfc6455
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';

/** Bytes of one message. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** A command that says nothing for minutes is no reason for a proxy on the way to take the connection for dead. */
const PING_MS = 15_000;
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const VERSION = '13';

const CONTINUATION = 0x0;
const TEXT = 0x1;
const BINARY = 0x2;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;

/** The headers that ask for a WebSocket with one of these protocols. `key`: from {@link webSocketKey}. */
export function webSocketHeaders(key: string, protocols: readonly string[]): Readonly<Record<string, string>> {
  return {
    'sec-websocket-key': key,
    'sec-websocket-version': VERSION,
    'sec-websocket-protocol': protocols.join(', '),
  };
}

/** A nonce by which the server shows that it has understood. */
export function webSocketKey(): string {
  return randomBytes(16).toString('base64');
}

/** What a server has to answer to a key. */
export function webSocketAccept(key: string): string {
  return createHash('sha1').update(`${key}${GUID}`).digest('base64');
}

/** One frame of a client, masked as it has to be. */
export function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  const mask = randomBytes(4);
  const masked = Buffer.from(payload);
  for (let index = 0; index < masked.length; index++) masked[index] = (masked[index] ?? 0) ^ (mask[index & 3] ?? 0);
  return Buffer.concat([frameHead(opcode, payload.length, 0x80), mask, masked]);
}

function frameHead(opcode: number, length: number, maskBit: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | opcode, maskBit | length]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = maskBit | (length < 65_536 ? 126 : 127);
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

/**
 * The messages of a server, in their order, until it closes or the connection ends. The socket is destroyed when the
 * messages are over or no longer asked for.
 * @throws Error for what is no WebSocket; what the socket itself throws passes through
 */
export async function* readMessages(
  socket: Duplex,
  { pingMs = PING_MS }: { readonly pingMs?: number } = {},
): AsyncGenerator<Buffer, void> {
  const timer = setInterval(() => socket.write(clientFrame(PING, Buffer.alloc(0))), pingMs);
  try {
    let parts: Buffer[] = [];
    for await (const { opcode, isLast, payload } of readFrames(socket)) {
      if (opcode === CLOSE) {
        socket.end(clientFrame(CLOSE, payload.subarray(0, 2)));
        return;
      }
      if (opcode === PING) socket.write(clientFrame(PONG, payload));
      if (opcode === PING || opcode === PONG) continue;
      if ((opcode === CONTINUATION) !== parts.length > 0) throw new Error('a WebSocket message begins in its middle');
      parts.push(payload);
      if (parts.reduce((sum, part) => sum + part.length, 0) > MAX_MESSAGE_BYTES) throw tooLong();
      if (!isLast) continue;
      yield Buffer.concat(parts);
      parts = [];
    }
  } finally {
    clearInterval(timer);
    socket.destroy();
  }
}

interface Frame {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly payload: Buffer;
}

async function* readFrames(socket: Duplex): AsyncGenerator<Frame, void> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
    for (let taken = takeFrame(held); taken !== undefined; taken = takeFrame(held)) {
      held = held.subarray(taken.length);
      yield taken.frame;
    }
  }
}

/** The first frame of what has arrived; undefined until it is whole. */
function takeFrame(bytes: Buffer): { readonly frame: Frame; readonly length: number } | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  const opcode = first & 0x0f;
  if ((first & 0x70) !== 0) throw new Error('a WebSocket frame uses an extension that was not agreed on');
  if ((second & 0x80) !== 0) throw new Error('a WebSocket frame of a server is masked');
  if (![CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG].includes(opcode))
    throw new Error('a WebSocket frame of no known kind');
  const short = second & 0x7f;
  const headLength = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < headLength) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (length > MAX_MESSAGE_BYTES) throw tooLong();
  if (bytes.length < headLength + length) return undefined;
  const payload = bytes.subarray(headLength, headLength + length);
  return { frame: { opcode, isLast: (first & 0x80) !== 0, payload }, length: headLength + length };
}

function tooLong(): Error {
  return new Error(`a WebSocket message is over ${MAX_MESSAGE_BYTES} bytes`);
}
