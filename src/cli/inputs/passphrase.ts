/** Where a passphrase comes from: a file, the environment, or a person at a terminal. Never an argument. */
import { open } from 'node:fs/promises';
import type { ReadStream } from 'node:tty';
import { UsageError } from '../../errors.ts';

const VARIABLE = 'AIRGAP_PASSPHRASE';
const MAX_PASSPHRASE_BYTES = 1024;

const KEY = {
  interrupt: 0x03,
  endOfInput: 0x04,
  backspace: 0x08,
  lineFeed: 0x0a,
  enter: 0x0d,
  clear: 0x15,
  erase: 0x7f,
};

/** What is asked for, and where to look. */
export interface PassphraseOptions {
  /** What the passphrase opens, such as the key's path; part of the prompt. */
  readonly subject: string;
  /** `create` asks twice, so that a slip of the finger locks no one out. */
  readonly purpose: 'create' | 'use';
  /** The value of `--passphrase-file`. It goes before the environment. */
  readonly file?: string | undefined;
  /** @defaultValue `process.env` */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** @defaultValue `process.stdin` */
  readonly input?: ReadStream;
  /** Prompts go here. @defaultValue `process.stderr` */
  readonly output?: NodeJS.WritableStream;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The passphrase, from the first of: `--passphrase-file`, the variable `AIRGAP_PASSPHRASE`, a prompt without echo.
 * @throws UsageError when none of them can give one, it is empty or longer than 1,024 bytes, or the two entries differ.
 * @throws DOMException `AbortError` when the person presses Ctrl-C or the signal fires.
 */
export async function readPassphrase(options: PassphraseOptions): Promise<string> {
  options.signal?.throwIfAborted();
  const { file, environment = process.env } = options;
  if (file !== undefined) return checked(await readPassphraseFile(file), file);
  const value = environment[VARIABLE];
  if (value !== undefined) return checked(value, VARIABLE);
  return askPerson(options);
}

async function readPassphraseFile(path: string): Promise<string> {
  const buffer = Buffer.alloc(MAX_PASSPHRASE_BYTES + 3);
  let length = 0;
  try {
    await using file = await open(path);
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = (await file.read(buffer, length, buffer.length - length)).bytesRead;
    }
  } catch (error) {
    throw new UsageError('USAGE', `${path}: the passphrase file cannot be read`, { cause: error });
  }
  return buffer.toString('utf8', 0, length).replace(/\r?\n$/, '');
}

function checked(passphrase: string, where: string): string {
  if (passphrase === '') throw new UsageError('USAGE', `${where}: the passphrase is empty`);
  if (/[\r\n]/.test(passphrase)) throw new UsageError('USAGE', `${where}: the passphrase has more than one line`);
  if (Buffer.byteLength(passphrase) <= MAX_PASSPHRASE_BYTES) return passphrase;
  throw new UsageError('USAGE', `${where}: the passphrase is longer than ${MAX_PASSPHRASE_BYTES} bytes`);
}

async function askPerson({ subject, purpose, ...options }: PassphraseOptions): Promise<string> {
  const { input = process.stdin, output = process.stderr, signal } = options;
  if (!input.isTTY) {
    throw new UsageError('USAGE', `${subject} needs a passphrase and there is no terminal to ask on`, {
      hint: `set ${VARIABLE} or give --passphrase-file`,
    });
  }
  const ask = async (prompt: string): Promise<string> =>
    (await readHiddenLine(prompt, input, output, signal)).toString('utf8');
  const passphrase = checked(await ask(`Passphrase for ${subject}: `), subject);
  if (purpose === 'create' && (await ask('The same again: ')) !== passphrase) {
    throw new UsageError('USAGE', `${subject}: the two passphrases differ`, { hint: 'run the command again' });
  }
  return passphrase;
}

/** One line typed without echo. The terminal and the stream are left as they were, with what follows the line unread. */
function readHiddenLine(
  prompt: string,
  input: ReadStream,
  output: NodeJS.WritableStream,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const line: number[] = [];
  const onData = (chunk: Buffer): void => {
    for (const [index, byte] of chunk.entries()) {
      if (byte === KEY.interrupt) return reject(new DOMException('interrupted at the passphrase prompt', 'AbortError'));
      if (byte === KEY.enter || byte === KEY.lineFeed || byte === KEY.endOfInput) {
        input.pause();
        if (index + 1 < chunk.length) input.unshift(chunk.subarray(index + 1));
        return resolve(Buffer.from(line));
      }
      type(line, byte);
    }
  };
  const onEnd = (): void => reject(new UsageError('USAGE', 'the terminal closed at the passphrase prompt'));
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

function type(line: number[], byte: number): void {
  if (byte === KEY.clear) line.length = 0;
  else if (byte === KEY.backspace || byte === KEY.erase) eraseCharacter(line);
  // One more than allowed is kept, so that too much is noticed and no more is held.
  else if (line.length <= MAX_PASSPHRASE_BYTES) line.push(byte);
}

/** Removes the last UTF-8 character: its continuation bytes, then its first. */
function eraseCharacter(line: number[]): void {
  let last = line.pop();
  while (last !== undefined && last >> 6 === 0b10) last = line.pop();
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new DOMException('aborted', 'AbortError');
}
