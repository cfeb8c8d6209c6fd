/** What the fuzzer drives. */
import type { Random } from './mutate.ts';

/** Makes one hostile input from random numbers and judges what the product did with it. */
export interface FuzzTarget {
  readonly name: string;
  /** @throws whatever shows that the product was wrong: an acceptance, or an error that is not its own. */
  readonly run: (random: Random) => Promise<void>;
}
