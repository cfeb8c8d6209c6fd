/** Bars on a terminal, over cli-progress: those for a total stay on top, those for single blobs come and go. */
import type { MultiBar, Params, SingleBar } from 'cli-progress';
import { toPrintable } from '../../report/printable.ts';
import { formatAmount, Rate } from './rate.ts';

/** Smaller blobs are over before their line can be read. */
const MIN_BAR_BYTES = 256 * 1024;
/** More would push the first ones off a small terminal; what has none counts in the total. */
const MAX_BARS = 12;
const MAX_BAR_CHARACTERS = 24;
const MIN_BAR_CHARACTERS = 8;
/** Of a terminal that does not say how wide it is. */
const DEFAULT_COLUMNS = 80;
const FRAMES_PER_SECOND = 10;
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
    format: (_options, params, payload: { title: string; rate?: Rate }) =>
      formatBar(params, payload, columnsOf(stream)),
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
      if (total >= MIN_BAR_BYTES && bars.size < MAX_BARS) show(key, title, total, 0);
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

/** Asked each time: windows are resized. */
function columnsOf(stream: NodeJS.WritableStream): number {
  return 'columns' in stream && typeof stream.columns === 'number' && stream.columns > 0
    ? stream.columns
    : DEFAULT_COLUMNS;
}

/** A line that fits: the bar gives way first, since name, rate and time left say more. */
function formatBar(
  params: Params,
  { title, rate }: { readonly title: string; readonly rate?: Rate },
  columns: number,
): string {
  const amount = formatAmount(params.value, params.total, rate);
  const name = fitTitle(toPrintable(title));
  const room = Math.min(MAX_BAR_CHARACTERS, columns - name.length - amount.length - 5);
  if (room < MIN_BAR_CHARACTERS) return `${name}  ${amount}`;
  const filled = Math.round(params.progress * room);
  return `${name} [${'='.repeat(filled)}${' '.repeat(room - filled)}]  ${amount}`;
}

/** The end of a long title says more than its beginning. */
function fitTitle(title: string): string {
  return title.length > TITLE_CHARACTERS ? `…${title.slice(1 - TITLE_CHARACTERS)}` : title.padEnd(TITLE_CHARACTERS);
}
