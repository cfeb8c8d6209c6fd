/** Runs a program inside this process: its own arguments, streams, environment and directory, and no start of Node to wait for. */
import { PassThrough, Readable } from 'node:stream';
import type { Surroundings } from '../../src/cli/context.ts';
import type { Program } from '../../src/cli/program.ts';
import { run } from '../../src/cli/run.ts';
import type { ProcessOptions, ProcessResult } from './process.ts';

/** Options of {@link runInside}. */
export interface InsideOptions extends ProcessOptions {
  /** The clock of the run. @defaultValue the real one */
  readonly now?: () => Date;
  /** Stops the run, as Ctrl-C does. @defaultValue never */
  readonly signal?: AbortSignal;
}

/** Runs that go on. A directory belongs to the whole process, so that a run that asks for one must be alone. */
let running = 0;
let isMoved = false;

/**
 * Runs a program to its end, whatever its exit code. What only a process of its own can show (signals, exit, Node's
 * options, memory, files that are opened) is not seen here.
 * @throws Error when the run asks for a directory while another goes on
 */
export async function runInside(
  program: Program,
  args: readonly string[],
  options: InsideOptions = {},
): Promise<ProcessResult> {
  const { cwd, env, input, now = () => new Date(), signal = new AbortController().signal } = options;
  if (isMoved || (cwd !== undefined && running > 0)) throw new Error('a run with a directory of its own must be alone');
  const [stdout, stderr] = [collect(), collect()];
  const surroundings: Surroundings = {
    stdin: input === undefined ? Readable.from([]) : Readable.from([Buffer.from(input)]),
    stdout: stdout.stream,
    stderr: stderr.stream,
    isTTY: false,
    env: { ...process.env, ...env },
    signal,
    now,
  };
  const before = process.cwd();
  running += 1;
  isMoved = cwd !== undefined;
  if (cwd !== undefined) process.chdir(cwd);
  try {
    const exitCode = await run(args, surroundings, program);
    return { exitCode, signal: null, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    running -= 1;
    if (isMoved) process.chdir(before);
    isMoved = false;
  }
}

/** A stream that keeps what is written to it. */
function collect(): { readonly stream: PassThrough; text(): string } {
  const stream = new PassThrough();
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return {
    stream,
    text: () => Buffer.concat([...chunks, (stream.read() as Buffer | null) ?? Buffer.alloc(0)]).toString('utf8'),
  };
}
