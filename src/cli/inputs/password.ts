/** Where the password of a registry comes from: a file, standard input, or a person at a terminal. Never an argument. */
import type { ReadStream } from 'node:tty';
import { readBounded } from '../../base/files/read-file.ts';
import { UsageError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { readHiddenLine } from './hidden-line.ts';
import { readStandardInput } from './standard-input.ts';

/** Tokens of cloud registries have some kilobytes, and so has a service account's key, which is a password too. */
const MAX_PASSWORD_BYTES = 64 * 1024;

/** What is asked for, and where to look. */
export interface PasswordRequest {
  /** Whose password it is, for the prompt: `alice at registry.internal:5000`. */
  readonly subject: string;
  readonly passwordFile: string | undefined;
  readonly passwordStdin: boolean;
}

/**
 * The password, from the file or the stream that was named, else from a prompt without echo. One line feed at its end,
 * which `echo` and editors add, is no part of it.
 * @throws UsageError when both are named or there is no terminal to ask on; when it is empty, holds a NUL, is longer than
 *   64 KiB or not UTF-8.
 * @throws DOMException `AbortError` when the person presses Ctrl-C.
 */
export async function readPassword(
  { stdin, stderr, signal }: Pick<Context, 'stdin' | 'stderr' | 'signal'>,
  { subject, passwordFile, passwordStdin }: PasswordRequest,
): Promise<string> {
  if (passwordFile !== undefined && passwordStdin) {
    throw new UsageError('USAGE', 'give only one of --password-file and --password-stdin');
  }
  if (passwordFile !== undefined) {
    const bytes = await readBounded(passwordFile, { what: 'a password', limit: MAX_PASSWORD_BYTES + 2, signal });
    return checked(withoutLineEnd(decode(bytes, passwordFile)), passwordFile);
  }
  if (passwordStdin) {
    const text = await readStandardInput(stdin, { limit: MAX_PASSWORD_BYTES + 2, signal });
    return checked(withoutLineEnd(text), 'standard input');
  }
  if (!isTerminal(stdin)) {
    throw new UsageError('USAGE', `there is no terminal to ask for the password of ${subject} on`, {
      hint: 'give --password-stdin or --password-file',
    });
  }
  const prompt = `Password of ${subject}: `;
  const line = await readHiddenLine(prompt, { input: stdin, output: stderr, signal, limit: MAX_PASSWORD_BYTES });
  return checked(decode(line, subject), subject);
}

function isTerminal(stdin: NodeJS.ReadableStream): stdin is ReadStream {
  return 'isTTY' in stdin && stdin.isTTY === true;
}

function decode(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError('USAGE', `${where}: the password is not UTF-8 text`, { cause });
  }
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}

function checked(password: string, where: string): string {
  const fault =
    password === ''
      ? 'is empty'
      : password.includes('\0')
        ? 'holds a NUL character, which no auth file can keep'
        : Buffer.byteLength(password) > MAX_PASSWORD_BYTES
          ? `is longer than ${MAX_PASSWORD_BYTES} bytes`
          : undefined;
  if (fault === undefined) return password;
  throw new UsageError('USAGE', `${where}: the password ${fault}`);
}
