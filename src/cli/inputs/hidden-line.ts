/** One line that a person types at a terminal without seeing it: a passphrase, a password. */
import type { ReadStream } from 'node:tty';
import { UsageError } from '../../errors.ts';

/** What a terminal puts around text that is pasted. */
const PASTE_MARKS = /\x1b\[20[01]~/g;

/** Of the two marks. */
const PASTE_BYTES = 12;

/** What a terminal in raw mode sends for the keys that end or change a line. */
export const KEY = {
  interrupt: 0x03,
  endOfInput: 0x04,
  backspace: 0x08,
  lineFeed: 0x0a,
  enter: 0x0d,
  clear: 0x15,
  erase: 0x7f,
} as const;

/** Where a line is typed, and how much of it is kept. */
export interface HiddenLineOptions {
  readonly input: ReadStream;
  /** The prompt goes here. */
  readonly output: NodeJS.WritableStream;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of a line that is not too long; of a longer one more than that is returned, and not all. */
  readonly limit: number;
}

/**
 * One line typed without echo, as bytes, without what the terminal puts around pasted text. The terminal and the stream
 * are left as they were, with what follows the line unread.
 * @throws DOMException `AbortError` when the person presses Ctrl-C; the signal's reason.
 * @throws UsageError when the terminal closes.
 */
export async function readHiddenLine(prompt: string, options: HiddenLineOptions): Promise<Buffer> {
  const line = await typedLine(prompt, options);
  return Buffer.from(line.toString('latin1').replace(PASTE_MARKS, ''), 'latin1');
}

function typedLine(prompt: string, { input, output, signal, limit }: HiddenLineOptions): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const line: number[] = [];
  const onData = (chunk: Buffer): void => {
    for (const [index, byte] of chunk.entries()) {
      if (byte === KEY.interrupt) return reject(new DOMException('interrupted at the prompt', 'AbortError'));
      if (byte === KEY.enter || byte === KEY.lineFeed || byte === KEY.endOfInput) {
        input.pause();
        if (index + 1 < chunk.length) input.unshift(chunk.subarray(index + 1));
        return resolve(Buffer.from(line));
      }
      type(line, byte, limit);
    }
  };
  const onEnd = (): void => reject(new UsageError('USAGE', 'the terminal closed at the prompt'));
  const onAbort = (): void => reject(asError(signal?.reason));
  const wasRaw = input.isRaw;
  // Echo ends before the prompt shows, so that typing too early is not possible.
  input.setRawMode(true);
  output.write(prompt);
  input.on('data', onData).on('end', onEnd);
  signal?.addEventListener('abort', onAbort, { once: true });
  input.resume();
  return promise.finally(() => {
    input.off('data', onData).off('end', onEnd).pause();
    signal?.removeEventListener('abort', onAbort);
    input.setRawMode(wasRaw);
    output.write('\n');
  });
}

function type(line: number[], byte: number, limit: number): void {
  if (byte === KEY.clear) line.length = 0;
  else if (byte === KEY.backspace || byte === KEY.erase) eraseCharacter(line);
  // One more than allowed is kept, so that too much is noticed and no more is held.
  else if (line.length <= limit + PASTE_BYTES) line.push(byte);
}

/** Removes the last character: all bytes of one in UTF-8, and one byte of what is none, as on a Latin-1 terminal. */
function eraseCharacter(line: number[]): void {
  const start = line.findLastIndex((byte) => byte >> 6 !== 0b10);
  const first = line[start] ?? 0;
  const length = first >> 5 === 0b110 ? 2 : first >> 4 === 0b1110 ? 3 : first >> 3 === 0b11110 ? 4 : 1;
  line.length = Math.max(0, length > 1 && start + length === line.length ? start : line.length - 1);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new DOMException('aborted', 'AbortError');
}
