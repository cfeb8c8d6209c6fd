/**
 * Where a passphrase comes from: a file, the environment, or a person at a terminal. Never an argument. It is bytes, and
 * no text: what is not UTF-8 would become one and the same replacement character, and different passphrases equal.
 */
import type { ReadStream } from 'node:tty';
import { readBounded, readBoundedSync } from '../../base/files/read-file.ts';
import { UsageError } from '../../errors.ts';

/** Holds the passphrase where no file is named. */
export const PASSPHRASE_VARIABLE = 'AIRGAP_PASSPHRASE';
const VARIABLE = PASSPHRASE_VARIABLE;
const MAX_PASSPHRASE_BYTES = 1024;

/** Bytes of all variables of a process. */
const MAX_ENVIRONMENT_BYTES = 16 * 1024 * 1024;
/** What a terminal puts around text that is pasted. */
const PASTE_MARKS = /\x1b\[20[01]~/g;

/** Of the two marks. */
const PASTE_BYTES = 12;

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
export async function readPassphrase(options: PassphraseOptions): Promise<Buffer> {
  options.signal?.throwIfAborted();
  const { file, environment = process.env } = options;
  if (file !== undefined) return checked(await readPassphraseFile(file, options.signal), file);
  const value = environment[VARIABLE];
  if (value !== undefined) return checked(bytesOfVariable(value), VARIABLE);
  return askPerson(options);
}

async function readPassphraseFile(path: string, signal: AbortSignal | undefined): Promise<Buffer> {
  const tooLong = (fault: string): UsageError =>
    fault.startsWith('is longer') ? isTooLong(path) : new UsageError('USAGE', `${path}: cannot be read: it ${fault}`);
  const limit = MAX_PASSPHRASE_BYTES + 2;
  const bytes = await readBounded(path, { what: 'a passphrase', limit, signal, refuse: tooLong });
  const end = bytes.at(-1) === KEY.lineFeed ? bytes.length - (bytes.at(-2) === KEY.enter ? 2 : 1) : bytes.length;
  return bytes.subarray(0, end);
}

/** Node makes text of variables; where it had to replace bytes, the system is asked for them. */
function bytesOfVariable(value: string): Buffer {
  if (!value.includes('\uFFFD')) return Buffer.from(value);
  const all = readBoundedSync('/proc/self/environ', { what: 'an environment', limit: MAX_ENVIRONMENT_BYTES });
  const prefix = `${VARIABLE}=`;
  const entry = all.toString('latin1').split('\0').find((each) => each.startsWith(prefix)); // prettier-ignore
  const bytes = Buffer.from(entry?.slice(prefix.length) ?? '', 'latin1');
  if (bytes.toString('utf8') === value) return bytes;
  throw new UsageError('USAGE', `${VARIABLE} holds bytes that are not UTF-8`, { hint: 'give --passphrase-file' });
}

function checked(passphrase: Buffer, where: string): Buffer {
  if (passphrase.length === 0) throw new UsageError('USAGE', `${where}: the passphrase is empty`);
  if (passphrase.includes(KEY.enter) || passphrase.includes(KEY.lineFeed))
    throw new UsageError('USAGE', `${where}: the passphrase has more than one line`);
  if (passphrase.length <= MAX_PASSPHRASE_BYTES) return passphrase;
  throw isTooLong(where);
}

function isTooLong(where: string): UsageError {
  return new UsageError('USAGE', `${where}: the passphrase is longer than ${MAX_PASSPHRASE_BYTES} bytes`);
}

async function askPerson({ subject, purpose, ...options }: PassphraseOptions): Promise<Buffer> {
  const { input = process.stdin, output = process.stderr, signal } = options;
  if (!input.isTTY) {
    throw new UsageError('USAGE', `${subject} needs a passphrase and there is no terminal to ask on`, {
      hint: `set ${VARIABLE} or give --passphrase-file`,
    });
  }
  const ask = async (prompt: string): Promise<Buffer> => {
    const line = await readHiddenLine(prompt, input, output, signal);
    return Buffer.from(line.toString('latin1').replace(PASTE_MARKS, ''), 'latin1');
  };
  const passphrase = checked(await ask(`Passphrase for ${subject}: `), subject);
  if (purpose === 'create' && !(await ask('The same again: ')).equals(passphrase)) {
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
  else if (line.length <= MAX_PASSPHRASE_BYTES + PASTE_BYTES) line.push(byte);
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
