/**
 * `npm run fuzz -- --minutes 10`: hostile inputs against everything that reads what strangers write, for as long as one
 * lets it. Every case follows from one number; a case that fails, hangs or takes too much memory ends the run with the
 * command that repeats it. This thread watches, another one works.
 *
 *   --minutes N    how long (default 1)
 *   --seed N       where the numbers begin (default: the time)
 *   --target NAME  only this target
 *   --case N       only this case; needs --target
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { seededRandom } from '../e2e/support/random.ts';
import { archiveTargets } from './archives.ts';
import { documentTargets } from './documents.ts';
import { realmTargets } from './realms.ts';
import { registryTargets } from './registries.ts';

/** One case may take so long; the slowest legitimate one takes half a second on a busy machine. */
const CASE_TIMEOUT_MS = 60_000;
/** Of the whole process: Node, the compiler's cache, and two hundred megabytes of chart at the worst. */
const MAX_RSS_BYTES = 1024 * 1024 * 1024;
const WATCH_MS = 250;

interface Job {
  /** Tells this worker's data from that of the threads that hash. */
  readonly kind: 'fuzz';
  readonly directory: string;
  readonly seed: number;
  readonly endsAt: number;
  readonly target: string | undefined;
  readonly only: number | undefined;
  /** `[case, target, cases done]` */
  readonly now: Int32Array;
}

type Message =
  | { readonly names: readonly string[] }
  | { readonly failed: string; readonly case: number; readonly target: string }
  | { readonly counts: Readonly<Record<string, number>> };

async function work({ directory, seed, endsAt, target, only, now }: Job): Promise<void> {
  await using registries = await registryTargets();
  await using realms = await realmTargets();
  const all = [...(await archiveTargets(join(directory, 'case.tar'))), ...(await documentTargets()), ...registries.targets, ...realms.targets]; // prettier-ignore
  const targets = all.filter(({ name }) => target === undefined || name === target);
  if (targets.length === 0) throw new Error(`no target ${target ?? ''}; there are ${all.map(({ name }) => name).join(', ')}`); // prettier-ignore
  parentPort?.postMessage({ names: targets.map(({ name }) => name) } satisfies Message);
  const counts: Record<string, number> = Object.fromEntries(targets.map(({ name }) => [name, 0]));
  for (let number = only ?? seed; Date.now() < endsAt; number = (number + 1) >>> 0) {
    const index = number % targets.length;
    for (const [position, { name, run }] of only === undefined
      ? [[index, targets[index] ?? all[0]!] as const]
      : targets.entries()) {
      Atomics.store(now, 0, number | 0);
      Atomics.store(now, 1, position);
      try {
        await run(seededRandom(number));
      } catch (error) {
        const failed = error instanceof Error ? (error.stack ?? error.message) : String(error);
        parentPort?.postMessage({ failed, case: number, target: name } satisfies Message);
        return;
      }
      counts[name] = (counts[name] ?? 0) + 1;
      Atomics.add(now, 2, 1);
    }
    if (only !== undefined) break;
  }
  parentPort?.postMessage({ counts } satisfies Message);
}

async function watch(): Promise<number> {
  const { values } = parseArgs({
    options: Object.fromEntries(['minutes', 'seed', 'target', 'case'].map((name) => [name, { type: 'string' }])) as Record<'minutes' | 'seed' | 'target' | 'case', { type: 'string' }>, // prettier-ignore
  });
  const minutes = Number(values.minutes ?? 1);
  const seed = Number(values.seed ?? Math.floor(Date.now() / 1000)) >>> 0;
  const directory = await mkdtemp(join(tmpdir(), 'airgap-fuzz-'));
  const now = new Int32Array(new SharedArrayBuffer(12));
  const job: Job = {
    kind: 'fuzz',
    directory,
    seed,
    endsAt: Date.now() + minutes * 60_000,
    target: values.target,
    only: values.case === undefined ? undefined : Number(values.case) >>> 0,
    now,
  };
  let names: readonly string[] = [];
  let problem: string | undefined;
  let counts: Readonly<Record<string, number>> = {};
  const replay = (number: number, name: string): string => `npm run fuzz -- --target ${name} --case ${number}`;
  const worker = new Worker(new URL(import.meta.url), { workerData: job });
  worker.on('message', (message: Message) => {
    if ('names' in message) names = message.names;
    else if ('failed' in message) problem = `${message.failed}\n  again: ${replay(message.case, message.target)}`;
    else counts = message.counts;
  });
  let isRunning = true;
  const ended = new Promise<void>((resolve) => {
    worker.on('error', (error: unknown) => {
      const where = replay(Atomics.load(now, 0) >>> 0, names[Atomics.load(now, 1)] ?? '');
      problem ??= `outside of the case: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n  again: ${where}`;
    });
    worker.on('exit', () => resolve());
  }).then(() => void (isRunning = false));
  console.log(`fuzzing for ${minutes} min from seed ${seed}`);
  let peak = 0;
  let done = -1;
  let since = Date.now();
  while (isRunning) {
    await Promise.race([delay(WATCH_MS), ended]);
    peak = Math.max(peak, process.memoryUsage.rss());
    const count = Atomics.load(now, 2);
    if (count !== done) [done, since] = [count, Date.now()];
    const where = replay(Atomics.load(now, 0) >>> 0, names[Atomics.load(now, 1)] ?? '');
    if (isRunning && Date.now() - since > CASE_TIMEOUT_MS) problem ??= `a case did not end\n  again: ${where}`;
    if (peak > MAX_RSS_BYTES) problem ??= `${peak} bytes of memory are in use\n  again, about: ${where}`;
    if (problem !== undefined) await worker.terminate();
  }
  await rm(directory, { recursive: true, force: true });
  for (const [name, cases] of Object.entries(counts)) console.log(`${String(cases).padStart(9)}  ${name}`);
  console.log(`${done} cases, at most ${Math.round(peak / 2 ** 20)} MiB of memory`);
  if (problem !== undefined) console.error(`FAILED: ${problem}`);
  return problem === undefined ? 0 : 1;
}

if (isMainThread) process.exitCode = await watch();
else if ((workerData as Job | null)?.kind === 'fuzz') await work(workerData as Job);
