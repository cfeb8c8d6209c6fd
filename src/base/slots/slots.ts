/** Slots, handed out in order of asking, whose number may change while they are. */

/** Returns the slot; calling it again does nothing. */
export type Release = () => void;

/** Bounds how many exchanges with one host run at once. */
export class Slots {
  readonly #waiting: (() => void)[] = [];
  #count: number;
  #held = 0;

  constructor(count: number) {
    this.#count = count;
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** Slots that are free; none while anyone waits. */
  get free(): number {
    return Math.max(0, this.#count - this.#held);
  }

  /** Whether there are fewer than would be used. */
  get isScarce(): boolean {
    return this.#waiting.length > 0;
  }

  /** Makes it so many: those above the number end by being given back. */
  resize(count: number): void {
    this.#count = count;
    this.#handOut();
  }

  /** Waits for a slot. @throws the signal's reason when aborted first. */
  async acquire(signal?: AbortSignal): Promise<Release> {
    signal?.throwIfAborted();
    if (this.free > 0) this.#held++;
    else await this.#turn(signal);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#held--;
      this.#handOut();
    };
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(signal?.reason as Error);
      };
      const take = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(take);
    });
  }

  #handOut(): void {
    while (this.free > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#held++;
      next();
    }
  }
}
