/** Tries mutants: the nearest tests first; of what these let pass, all tests that reach the place, the quickest first. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formBatches, type Trial } from './batches.ts';
import type { Mutant } from './folders.ts';
import { mutate } from './operators.ts';
import { addProbes, readProbes } from './probes.ts';
import type { Results, Verdict } from './results.ts';
import { listSeeingTests, type Reached } from './seeing-tests.ts';
import type { TestRunner } from './test-runner.ts';
import type { TestResult } from './warm-vitest.ts';

/** Files of tests that look at a mutant first, the nearest alone before the others; they notice three of four. */
const NEAREST = [1, 3] as const;
/** Files of tests that are asked whether they reach a mutant, the nearest ones, unless all are. */
const MAX_ASKED = 40;
/** Files of tests that are asked in one run. */
const ASKED_AT_ONCE = 16;
/** Of the tests that look at a mutant in one run. */
const RUN_MS = 10_000;
/** Processor time after which tests have noticed something; those that are known to be slow have longer. */
const LIMIT_MS = 120_000;
const LIMIT_FACTOR = 10;

export interface ScoringOptions {
  /** Only so many of the nearest files of tests look at all. */
  readonly near?: number;
  /** All tests that reach a place look, those of the whole program too. */
  readonly isWhole: boolean;
  readonly onVerdict: (mutant: Mutant, verdict: Verdict) => void;
}

/** Tries mutants in a copy of the repository, and says what became of each. */
export class Scoring {
  readonly #copy: string;
  readonly #runner: TestRunner;
  readonly #reached: Reached;
  readonly #results: Results;
  readonly #options: ScoringOptions;
  /** Whether a test passes without a mutant; asked once one fails with one. */
  readonly #isSound = new Map<string, boolean>();
  readonly #durations = new Map<string, number>();

  constructor(copy: string, runner: TestRunner, reached: Reached, results: Results, options: ScoringOptions) {
    this.#copy = copy;
    this.#runner = runner;
    this.#reached = reached;
    this.#results = results;
    this.#options = options;
  }

  /** Tries all; each has a verdict then. */
  async try(mutants: readonly Mutant[]): Promise<void> {
    const isOpen = (mutant: Mutant): boolean => this.#results.get(mutant)?.isFinal !== true;
    await this.#tryNearest(mutants);
    const wide = mutants.filter(isOpen);
    if (wide.length === 0 || this.#options.near !== undefined) return;
    const reaching = await this.#findReaching(wide);
    for (;;) {
      const trials = wide.filter(isOpen).map((mutant) => ({ mutant, tests: this.#nextTests(reaching, mutant) }));
      await this.#look(trials, async ({ mutant, tests }) => {
        if (tests.length > 0) return;
        const asked = this.#asked(mutant);
        const isPartial = asked.length < this.#seeing(mutant).length;
        const by = `all that reach it of ${asked.length} tests`;
        await this.#settle(mutant, { isNoticed: false, isFinal: true, isPartial, by });
      });
      if (trials.every(({ mutant }) => !isOpen(mutant))) return;
    }
  }

  /** The nearest test alone notices most, and more mutants fit into a run of few tests. */
  async #tryNearest(mutants: readonly Mutant[]): Promise<void> {
    for (const count of this.#options.near === undefined ? NEAREST : [this.#options.near]) {
      const trials = mutants.flatMap((mutant) => {
        const looked = this.#lookedAt(mutant);
        return looked < count ? [{ mutant, tests: this.#seeing(mutant).slice(looked, count) }] : [];
      });
      await this.#look(trials, async ({ mutant }) => {
        const all = this.#seeing(mutant).length;
        const isPartial = count < all;
        const by = `${String(Math.min(count, all))} nearest tests`;
        await this.#settle(mutant, { isNoticed: false, isFinal: !isPartial, isPartial, by, looked: count });
      });
    }
  }

  /** How many of the nearest tests have nothing to say any more. */
  #lookedAt(mutant: Mutant): number {
    const verdict = this.#results.get(mutant);
    if (verdict === undefined) return 0;
    return verdict.isFinal ? Infinity : (verdict.looked ?? NEAREST[1]);
  }

  #seeing({ path }: Mutant): readonly string[] {
    return listSeeingTests(path, this.#reached, this.#options);
  }

  #asked(mutant: Mutant): readonly string[] {
    return this.#seeing(mutant).slice(0, this.#options.isWhole ? undefined : MAX_ASKED);
  }

  /** Takes the next quick tests of those that reach a mutant. */
  #nextTests(reaching: ReadonlyMap<Mutant, string[]>, mutant: Mutant): readonly string[] {
    const left = reaching.get(mutant) ?? [];
    let milliseconds = 0;
    const count = left.findIndex((test, index) => {
      milliseconds += this.#durations.get(test) ?? 0;
      return index > 0 && milliseconds > RUN_MS;
    });
    return left.splice(0, count < 0 ? left.length : count);
  }

  /** Which tests beyond the nearest reach each mutant, the quickest first. */
  async #findReaching(mutants: readonly Mutant[]): Promise<ReadonlyMap<Mutant, string[]>> {
    const reachedFile = join(this.#copy, `reached-${process.pid}`);
    const numbered = mutants.map((mutant, number) => ({ mutant, number }));
    const files = Map.groupBy(numbered, ({ mutant }) => mutant.path);
    for (const [path, places] of files) {
      const mutations = places.map(({ mutant }) => mutant.mutation);
      const numbers = places.map(({ number }) => number);
      const [first] = places;
      await this.#write(path, addProbes(first?.mutant.text ?? '', mutations, numbers, reachedFile));
    }
    const asked = [...new Set(mutants.flatMap((mutant) => this.#asked(mutant)))].sort();
    for (let from = 0; from < asked.length; from += ASKED_AT_ONCE) {
      const tests = asked.slice(from, from + ASKED_AT_ONCE);
      const results = await this.#runner.run(tests, { limitMs: LIMIT_MS * LIMIT_FACTOR });
      for (const { test, isPassed, durationMs } of results ?? []) {
        this.#durations.set(test, durationMs);
        if (isPassed) this.#isSound.set(test, true);
      }
    }
    for (const [path, [first]] of files) await this.#write(path, first?.mutant.text ?? '');
    const reached = readProbes(reachedFile);
    const duration = (test: string): number => this.#durations.get(test) ?? Infinity;
    return new Map(
      numbered.map(({ mutant, number }) => {
        const by = reached.get(number) ?? new Set();
        const mayReach = (test: string): boolean =>
          mutant.mutation.isOfLoading || by.has('') || by.has(join(this.#copy, test));
        const near = this.#seeing(mutant).slice(0, NEAREST[1]);
        const tests = this.#asked(mutant).filter((test) => mayReach(test) && !near.includes(test));
        return [mutant, [...tests].sort((a, b) => duration(a) - duration(b))];
      }),
    );
  }

  /** Runs the tests of each trial with its mutant, and notes which were noticed; says which none of its tests noticed. */
  async #look(trials: readonly Trial[], onPassed: (trial: Trial) => Promise<void>): Promise<void> {
    for (const trial of trials) if (trial.tests.length === 0) await onPassed(trial);
    const withTests = trials.filter(({ tests }) => tests.length > 0);
    for (const batch of formBatches(withTests, this.#reached)) await this.#lookAtOnce(batch, onPassed);
  }

  async #lookAtOnce(batch: readonly Trial[], onPassed: (trial: Trial) => Promise<void>): Promise<void> {
    const tests = [...new Set(batch.flatMap((trial) => trial.tests))];
    const known = tests.reduce((sum, test) => sum + (this.#durations.get(test) ?? 0), 0);
    for (const { mutant } of batch) await this.#write(mutant.path, mutate(mutant.text, mutant.mutation));
    const results = await this.#runner.run(tests, {
      limitMs: LIMIT_MS + known * LIMIT_FACTOR,
      stopsAtFailure: batch.length === 1,
    });
    for (const { mutant } of batch) await this.#write(mutant.path, mutant.text);
    if (results === undefined && batch.length > 1) {
      for (const trial of batch) await this.#lookAtOnce([trial], onPassed);
      return;
    }
    const failed = await this.#soundFailures(results ?? []);
    for (const trial of batch) {
      const failure = failed.find(({ test }) => trial.tests.includes(test));
      if (results !== undefined && failure === undefined) await onPassed(trial);
      else {
        const by = failure === undefined ? 'tests that do not end' : `${failure.test}: ${failure.failure ?? ''}`;
        await this.#settle(trial.mutant, { isNoticed: true, isFinal: true, isPartial: false, by });
      }
    }
  }

  /** Those that failed, but for tests that fail without a mutant too and say nothing about one. */
  async #soundFailures(results: readonly TestResult[]): Promise<readonly TestResult[]> {
    for (const { test, isPassed } of results) if (isPassed) this.#isSound.set(test, true);
    const failed = results.filter(({ isPassed }) => !isPassed);
    const unsure = failed.filter(({ test }) => !this.#isSound.has(test)).map(({ test }) => test);
    if (unsure.length > 0) {
      const unchanged = (await this.#runner.run(unsure, { limitMs: LIMIT_MS * LIMIT_FACTOR })) ?? [];
      for (const { test, isPassed } of unchanged) this.#isSound.set(test, isPassed);
    }
    return failed.filter(({ test }) => this.#isSound.get(test) === true);
  }

  async #settle(mutant: Mutant, verdict: Verdict): Promise<void> {
    await this.#results.set(mutant, verdict);
    if (verdict.isFinal || this.#options.near !== undefined) this.#options.onVerdict(mutant, verdict);
  }

  async #write(path: string, text: string): Promise<void> {
    await writeFile(join(this.#copy, path), text);
    this.#runner.changed(path);
  }
}
