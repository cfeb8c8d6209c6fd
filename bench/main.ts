/** `npm run bench`: the product, the field's tools and the floors, measured by turns on one corpus. */
import { existsSync, rmSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { STAGES, type Contender } from './contender.ts';
import { openCorpus, type Corpus } from './corpus.ts';
import { dockerContenders } from './docker-script.ts';
import { Fixtures } from './fixtures.ts';
import { floorContenders } from './floors.ts';
import { measureMemory } from './memory.ts';
import { PLATFORMS, readOptions, USAGE, type Options } from './options.ts';
import { ourContenders } from './our-contenders.ts';
import { PROGRAM } from './ours.ts';
import { hasTool } from './peer-commands.ts';
import { peerContenders } from './peers.ts';
import { describeMachine } from './proc.ts';
import { startRegistry } from './registry.ts';
import { formatResults, formatTable, formatTargets } from './report.ts';
import { runStage, type Ground, type Result } from './run.ts';
import { isMet, judge } from './targets.ts';
import { judgeLink } from './link-targets.ts';
import { describeTools } from './tools.ts';

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Everybody who takes part, the product first. */
function gatherContenders(options: Options): readonly Contender[] {
  const docker = options.link === undefined && hasTool('dockerd') && process.getuid?.() === 0 ? dockerContenders() : [];
  const floors = options.link === undefined ? floorContenders() : [];
  return [...ourContenders(), ...peerContenders(), ...docker, ...floors].filter(
    ({ name, stage }) => options.stages.includes(stage) && !options.without.some((part) => name.includes(part)),
  );
}

async function runAll(options: Options, corpus: Corpus, folder: string): Promise<void> {
  await using registry = await startRegistry(folder, corpus.storage);
  const machine = describeMachine();
  const tools = describeTools();
  console.log(formatTable(Object.entries({ ...machine, ...tools }).map(([name, value]) => [name, value])));
  const fixtures = new Fixtures(join(folder, 'fixtures'), corpus, registry.host);
  const ground: Ground = { corpus, fixtures, registry, folder, say, link: options.link };
  const contenders = gatherContenders(options);
  const results: Result[] = [];
  for (const stage of STAGES) {
    const own = contenders.filter((contender) => contender.stage === stage);
    const measured = await runStage(ground, own, options.runs);
    results.push(...measured);
    // Told at once: whoever interrupts a long run keeps the stages that are done.
    if (measured.length > 0) console.log(formatResults(measured));
  }
  const archiveBytes = options.stages.some((stage) => stage !== 'mirror' && !stage.endsWith('resolve'))
    ? statSync(await fixtures.archive()).size
    : undefined;
  const targets =
    options.link === undefined
      ? judge(results, { archiveBytes, images: corpus.references.length })
      : judgeLink(results, options.link);
  console.log(formatTargets(targets));
  if (options.json === undefined) return;
  const { parameters, bytes } = corpus;
  const judged = targets.map((target) => ({ ...target, met: isMet(target) ?? null }));
  const document = { machine, tools, corpus: { ...parameters, bytes, archiveBytes }, results, targets: judged };
  await writeFile(options.json, `${JSON.stringify(document, undefined, 2)}\n`);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) return void process.stdout.write(USAGE);
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: run npm run build first`);
  await mkdir(options.work, { recursive: true });
  const folder = await mkdtemp(join(options.work, 'bench-'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  try {
    if (options.rssGb.length > 0) {
      console.log(await measureMemory(options.rssGb, folder, say));
      return;
    }
    const { images, sizeMb } = options;
    const parameters = { images, platforms: PLATFORMS, sizeMb, content: 'mixed' } as const;
    await runAll(options, await openCorpus(options.cache, parameters, say), folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
