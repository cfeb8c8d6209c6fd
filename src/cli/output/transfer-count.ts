/** Counts the bytes of transfers that may break and begin again, so that a total is never counted twice. */
import type { CopyEvent } from '../../content/copy.ts';

/** Bytes of all transfers together. */
export class TransferCount {
  readonly #counted = new Map<string, number>();

  /** How many bytes the event adds to the total; a broken try is taken out of it again. */
  add(event: CopyEvent): number {
    const key = transferKey(event);
    const counted = this.#counted.get(key);
    const bytes = bytesOf(event, counted);
    if (bytes !== 0 || event.type === 'progress') this.#counted.set(key, (counted ?? 0) + bytes);
    return bytes;
  }
}

/** What an earlier run left is in the total from the beginning; what a broken try left was taken out of it. */
function bytesOf(event: CopyEvent, counted: number | undefined): number {
  if (event.type === 'progress') return event.bytes;
  if (event.type === 'resumed') return counted === undefined ? 0 : event.bytes;
  return event.type === 'retrying' ? -(counted ?? 0) : 0;
}

/** One piece of content on its way to one target. */
export function transferKey({ descriptor, target }: CopyEvent): string {
  return `${descriptor.digest} ${target}`;
}
