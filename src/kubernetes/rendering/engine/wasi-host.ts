/**
 * What a WebAssembly program sees of the world: its input, its output, a clock that stands at one moment and moves only
 * as the program looks at it, and random numbers that are the same each time, for one of two seeds. There is no file, no network, no
 * environment: the calls that ask for them are answered with "not supported". The same input gives the same output.
 * @see https://github.com/WebAssembly/WASI/blob/v0.2.0/legacy/preview1/docs.md
 */
import { createCipheriv, type Cipheriv } from 'node:crypto';
import { wasm, type WasmModule } from './webassembly.ts';

/** Why a call did not do what it was asked for. */
const Errno = { ok: 0, badFile: 8, notSupported: 52 } as const;
const REALTIME_CLOCK = 0;
/** 2020-01-01T00:00:00Z in nanoseconds: certificates that a chart makes need a date that a calendar has. */
const START_TIME = 1_577_836_800_000_000_000n;
/** From one seed to the next: 399 days, 4:05:06, so that every part of a date is another. */
const SEED_TIME = 34_488_306_000_000_000n;
/** By which the clock moves with each look. */
const TICK_NS = 1_000n;
const SUBSCRIPTION_BYTES = 48;
const EVENT_BYTES = 32;
const FILE_STATUS_BYTES = 24;
const CHARACTER_DEVICE = 2;
const VECTOR_BYTES = 8;
/** Of standard error the beginning is kept, where a Go program says why it ended. */
const MAX_STDERR_BYTES = 64 * 1024;

/** How the program ended. */
export interface WasiResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Thrown when the program printed more than it may. */
export class OutputLimitError extends Error {}

/** Ends the program from within one of its calls. */
class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/**
 * Runs a program to its end, in this thread.
 * @throws OutputLimitError when it prints more than `maxOutputBytes`.
 */
export function runWasi(module: WasmModule, input: Uint8Array, maxOutputBytes: number, seed: 0 | 1 = 0): WasiResult {
  const host = new WasiHost(input, maxOutputBytes, seed);
  const imports: Record<string, Record<string, (...values: never[]) => number | void>> = {};
  const calls: Readonly<Record<string, (...values: never[]) => number | void>> = host.calls;
  for (const { module: from, name } of wasm.Module.imports(module)) {
    const call = Object.hasOwn(calls, name) ? calls[name] : undefined;
    (imports[from] ??= {})[name] = call ?? (() => Errno.notSupported);
  }
  const { exports } = new wasm.Instance(module, imports);
  host.memory = exports['memory'] as { readonly buffer: ArrayBuffer };
  let exitCode = 0;
  try {
    (exports['_start'] as () => void)();
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    exitCode = error.code;
  }
  return { exitCode, stdout: Buffer.concat(host.stdout), stderr: Buffer.concat(host.stderr).toString('utf8') };
}

/** One run's side of the calls. Pointers are offsets into the program's memory. */
class WasiHost {
  memory: { readonly buffer: ArrayBuffer } = { buffer: new ArrayBuffer(0) };
  readonly stdout: Buffer[] = [];
  readonly stderr: Buffer[] = [];
  readonly #input: Uint8Array;
  readonly #maxOutputBytes: number;
  #consumed = 0;
  #printed = 0;
  #complained = 0;
  #now = 0n;
  readonly #startTime: bigint;
  readonly #random: Cipheriv;

  constructor(input: Uint8Array, maxOutputBytes: number, seed: 0 | 1) {
    this.#input = input;
    this.#maxOutputBytes = maxOutputBytes;
    this.#startTime = START_TIME + BigInt(seed) * SEED_TIME;
    this.#random = createCipheriv('aes-256-ctr', Buffer.alloc(32, seed), Buffer.alloc(16));
  }

  readonly calls = {
    args_sizes_get: (count: number, bytes: number) => this.#setNumbers([count, 1], [bytes, 2]),
    args_get: (pointers: number, text: number) => {
      // Programs expect a name of their own; the memory is new, so the end of the text is there.
      this.#bytes(text, 1).write('x');
      return this.#setNumbers([pointers, text]);
    },
    environ_sizes_get: (count: number, bytes: number) => this.#setNumbers([count, 0], [bytes, 0]),
    environ_get: () => Errno.ok,
    clock_time_get: (clock: number, _precision: bigint, time: number) => {
      this.#now += TICK_NS;
      this.#view().setBigUint64(time, clock === REALTIME_CLOCK ? this.#startTime + this.#now : this.#now, true);
      return Errno.ok;
    },
    random_get: (pointer: number, length: number) => {
      this.#bytes(pointer, length).set(this.#random.update(Buffer.alloc(length)));
      return Errno.ok;
    },
    sched_yield: () => Errno.ok,
    proc_exit: (code: number) => {
      throw new Exit(code);
    },
    fd_read: (file: number, vectors: number, count: number, done: number) => this.#read(file, vectors, count, done),
    fd_write: (file: number, vectors: number, count: number, done: number) => this.#write(file, vectors, count, done),
    fd_fdstat_get: (file: number, status: number) => {
      if (file > 2) return Errno.badFile;
      this.#bytes(status, FILE_STATUS_BYTES).fill(0)[0] = CHARACTER_DEVICE;
      return Errno.ok;
    },
    fd_fdstat_set_flags: () => Errno.ok,
    fd_prestat_get: () => Errno.badFile,
    poll_oneoff: (wanted: number, events: number, count: number, done: number) =>
      this.#wait(wanted, events, count, done),
  };

  #view(): DataView {
    // Made anew each time: the memory is another one after it grew.
    return new DataView(this.memory.buffer);
  }

  #bytes(start: number, length: number): Buffer {
    return Buffer.from(this.memory.buffer, start, length);
  }

  #setNumbers(...pairs: readonly (readonly [pointer: number, value: number])[]): number {
    for (const [pointer, value] of pairs) this.#view().setUint32(pointer, value, true);
    return Errno.ok;
  }

  *#vectors(start: number, count: number): Generator<Buffer> {
    for (let at = start; at < start + count * VECTOR_BYTES; at += VECTOR_BYTES) {
      yield this.#bytes(this.#view().getUint32(at, true), this.#view().getUint32(at + 4, true));
    }
  }

  #read(file: number, vectors: number, count: number, done: number): number {
    if (file !== 0) return Errno.badFile;
    const start = this.#consumed;
    for (const target of this.#vectors(vectors, count)) {
      const part = this.#input.subarray(this.#consumed, this.#consumed + target.length);
      target.set(part);
      this.#consumed += part.length;
    }
    return this.#setNumbers([done, this.#consumed - start]);
  }

  #write(file: number, vectors: number, count: number, done: number): number {
    if (file !== 1 && file !== 2) return Errno.badFile;
    let total = 0;
    for (const part of this.#vectors(vectors, count)) {
      total += part.length;
      if (file === 2) {
        const kept = part.subarray(0, Math.max(0, MAX_STDERR_BYTES - this.#complained));
        this.#complained += kept.length;
        if (kept.length > 0) this.stderr.push(Buffer.from(kept));
        continue;
      }
      this.#printed += part.length;
      if (this.#printed > this.#maxOutputBytes) throw new OutputLimitError('the program prints too much');
      this.stdout.push(Buffer.from(part));
    }
    return this.#setNumbers([done, total]);
  }

  /** Nothing ever comes but time: the clock moves to where the program waits for. */
  #wait(wanted: number, events: number, count: number, done: number): number {
    const view = this.#view();
    for (let index = 0; index < count; index++) {
      const subscription = wanted + index * SUBSCRIPTION_BYTES;
      const timeout = view.getBigUint64(subscription + 24, true);
      const isAbsolute = view.getUint16(subscription + 40, true) === 1;
      if (!isAbsolute) this.#now += timeout;
      else if (timeout > this.#now && timeout < START_TIME) this.#now = timeout;
      const event = events + index * EVENT_BYTES;
      this.#bytes(event, EVENT_BYTES).fill(0);
      view.setBigUint64(event, view.getBigUint64(subscription, true), true);
    }
    return this.#setNumbers([done, count]);
  }
}
