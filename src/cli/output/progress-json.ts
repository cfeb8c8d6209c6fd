/** Long work as JSON for programs: one event a line. docs/commands.md lists the events. */
import type { CopyEvent } from '../../content/copy.ts';
import type { Digest } from '../../oci/digest.ts';
import { toPrintableJson } from '../../report/printable.ts';
import type { Context } from '../context.ts';
import { TransferCount } from './transfer-count.ts';
import type { Progress, Work } from './progress.ts';

/** Often enough for a display, seldom enough for a log. */
const INTERVAL_MS = 1_000;

/** One JSON object a line. */
export class JsonProgress implements Progress {
  readonly #context: Context;
  readonly #transfers = new TransferCount();
  readonly #last = new Map<Work, number>();
  #names: ReadonlyMap<Digest, string> = new Map();
  #total = 0;
  #done = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  name(names: ReadonlyMap<Digest, string>): void {
    this.#names = names;
  }

  begin(work: Work, title: string, totalBytes: number, doneBytes = 0): void {
    if (work === 'copy') [this.#total, this.#done] = [totalBytes, doneBytes];
    this.#write({ event: 'began', work, title, done: doneBytes, total: totalBytes });
  }

  readonly onCopy = (event: CopyEvent): void => {
    const { type, descriptor, target } = event;
    this.#done += this.#transfers.add(event);
    if (type === 'progress') {
      this.#report('copy', this.#done, this.#total);
      return;
    }
    const { digest, size } = descriptor;
    this.#write({
      event: type,
      digest,
      size,
      name: this.#names.get(digest),
      target,
      ...(type === 'resumed' ? { bytes: event.bytes } : {}),
      ...(type === 'tagged' ? { tag: event.tag } : {}),
      ...(type === 'substituted' ? { original: event.original } : {}),
      ...(type === 'retrying'
        ? { delayMs: event.delayMs, error: event.error instanceof Error ? event.error.message : String(event.error) }
        : {}),
    });
  };

  readonly onVerified = (done: number, total: number): void => this.#report('verification', done, total);

  readonly onImage = (reference: string, done: number, total: number): void => {
    this.#write({ event: 'resolved', reference, done, total });
  };

  [Symbol.dispose](): void {
    this.#last.clear();
  }

  /** Bytes so far, now and then, and at the end. */
  #report(work: Work, done: number, total: number): void {
    const now = this.#context.now().getTime();
    if (done < total && now - (this.#last.get(work) ?? 0) < INTERVAL_MS) return;
    this.#last.set(work, now);
    this.#write({ event: 'progress', work, done, total });
  }

  #write(event: object): void {
    this.#context.stderr.write(`${toPrintableJson(event)}\n`);
  }
}
