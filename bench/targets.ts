/** What the product promises of its speed, as ratios within one run of the benchmark. */
import { availableParallelism } from 'node:os';
import type { Stage } from './contender.ts';
import { FLOOR } from './floors.ts';
import { OURS } from './our-contenders.ts';
import type { Result } from './run.ts';
import { spread, wallS } from './statistics.ts';

/** One promise: `value` has to be at least, or at most, `limit`. */
export interface Target {
  readonly text: string;
  readonly bound: 'at least' | 'at most';
  readonly limit: number;
  readonly unit: string;
  /** Undefined where what it takes was not measured. */
  readonly value: number | undefined;
}

/** What the ratios need beside the results. */
export interface Facts {
  /** Size of our archive; undefined when none was built. */
  readonly archiveBytes: number | undefined;
  /** References in the corpus. */
  readonly images: number;
}

/** All targets, held against results. */
export function judge(results: readonly Result[], { archiveBytes, images }: Facts): readonly Target[] {
  const find = (stage: Stage, name: string): Result | undefined =>
    results.find((result) => result.stage === stage && result.name === name);
  const ours = (stage: Stage): Result | undefined => find(stage, OURS);
  const faster = (stage: Stage, name: string, limit: number): Target => ({
    text: `${stage}: times faster than ${name}`,
    bound: 'at least',
    limit,
    unit: '×',
    value: divide(wallS(find(stage, name)), wallS(ours(stage))),
  });
  const perByte = (stage: Stage, limit: number): Target => ({
    text: `${stage}: times faster per byte than the docker script`,
    bound: 'at least',
    limit,
    unit: '×',
    value: divide(perByteS(find(stage, 'docker script')), perByteS(ours(stage))),
  });
  const atMost = (text: string, value: number | undefined, limit: number, unit: string): Target => ({
    text,
    bound: 'at most',
    limit,
    unit,
    value,
  });
  const build = ours('build');
  const load = ours('load');
  const cpuPerGb = divide(spread(build, (run) => run.cpuS)?.median, build && build.bytes / 1e9);
  const floor = spread(load, (run) => (run.cpuS + run.registryCpuS) / availableParallelism())?.median;
  const rss = results
    .filter(({ name }) => name === OURS)
    .map((result) => spread(result, (run) => run.rssMiB)?.max ?? 0);
  return [
    faster('build', 'skopeo oci: + tar', 3),
    faster('build', 'skopeo-current oci: + tar', 2),
    perByte('build', 50),
    atMost('build: wall time over curl to null', divide(wallS(build), wallS(find('build', FLOOR.curl))), 3, '×'),
    atMost('build: client CPU per GB', cpuPerGb, 2.4, 's'),
    atMost('build: archive over its unique blobs', excessPercent(archiveBytes, build?.bytes), 0.5, '%'),
    atMost('build: manifests and blobs asked for twice', build?.wire?.repeatedGets, 0, ''),
    atMost(
      'verify: wall time over 2 openssl on halves',
      divide(wallS(ours('verify')), wallS(find('verify', FLOOR.halves))),
      1.15,
      '×',
    ),
    faster('verify', 'tar + sha256sum', 9),
    faster('load', 'skopeo oci:', 1.9),
    faster('load', 'skopeo-current oci:', 1.7),
    faster('load', 'skopeo oci-archive:', 5),
    perByte('load', 20),
    atMost('load: wall time over the CPU floor', divide(wallS(load), floor), 1.3, '×'),
    atMost('no-op load: wall time', wallS(ours('no-op load')), 0.5, 's'),
    atMost('re-resolve: requests per image', divide(ours('re-resolve')?.wire?.requests, images), 1, ''),
    atMost('every stage: peak memory', rss.length === 0 ? undefined : Math.max(...rss), 150, 'MiB'),
    atMost('build: peak disk over the archive', excessPercent(build?.diskBytes, archiveBytes), 1, '%'),
  ];
}

/** Whether a target is met; undefined where it was not measured. */
export function isMet({ bound, limit, value }: Target): boolean | undefined {
  if (value === undefined) return undefined;
  return bound === 'at least' ? value >= limit : value <= limit;
}

function perByteS(result: Result | undefined): number | undefined {
  return divide(wallS(result), result?.bytes);
}

function divide(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined || b === 0 ? undefined : a / b;
}

function excessPercent(whole: number | undefined, part: number | undefined): number | undefined {
  const ratio = divide(whole, part);
  return ratio === undefined ? undefined : 100 * (ratio - 1);
}
