/** Shows long work: bars on a terminal, one line per finished item elsewhere, nothing with `--quiet` and `--json`. */
import type { CopyEvent } from '../../content/copy.ts';
import type { Context } from '../context.ts';
import { formatBytes, formatDuration, shortDigest } from '../../report/format.ts';
import { openBars, type Bars } from './progress-bars.ts';

/** The kinds of work that have a total of their own. */
export type Work = 'copy' | 'verification';

/** Told what happens, for as long as it is open. */
export interface Progress extends Disposable {
  /** Announces work before it begins; `doneBytes` of it are there already. */
  begin(work: Work, title: string, totalBytes: number, doneBytes?: number): void;
  /** For `onEvent` of copies. */
  readonly onCopy: (event: CopyEvent) => void;
  /** For `onVerified` of loads and `onProgress` of verification: bytes so far, and in all. */
  readonly onVerified: (done: number, total: number) => void;
  /** An image is pinned, as one of so many. */
  readonly onImage: (reference: string, done: number, total: number) => void;
}

/** Opens the display that fits: dispose of it before the result is printed. */
export async function openProgress(context: Context): Promise<Progress> {
  const { output } = context;
  if (output.quiet || output.json) return silent();
  if (context.isTTY) return new BarProgress(await openBars(context.stderr));
  return new LineProgress(context);
}

/** Nothing to see. */
function silent(): Progress {
  const nothing = (): void => undefined;
  return { begin: nothing, onCopy: nothing, onVerified: nothing, onImage: nothing, [Symbol.dispose]: nothing };
}

function resolvedLine(reference: string, done: number, total: number): string {
  return `resolved ${done}/${total}  ${reference}`;
}

/** One line per finished item, for logs. */
class LineProgress implements Progress {
  readonly #context: Context;
  readonly #started = new Map<Work, number>();
  #isVerified = false;

  constructor(context: Context) {
    this.#context = context;
  }

  begin(work: Work, title: string, totalBytes: number, doneBytes = 0): void {
    this.#started.set(work, this.#context.now().getTime());
    const resumed = doneBytes > 0 ? `, ${formatBytes(doneBytes)} of it already there` : '';
    if (totalBytes > 0 && work === 'copy') this.#context.output.note(`${title}: ${formatBytes(totalBytes)}${resumed}`);
  }

  readonly onCopy = (event: CopyEvent): void => {
    const line = describeEvent(event);
    if (line !== undefined) this.#context.output.note(line);
  };

  readonly onVerified = (done: number, total: number): void => {
    if (done < total || this.#isVerified) return;
    this.#isVerified = true;
    const elapsedMs = this.#context.now().getTime() - (this.#started.get('verification') ?? Number.NaN);
    const time = Number.isNaN(elapsedMs) ? '' : ` in ${formatDuration(elapsedMs)}`;
    this.#context.output.note(`verified ${formatBytes(total)}${time}`);
  };

  readonly onImage = (reference: string, done: number, total: number): void => {
    this.#context.output.note(resolvedLine(reference, done, total));
  };

  [Symbol.dispose](): void {
    this.#started.clear();
  }
}

/** Bars: one for all of the work, one per blob on its way. */
class BarProgress implements Progress {
  readonly #bars: Bars;
  /** Bytes of each transfer that the bar for all of the work counts. */
  readonly #counted = new Map<string, number>();

  constructor(bars: Bars) {
    this.#bars = bars;
  }

  begin(work: Work, title: string, totalBytes: number, doneBytes = 0): void {
    if (totalBytes > 0) this.#bars.total(work, title, totalBytes, doneBytes);
  }

  readonly onCopy = (event: CopyEvent): void => {
    const { descriptor } = event;
    const key = `${descriptor.digest} ${event.target}`;
    switch (event.type) {
      case 'started':
        return this.#bars.start(key, shortDigest(descriptor.digest), descriptor.size);
      case 'progress':
        return this.#count(key, event.bytes);
      case 'resumed': {
        // What an earlier run left is in the total from the beginning; what a broken try left was taken out again.
        if (this.#counted.has(key)) return this.#count(key, event.bytes);
        return this.#bars.advance(key, event.bytes);
      }
      case 'copied':
        return this.#bars.end(key);
      case 'retrying': {
        this.#count(key, -(this.#counted.get(key) ?? 0));
        return this.#log(event);
      }
      case 'substituted':
        return this.#log(event);
      case 'mounted':
      case 'tagged':
        return;
    }
  };

  readonly onVerified = (done: number, total: number): void => {
    this.#bars.total('verification', 'verifying', total, 0);
    this.#bars.set('verification', done);
  };

  readonly onImage = (reference: string, done: number, total: number): void => {
    this.#bars.log(resolvedLine(reference, done, total));
  };

  #count(key: string, bytes: number): void {
    this.#counted.set(key, (this.#counted.get(key) ?? 0) + bytes);
    this.#bars.advance('copy', bytes);
    this.#bars.advance(key, bytes);
  }

  #log(event: CopyEvent): void {
    this.#bars.log(describeEvent(event) ?? '');
  }

  [Symbol.dispose](): void {
    this.#bars.close();
  }
}

/** What is worth a line in a log. */
function describeEvent(event: CopyEvent): string | undefined {
  const what = `${shortDigest(event.descriptor.digest)} (${formatBytes(event.descriptor.size)})`;
  switch (event.type) {
    case 'copied':
      return `copied  ${what} to ${event.target}`;
    case 'mounted':
      return `mounted ${what} in ${event.target}`;
    case 'tagged':
      return `tagged  ${event.target}:${event.tag}`;
    case 'resumed':
      return `resumed ${what} after ${formatBytes(event.bytes)}`;
    case 'retrying': {
      const why = event.error instanceof Error ? event.error.message : String(event.error);
      return `trying again in ${formatDuration(event.delayMs)}: ${what}: ${why}`;
    }
    case 'substituted':
      return `rebuilt ${shortDigest(event.original)} as ${shortDigest(event.descriptor.digest)} for ${event.target}`;
    case 'started':
    case 'progress':
      return undefined;
  }
}
