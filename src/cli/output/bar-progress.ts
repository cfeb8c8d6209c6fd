/** Long work as bars on a terminal. */
import type { CopyEvent } from '../../content/copy.ts';
import type { Digest } from '../../oci/digest.ts';
import { contentName, describeEvent, resolvedLine } from './event-lines.ts';
import type { Bars } from './progress-bars.ts';
import { TransferCount, transferKey } from './transfer-count.ts';
import type { Progress, Work } from './progress.ts';

/** Bars: one for all of the work, one per blob on its way. */
export class BarProgress implements Progress {
  readonly #bars: Bars;
  #names: ReadonlyMap<Digest, string> = new Map();
  readonly #transfers = new TransferCount();

  constructor(bars: Bars) {
    this.#bars = bars;
  }

  name(names: ReadonlyMap<Digest, string>): void {
    this.#names = names;
  }

  begin(work: Work, title: string, totalBytes: number, doneBytes = 0): void {
    if (totalBytes > 0) this.#bars.total(work, title, totalBytes, doneBytes);
  }

  readonly onCopy = (event: CopyEvent): void => {
    const key = transferKey(event);
    const { digest, size } = event.descriptor;
    if (event.type === 'started') return this.#bars.start(key, contentName(digest, this.#names), size);
    if (event.type === 'copied') return this.#bars.end(key);
    const bytes = this.#transfers.add(event);
    this.#bars.advance('copy', bytes);
    this.#bars.advance(key, event.type === 'resumed' ? event.bytes : bytes);
    if (event.type === 'retrying' || event.type === 'substituted') {
      this.#bars.log(describeEvent(event, this.#names) ?? '');
    }
  };

  readonly onVerified = (done: number, total: number): void => {
    this.#bars.total('verification', 'verifying', total, 0);
    this.#bars.set('verification', done);
  };

  readonly onImage = (reference: string, done: number, total: number): void => {
    this.#bars.log(resolvedLine(reference, done, total));
  };

  [Symbol.dispose](): void {
    this.#bars.close();
  }
}
