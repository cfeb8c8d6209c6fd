/** Text from standard input, for commands that take `-` as a file. */
import { abortable } from '../../base/abortable.ts';
import { UsageError } from '../../errors.ts';

/** How standard input is read. */
export interface StandardInputOptions {
  /** Bytes that are read at most; more is refused. */
  readonly limit: number;
  /** Ends the wait for it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The whole text of a stream, whatever it is: a pipe, a socket of the program that started this one, a terminal.
 * @throws UsageError `INVALID_SPEC` for what is longer than the limit, or not UTF-8; the signal's reason.
 */
export async function readStandardInput(
  stdin: NodeJS.ReadableStream,
  { limit, signal }: StandardInputOptions,
): Promise<string> {
  const bytes = await abortable(collect(stdin, limit), signal);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError('INVALID_SPEC', 'standard input: is not UTF-8 text', { cause });
  }
}

async function collect(stdin: NodeJS.ReadableStream, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > limit) throw new UsageError('INVALID_SPEC', `standard input: is longer than ${limit} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
