/** Peak memory of build, verify and load with corpora of different sizes: it must not grow with them. */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openCorpus, type Corpus } from './corpus.ts';
import { Fixtures } from './fixtures.ts';
import { measure, type Measurement } from './measure.ts';
import { PLATFORMS } from './options.ts';
import * as ours from './ours.ts';
import { startRegistry } from './registry.ts';
import { formatTable } from './report.ts';

/** Repositories of such a corpus. */
const IMAGES = 4;

/** Builds, verifies and loads a corpus of each size, mostly zeros, and removes it again. */
export async function measureMemory(
  sizesGb: readonly number[],
  folder: string,
  say: (text: string) => void,
): Promise<string> {
  const rows: string[][] = [
    ['GB of blobs', 'archive MB', 'build MiB', 'verify MiB', 'load MiB', 'build s', 'verify s', 'load s'],
  ];
  for (const sizeGb of sizesGb) {
    const place = join(folder, `${sizeGb}-gb`);
    const parameters = { images: IMAGES, platforms: PLATFORMS, sizeMb: sizeGb * 1000, content: 'zeros' } as const;
    const corpus = await openCorpus(place, parameters, say);
    const { archiveBytes, runs } = await runThrough(place, corpus, say);
    rows.push([
      String(sizeGb),
      (archiveBytes / 1e6).toFixed(0),
      ...runs.map((run) => run.rssMiB.toFixed(0)),
      ...runs.map((run) => run.wallS.toFixed(1)),
    ]);
    await rm(place, { recursive: true, force: true });
  }
  return formatTable(rows);
}

async function runThrough(
  place: string,
  corpus: Corpus,
  say: (text: string) => void,
): Promise<{ readonly archiveBytes: number; readonly runs: readonly Measurement[] }> {
  await using source = await startRegistry(place, corpus.storage);
  await using target = await startRegistry(place);
  const fixtures = new Fixtures(place, corpus, source.host);
  const archive = join(place, ours.ARCHIVE);
  const keys = await fixtures.keys();
  const runs: Measurement[] = [];
  for (const [stage, command] of [
    ['build', ours.build(await fixtures.locked(), keys, archive)],
    ['verify', ours.verify(archive, keys)],
    ['load', ours.load(archive, keys, target.host)],
  ] as const) {
    const run = await measure(command);
    say(`${stage}: ${run.rssMiB.toFixed(0)} MiB at most, ${run.wallS.toFixed(1)} s`);
    runs.push(run);
  }
  return { archiveBytes: (await stat(archive)).size, runs };
}
