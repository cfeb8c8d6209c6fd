/**
 * The corpus all contenders are measured with: multi-platform images in the storage of a docker-registry, made once
 * and kept for every later run with the same parameters.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planImages, type CorpusParameters, type ImagePlan } from './corpus-plan.ts';
import { listRealFiles, writeLayer, type Layer } from './layers.ts';
import { pushBlob, pushManifest, type Holders } from './push.ts';
import { startRegistry } from './registry.ts';

/** A new number makes a new corpus. */
const GENERATOR = 2;
/** Layers that are compressed at the same time. */
const CONCURRENCY = 2;
const TAG = '1.0.0';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';

/** One blob of the corpus and a repository that serves it. */
export interface CorpusBlob {
  readonly digest: string;
  /** bytes */
  readonly size: number;
  readonly repository: string;
}

/** One image of one platform, as `docker pull` takes it. */
export interface CorpusImage {
  /** `repository:tag`, without a host. */
  readonly reference: string;
  readonly platform: string;
  /** Of its config and layers. */
  readonly digests: readonly string[];
}

/** A corpus on disk. */
export interface Corpus {
  readonly parameters: CorpusParameters;
  /** The registry's storage. */
  readonly storage: string;
  /** `repository:tag`, without a host. */
  readonly references: readonly string[];
  readonly images: readonly CorpusImage[];
  /** Every config and layer once. */
  readonly blobs: readonly CorpusBlob[];
  /** Of all of them. */
  readonly bytes: number;
}

/** Opens the corpus of these parameters below `cache`, making it first where it is not there yet. */
export async function openCorpus(
  cache: string,
  parameters: CorpusParameters,
  say: (text: string) => void,
): Promise<Corpus> {
  const key = createHash('sha256')
    .update(JSON.stringify([GENERATOR, parameters]))
    .digest('hex')
    .slice(0, 12);
  const folder = join(cache, `corpus-${key}`);
  const made = await readFile(join(folder, 'corpus.json'), 'utf8').catch(() => undefined);
  if (made !== undefined) return { ...(JSON.parse(made) as Corpus), storage: join(folder, 'storage') };
  say(`making a corpus of ${parameters.sizeMb} MB in ${folder}`);
  const draft = `${folder}.draft`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  const corpus = await makeCorpus(draft, parameters, say);
  await writeFile(join(draft, 'corpus.json'), JSON.stringify(corpus, undefined, 1));
  await rename(draft, folder);
  return { ...corpus, storage: join(folder, 'storage') };
}

async function makeCorpus(
  folder: string,
  parameters: CorpusParameters,
  say: (text: string) => void,
): Promise<Omit<Corpus, 'storage'>> {
  const images = planImages(parameters);
  const realFiles = parameters.content === 'mixed' ? await listRealFiles() : [];
  await using registry = await startRegistry(folder, join(folder, 'storage'));
  const holders: Holders = new Map();
  const layers = new Map<string, Layer>();
  const blobs = new Map<string, CorpusBlob>();
  const plans = new Map(images.flatMap(({ repository, layers: own }) => own.map((plan) => [plan, repository])));
  const queue = [...plans].filter(
    ([plan], index, all) => all.findIndex(([other]) => other.seed === plan.seed) === index,
  );
  const makeLayers = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [{ seed, size }, repository] = next;
      const path = join(folder, `${layers.size}-${queue.length}.layer`);
      const layer = await writeLayer(path, seed, size, parameters.content, realFiles);
      await pushBlob(registry.host, repository, `sha256:${layer.hex}`, path, holders);
      await rm(path);
      layers.set(seed, layer);
      blobs.set(layer.hex, { digest: `sha256:${layer.hex}`, size: layer.size, repository });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, makeLayers));
  const pushed: CorpusImage[] = [];
  for (const [repository, platforms] of Map.groupBy(images, (image) => image.repository)) {
    const configs = await pushImage(registry.host, repository, platforms, layers, holders);
    for (const [index, config] of configs.entries()) {
      blobs.set(config.digest.slice('sha256:'.length), config);
      const { platform = '', layers: plans = [] } = platforms[index] ?? {};
      const digests = plans.map(({ seed }) => `sha256:${layers.get(seed)?.hex ?? ''}`);
      pushed.push({ reference: `${repository}:${TAG}`, platform, digests: [config.digest, ...digests] });
    }
  }
  const bytes = [...blobs.values()].reduce((sum, blob) => sum + blob.size, 0);
  say(`${blobs.size} unique blobs, ${(bytes / 1e6).toFixed(0)} MB`);
  const references = [...new Set(pushed.map((image) => image.reference))];
  return { parameters, references, images: pushed, blobs: [...blobs.values()], bytes };
}

/** Pushes the images of one repository and the index over them; returns the blobs of its configs. */
async function pushImage(
  host: string,
  repository: string,
  images: readonly ImagePlan[],
  made: ReadonlyMap<string, Layer>,
  holders: Holders,
): Promise<readonly CorpusBlob[]> {
  const configs: CorpusBlob[] = [];
  const children: object[] = [];
  for (const { platform, layers: plans } of images) {
    const [os, architecture] = platform.split('/');
    const layers = plans.map(({ seed }) => made.get(seed) as Layer);
    for (const { hex } of layers) await mountOnto(host, repository, `sha256:${hex}`, holders);
    const config = describe(CONFIG, {
      architecture,
      os,
      config: { Cmd: ['/bin/sh'] },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${layer.diffHex}`) },
    });
    await pushBlob(host, repository, config.descriptor.digest, config.bytes, holders);
    configs.push({ ...config.descriptor, repository });
    const manifest = describe(MANIFEST, {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: config.descriptor,
      layers: layers.map(({ mediaType, hex, size }) => ({ mediaType, digest: `sha256:${hex}`, size })),
    });
    await pushManifest(host, repository, manifest.descriptor.digest, MANIFEST, manifest.bytes);
    children.push({ ...manifest.descriptor, platform: { os, architecture } });
  }
  const index = describe(INDEX, { schemaVersion: 2, mediaType: INDEX, manifests: children });
  await pushManifest(host, repository, TAG, INDEX, index.bytes);
  return configs.map(({ digest, size }) => ({ digest, size, repository }));
}

async function mountOnto(host: string, repository: string, digest: string, holders: Holders): Promise<void> {
  if (holders.get(digest) === repository) return;
  await pushBlob(host, repository, digest, Buffer.alloc(0), holders);
}

function describe(
  mediaType: string,
  content: object,
): { readonly bytes: Buffer; readonly descriptor: { mediaType: string; digest: string; size: number } } {
  const bytes = Buffer.from(JSON.stringify(content));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { bytes, descriptor: { mediaType, digest, size: bytes.length } };
}
