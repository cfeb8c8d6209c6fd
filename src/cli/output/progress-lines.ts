/** Long work as lines of a log: a line now and then that says how far it is, and one for everything with `--verbose`. */
import type { CopyEvent } from '../../content/copy.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatBytes, formatDuration } from '../../report/format.ts';
import { toPrintable } from '../../report/printable.ts';
import type { Context } from '../context.ts';
import { describeEvent, resolvedLine } from './event-lines.ts';
import { formatAmount, Rate } from './rate.ts';
import { TransferCount } from './transfer-count.ts';
import type { Progress, Work } from './progress.ts';

/** A watchdog that ends silent jobs waits longer, and a person reads about as many lines as there are minutes. */
const INTERVAL_MS = 10_000;

/** Lines for logs. */
export class LineProgress implements Progress {
  readonly #context: Context;
  readonly #started = new Map<Work, number>();
  readonly #rate: Rate;
  #names: ReadonlyMap<Digest, string> = new Map();
  readonly #transfers = new TransferCount();
  #total = 0;
  #done = 0;
  #lastLine = 0;
  #isVerified = false;

  constructor(context: Context) {
    this.#context = context;
    this.#rate = new Rate(() => context.now().getTime());
  }

  name(names: ReadonlyMap<Digest, string>): void {
    this.#names = names;
  }

  begin(work: Work, title: string, totalBytes: number, doneBytes = 0): void {
    this.#started.set(work, this.#now);
    if (work !== 'copy' || totalBytes === 0) return;
    this.#total = totalBytes;
    this.#done = doneBytes;
    const resumed = doneBytes > 0 ? `, ${formatBytes(doneBytes)} of it already there` : '';
    this.#write(`${title}: ${formatBytes(totalBytes)}${resumed}`);
  }

  readonly onCopy = (event: CopyEvent): void => {
    this.#count(event);
    const line = describeEvent(event, this.#names);
    if (line === undefined) return;
    const isRemarkable = event.type === 'retrying' || event.type === 'substituted';
    if (isRemarkable || this.#context.output.verbose) this.#write(line);
  };

  readonly onVerified = (done: number, total: number): void => {
    if (done < total || this.#isVerified) return;
    this.#isVerified = true;
    const elapsedMs = this.#now - (this.#started.get('verification') ?? Number.NaN);
    const time = Number.isNaN(elapsedMs) ? '' : ` in ${formatDuration(elapsedMs)}`;
    this.#write(`verified ${formatBytes(total)}${time}`);
  };

  readonly onImage = (reference: string, done: number, total: number): void => {
    this.#write(resolvedLine(reference, done, total));
  };

  [Symbol.dispose](): void {
    this.#started.clear();
  }

  get #now(): number {
    return this.#context.now().getTime();
  }

  #count(event: CopyEvent): void {
    const bytes = this.#transfers.add(event);
    this.#done += bytes;
    this.#rate.add(bytes);
    if (event.type !== 'progress' || this.#now - this.#lastLine < INTERVAL_MS || this.#total === 0) return;
    this.#write(`copied  ${formatAmount(this.#done, this.#total, this.#rate)}`);
  }

  #write(line: string): void {
    this.#lastLine = this.#now;
    this.#context.stderr.write(`${toPrintable(line)}\n`);
  }
}
