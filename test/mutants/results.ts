/** What earlier runs found, kept so that a run can go on where another stopped. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Mutant } from './folders.ts';

/** What became of a mutant. */
export interface Verdict {
  readonly isNoticed: boolean;
  /** What noticed it, or how many tests did not. */
  readonly by: string;
  /** Whether tests that reach it were left out; that it survived is then not certain. */
  readonly isPartial: boolean;
  /** Not where only the nearest tests have looked so far. */
  readonly isFinal: boolean;
  /** How many of the nearest tests have looked, where it is not final. */
  readonly looked?: number;
}

/** A JSON file of verdicts. A mutant of a file that has another text now is another mutant. */
export class Results {
  readonly #path: string;
  readonly #verdicts: Map<string, Verdict>;

  private constructor(path: string, verdicts: Map<string, Verdict>) {
    this.#path = path;
    this.#verdicts = verdicts;
  }

  static async open(path: string): Promise<Results> {
    const text = await readFile(path, 'utf8').catch(() => '{}');
    return new Results(path, new Map(Object.entries(JSON.parse(text) as Record<string, Verdict>)));
  }

  get(mutant: Mutant): Verdict | undefined {
    return this.#verdicts.get(keyOf(mutant));
  }

  /** Forgets what survived, so that tests written since can notice it. */
  forgetSurvivors(): void {
    for (const [key, { isNoticed }] of this.#verdicts) if (!isNoticed) this.#verdicts.delete(key);
  }

  async set(mutant: Mutant, verdict: Verdict): Promise<void> {
    this.#verdicts.set(keyOf(mutant), verdict);
    await mkdir(dirname(this.#path), { recursive: true });
    await writeFile(`${this.#path}.new`, `${JSON.stringify(Object.fromEntries(this.#verdicts), undefined, 1)}\n`);
    await rename(`${this.#path}.new`, this.#path);
  }
}

function keyOf({ path, text, mutation }: Mutant): string {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return `${path}@${hash}:${mutation.start} ${mutation.summary}`;
}
