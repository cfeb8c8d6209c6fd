/**
 * Where a passphrase comes from: a file, the environment, or a person at a terminal. Never an argument. It is bytes, and
 * no text: what is not UTF-8 would become one and the same replacement character, and different passphrases equal.
 */
import type { ReadStream } from 'node:tty';
import { readBounded, readBoundedSync } from '../../base/files/read-file.ts';
import { UsageError } from '../../errors.ts';
import { KEY, readHiddenLine } from './hidden-line.ts';

/** Holds the passphrase where no file is named. */
export const PASSPHRASE_VARIABLE = 'AIRGAP_PASSPHRASE';
const VARIABLE = PASSPHRASE_VARIABLE;
const MAX_PASSPHRASE_BYTES = 1024;

/** Bytes of all variables of a process. */
const MAX_ENVIRONMENT_BYTES = 16 * 1024 * 1024;
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
  const ask = (prompt: string): Promise<Buffer> =>
    readHiddenLine(prompt, { input, output, signal, limit: MAX_PASSPHRASE_BYTES });
  const passphrase = checked(await ask(`Passphrase for ${subject}: `), subject);
  if (purpose === 'create' && !(await ask('The same again: ')).equals(passphrase)) {
    throw new UsageError('USAGE', `${subject}: the two passphrases differ`, { hint: 'run the command again' });
  }
  return passphrase;
}
