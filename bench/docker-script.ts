/** The script everybody has: docker pull, save and gzip on one side; load, tag and push on the other. On a sample, since it is slow. */
import { join } from 'node:path';
import { startDockerd, type Dockerd } from '../test/helpers/dockerd.ts';
import { run } from '../test/helpers/run.ts';
import { toolPath } from '../test/helpers/tools.ts';
import { shell, type Contender, type Site } from './contender.ts';
import type { Corpus, CorpusImage } from './corpus.ts';
import type { Command } from './measure.ts';

/** Docker 20.10 keeps one platform of each tag: that of the machine. */
const PLATFORM = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
/** Two images in the middle of the corpus, of middling size. */
const SAMPLE = [3, 4];
const TIMEOUT_MS = 600_000;

/** Build and load with the Docker Engine 20.10. Needs root. */
export function dockerContenders(): readonly Contender[] {
  let engine: Dockerd | undefined;
  const finish = async (): Promise<void> => {
    await engine?.stop();
    engine = undefined;
  };
  const common = { name: 'docker script', finish, maxRuns: 1, bytes: sampleBytes };
  return [
    {
      ...common,
      stage: 'build',
      prepare: async () => void (engine = await startDockerd(20)),
      command: (site) => pullAndSave(docker(engine), site, site.work),
    },
    {
      ...common,
      stage: 'load',
      prepare: async (site) => {
        engine = await startDockerd(20);
        const { argv } = pullAndSave(docker(engine), site, site.work);
        const [program = '', ...args] = argv;
        const saved = await run(program, args, { cwd: site.work, timeoutMs: TIMEOUT_MS });
        if (saved.exitCode !== 0) throw new Error(`docker could not save the sample:\n${saved.stderr}`);
        await engine.stop();
        engine = await startDockerd(20);
      },
      command: (site) => loadAndPush(docker(engine), site, join(site.work, 'images.tar.gz')),
    },
  ];
}

/** Bytes of the sample's blobs, each once, as the registry serves them. */
function sampleBytes(corpus: Corpus): number {
  const digests = new Set(sample(corpus).flatMap((image) => image.digests));
  return corpus.blobs.reduce((sum, blob) => sum + (digests.has(blob.digest) ? blob.size : 0), 0);
}

function sample(corpus: Corpus): readonly CorpusImage[] {
  const own = corpus.images.filter((image) => image.platform === PLATFORM);
  return SAMPLE.map((index) => own[index % own.length]).filter((image) => image !== undefined);
}

function docker(engine: Dockerd | undefined): string {
  return `${toolPath('docker')} --host ${engine?.host ?? ''}`;
}

function pullAndSave(client: string, { corpus, source }: Site, work: string): Command {
  const images = sample(corpus).map(({ reference }) => `${source}/${reference}`);
  return shell(
    [
      ...images.map((image) => `${client} pull --quiet ${image}`),
      `${client} save ${images.join(' ')} | gzip > images.tar.gz`,
    ],
    work,
  );
}

function loadAndPush(client: string, { corpus, source, target }: Site, file: string): Command {
  return shell([
    `${client} load --quiet --input ${file}`,
    ...sample(corpus).flatMap(({ reference }) => [
      `${client} tag ${source}/${reference} ${target}/${reference}`,
      `${client} push --quiet ${target}/${reference}`,
    ]),
  ]);
}
