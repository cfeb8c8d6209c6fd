/** Bars on a terminal, over cli-progress: those for a total stay on top, those for single blobs come and go. */
import type { MultiBar, Params, SingleBar } from 'cli-progress';
import { formatBytes, formatDuration } from '../../report/format.ts';
import { toPrintable } from '../../report/printable.ts';

/** Smaller blobs are over before anybody could read their line. */
const MIN_BAR_BYTES = 256 * 1024;
const BAR_CHARACTERS = 24;
const FRAMES_PER_SECOND = 10;
/** The rate is measured over about this time, so that it follows the network and does not flicker. */
const RATE_WINDOW_MS = 4_000;
const TITLE_CHARACTERS = 24;

/** A stack of bars, addressed by keys. */
export interface Bars {
  /** Shows a bar with rate and time left; does nothing when the key has one. */
  total(key: string, title: string, totalBytes: number, doneBytes: number): void;
  /** Shows a bar for one blob. */
  start(key: string, title: string, totalBytes: number): void;
  advance(key: string, bytes: number): void;
  set(key: string, bytes: number): void;
  end(key: string): void;
  /** A line above the bars. */
  log(line: string): void;
  close(): void;
}

interface Bar {
  readonly single: SingleBar;
  readonly total: number;
  readonly rate: Rate | undefined;
  done: number;
}

/** Opens bars on a terminal. The library is loaded only here. */
export async function openBars(stream: NodeJS.WritableStream): Promise<Bars> {
  const { default: progress } = await import('cli-progress');
  const multi: MultiBar = new progress.MultiBar({
    stream,
    fps: FRAMES_PER_SECOND,
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
    format: (_options, params, payload: { title: string; rate?: Rate }) => formatBar(params, payload),
  });
  const bars = new Map<string, Bar>();
  const show = (key: string, title: string, total: number, done: number, rate?: Rate): void => {
    const payload = rate === undefined ? { title } : { title, rate };
    const single = multi.create(total, Math.min(done, total), payload);
    bars.set(key, { single, total, rate, done });
  };
  const set = (bar: Bar, bytes: number): void => {
    bar.rate?.add(bytes - bar.done);
    bar.done = bytes;
    bar.single.update(Math.min(bytes, bar.total));
  };
  return {
    total: (key, title, total, done) => {
      if (!bars.has(key)) show(key, title, total, done, new Rate());
    },
    start: (key, title, total) => {
      if (total >= MIN_BAR_BYTES) show(key, title, total, 0);
    },
    advance: (key, bytes) => {
      const bar = bars.get(key);
      if (bar !== undefined) set(bar, bar.done + bytes);
    },
    set: (key, bytes) => {
      const bar = bars.get(key);
      if (bar !== undefined) set(bar, bytes);
    },
    end: (key) => {
      const bar = bars.get(key);
      if (bar === undefined) return;
      multi.remove(bar.single);
      bars.delete(key);
    },
    log: (line) => multi.log(`${toPrintable(line)}\n`),
    close: () => {
      multi.update();
      multi.stop();
    },
  };
}

/** Bytes per second over the last few seconds. */
export class Rate {
  readonly #clock: () => number;
  #bytes = 0;
  /** Waiting for the first byte does not count. */
  #since: number | undefined;

  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  add(bytes: number): void {
    const now = this.#clock();
    this.#since ??= now;
    this.#bytes += bytes;
    // Both halves shrink together, so the quotient stays and older bytes weigh less.
    if (now - this.#since > RATE_WINDOW_MS) {
      this.#bytes /= 2;
      this.#since = now - (now - this.#since) / 2;
    }
  }

  /** 0 while nothing is known. */
  get perSecond(): number {
    const elapsedMs = this.#since === undefined ? 0 : this.#clock() - this.#since;
    return elapsedMs < 200 || this.#bytes <= 0 ? 0 : (this.#bytes / elapsedMs) * 1000;
  }
}

function formatBar(params: Params, { title, rate }: { readonly title: string; readonly rate?: Rate }): string {
  const filled = Math.round(params.progress * BAR_CHARACTERS);
  const bar = '='.repeat(filled) + ' '.repeat(BAR_CHARACTERS - filled);
  const percent = `${Math.floor(params.progress * 100)}%`.padStart(4);
  const amount = `${formatBytes(params.value)} / ${formatBytes(params.total)}`;
  const line = `${fitTitle(toPrintable(title))} [${bar}] ${percent}  ${amount}`;
  const speed = rate?.perSecond ?? 0;
  if (speed <= 0 || params.value >= params.total) return line;
  return `${line}  ${formatBytes(speed)}/s  ${formatTimeLeft((params.total - params.value) / speed)} left`;
}

/** The end of a long title says more than its beginning. */
function fitTitle(title: string): string {
  return title.length > TITLE_CHARACTERS ? `…${title.slice(1 - TITLE_CHARACTERS)}` : title.padEnd(TITLE_CHARACTERS);
}

/** Whole seconds: less is of no use. */
function formatTimeLeft(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  return whole < 60 ? `${whole} s` : formatDuration(whole * 1000);
}
