/** Runs contenders by turns, so that a machine that gets slower or faster does so for all of them. */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender, Site, Stage } from './contender.ts';
import { startLink, type LinkProfile } from './link.ts';
import { measure, measurePeakDisk, type Measurement } from './measure.ts';
import { startCountingProxy } from './proxy.ts';
import { startRegistry, type Registry } from './registry.ts';

/** One timed run. */
export interface Run extends Measurement {
  /** CPU time the registries used meanwhile. */
  readonly registryCpuS: number;
}

/** What one client asked and moved, all registries together. */
export interface Wire {
  readonly requests: number;
  readonly repeatedGets: number;
  readonly received: number;
  readonly sent: number;
}

/** Everything measured of one contender. */
export interface Result {
  readonly stage: Stage;
  readonly name: string;
  /** Bytes of blobs it dealt with. */
  readonly bytes: number;
  readonly runs: readonly Run[];
  /** Bytes allocated at most, of what it wrote beside the target registry; undefined for those without warm-up. */
  readonly diskBytes?: number | undefined;
  readonly wire?: Wire | undefined;
}

/** The parts of a {@link Site} that stay the same, and where to work. */
export interface Ground extends Pick<Site, 'corpus' | 'fixtures'> {
  readonly registry: Registry;
  readonly folder: string;
  readonly say: (text: string) => void;
  /** What lies between the contenders and the registries; nothing when absent. */
  readonly link?: LinkProfile | undefined;
}

/** The stages that need an empty registry for every run. */
const WRITES_TO_REGISTRY: ReadonlySet<Stage> = new Set(['load', 'no-op load', 'mirror']);

/** One warm-up round, then `runs` timed ones, then one that counts what goes over the wire. */
export async function runStage(
  ground: Ground,
  contenders: readonly Contender[],
  runs: number,
): Promise<readonly Result[]> {
  const timed = new Map<Contender, Run[]>(contenders.map((contender) => [contender, []]));
  const disks = new Map<Contender, number>();
  for (let round = 0; round <= runs; round++) {
    for (const contender of contenders) {
      const { stage, name, maxRuns = runs } = contender;
      const isWarmUp = round === 0;
      if (contender.maxRuns !== undefined && isWarmUp) continue;
      if (round > maxRuns) continue;
      const run = await runOnce(ground, contender, (work, start) =>
        isWarmUp ? measurePeakDisk([work], start).then((bytes) => void disks.set(contender, bytes)) : start(),
      );
      ground.say(`${stage}, ${isWarmUp ? 'warm-up' : `run ${round}`}, ${name}  ${run.wallS.toFixed(2)} s`);
      if (!isWarmUp) timed.get(contender)?.push(run);
    }
  }
  const results: Result[] = [];
  for (const contender of contenders) {
    const { stage, name } = contender;
    const bytes = contender.bytes?.(ground.corpus) ?? ground.corpus.bytes;
    const wire = contender.countsWire === true ? await countWire(ground, contender) : undefined;
    results.push({ stage, name, bytes, runs: timed.get(contender) ?? [], diskBytes: disks.get(contender), wire });
  }
  return results;
}

async function runOnce(
  ground: Ground,
  contender: Contender,
  around: (work: string, start: () => Promise<void>) => Promise<void>,
): Promise<Run> {
  return withSite(ground, contender, async (site, registries) => {
    const command = await contender.command(site);
    let run: Run | undefined;
    await around(site.work, async () => {
      spawnSync('sync');
      const before = cpuOf(registries);
      const measured = await measure(command);
      run = { ...measured, registryCpuS: cpuOf(registries) - before };
    });
    return run as Run;
  });
}

async function countWire(ground: Ground, contender: Contender): Promise<Wire> {
  return withSite(
    ground,
    contender,
    async (site, registries, prepare) => {
      await using sourceProxy = await startCountingProxy(ground.registry.port);
      await using targetProxy = await startCountingProxy((registries[1] ?? ground.registry).port);
      const proxied = { ...site, source: sourceProxy.host, target: targetProxy.host };
      await prepare(proxied);
      const command = await contender.command(proxied);
      const asked = registries.map((registry) => registry.requests().length);
      const before = [sourceProxy.bytes(), targetProxy.bytes()];
      await measure(command);
      const after = [sourceProxy.bytes(), targetProxy.bytes()];
      const requests = registries.flatMap((registry, index) => registry.requests().slice(asked[index]));
      const gets = requests.filter((request) => request.startsWith('GET ') && /\/(blobs|manifests)\//.test(request));
      const total = (side: 'received' | 'sent'): number =>
        after.reduce((sum, bytes, index) => sum + bytes[side] - (before[index]?.[side] ?? 0), 0);
      return {
        requests: requests.length,
        repeatedGets: gets.length - new Set(gets.map(contentOf)).size,
        received: total('received'),
        sent: total('sent'),
      };
    },
    false,
  );
}

/** Requests for the same digest are for the same content, whatever the repository. */
function contentOf(request: string): string {
  return /sha256:[0-9a-f]{64}/.exec(request)?.[0] ?? request;
}

/** Sets one run's place up, and takes it down whatever happens. */
async function withSite<T>(
  { corpus, fixtures, registry, folder, link }: Ground,
  contender: Contender,
  use: (site: Site, registries: readonly Registry[], prepare: (site: Site) => Promise<void>) => Promise<T>,
  isPrepared = true,
): Promise<T> {
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, 'run-'));
  const target = WRITES_TO_REGISTRY.has(contender.stage) ? await startRegistry(folder) : undefined;
  await using far = link === undefined ? undefined : await startLink(registry.port, link);
  await using away = link === undefined || target === undefined ? undefined : await startLink(target.port, link);
  const [source, at] = [far?.host ?? registry.host, away?.host ?? target?.host ?? ''];
  const site = { corpus, fixtures, source, target: at, work };
  const prepare = async (at: Site): Promise<void> => contender.prepare?.(at);
  try {
    if (isPrepared) await prepare(site);
    return await use(site, target === undefined ? [registry] : [registry, target], prepare);
  } finally {
    await contender.finish?.();
    await target?.[Symbol.asyncDispose]();
    await rm(work, { recursive: true, force: true });
  }
}

function cpuOf(registries: readonly Registry[]): number {
  return registries.reduce((sum, registry) => sum + registry.cpuS(), 0);
}
