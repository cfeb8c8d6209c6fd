/** What takes part in the benchmark, and where it runs. */
import type { Corpus } from './corpus.ts';
import type { Fixtures } from './fixtures.ts';
import type { Command } from './measure.ts';

/** The jobs that are measured, in this order. */
export const STAGES = ['resolve', 're-resolve', 'build', 'verify', 'load', 'no-op load', 'mirror'] as const;
export type Stage = (typeof STAGES)[number];

/** Where one run takes place. */
export interface Site {
  readonly corpus: Corpus;
  readonly fixtures: Fixtures;
  /** `host:port` of the registry that serves the corpus. */
  readonly source: string;
  /** `host:port` of an empty registry, for the stages that write to one. */
  readonly target: string;
  /** An empty directory for everything the run writes. */
  readonly work: string;
}

/** One way of doing the job of a stage. */
export interface Contender {
  readonly stage: Stage;
  readonly name: string;
  /** What has to be there before the clock starts. */
  readonly prepare?: ((site: Site) => Promise<void>) | undefined;
  readonly command: (site: Site) => Command | Promise<Command>;
  /** Ends what `prepare` started. */
  readonly finish?: (() => Promise<void>) | undefined;
  /** For the very slow ones: no warm-up and at most so many runs. */
  readonly maxRuns?: number | undefined;
  /** Bytes of blobs it deals with, where that is not the whole corpus. */
  readonly bytes?: ((corpus: Corpus) => number) | undefined;
  /** Whether requests and bytes on the wire are counted, in a run of their own. */
  readonly countsWire?: boolean | undefined;
}

/** A script as its user would write it; the first failure ends it. */
export function shell(lines: readonly string[], cwd?: string): Command {
  return { argv: ['sh', '-ec', lines.join('\n')], cwd };
}
