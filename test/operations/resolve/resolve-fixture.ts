/** Releases in a temporary directory with images in memory, for the tests of resolving. */
import { join } from 'node:path';
import type { Source } from '../../../src/content/store.ts';
import { bytesOf } from '../../../src/content/verified.ts';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { formatReference } from '../../../src/oci/reference.ts';
import type { OpenRenderer } from '../../../src/operations/resolve/render-charts.ts';
import { resolveRelease, type ResolvedRelease, type ResolveOptions } from '../../../src/operations/resolve/resolve.ts';
import type { ReleaseLock } from '../../../src/release/lock/lock-schema.ts';
import { loadSpec } from '../../../src/release/spec/spec.ts';
import { MemoryStore } from '../../../src/stores/memory.ts';
import { contentOf, type SampleNode } from '../../helpers/sample-image.ts';
import { writeFiles } from '../../kubernetes/charts/chart-files.ts';

/** The head of a release.yaml; components follow. */
export const HEAD = 'apiVersion: airgap.hexabase.ai/v1\nkind: Release\nname: demo\nversion: 1.0.0\nplatforms: all\n';

/** What a test gives beside the release. */
export interface ResolveSetup extends ResolveOptions {
  readonly previous?: ReleaseLock;
  /** Absent: charts are not rendered. */
  readonly openRenderer?: OpenRenderer;
  /** @defaultValue 2026-01-31T12:00:00.5Z */
  readonly now?: string;
}

/** Images in memory, one store for each repository and origin; every fetch of a manifest is counted. */
export class Images {
  readonly #stores = new Map<string, CountingStore>();
  /** Manifests that were fetched, not only asked about. */
  fetched = 0;

  /** Puts an image under a tag of a repository. `from` is where: `registry` or `docker-daemon`. */
  async put(repository: string, tag: string, node: SampleNode, from = 'registry', without?: Digest): Promise<void> {
    const store = this.#store(from, repository);
    for (const { descriptor, bytes } of contentOf(node).values()) {
      if (descriptor.digest !== without) await store.push(descriptor, bytesOf(bytes));
    }
    await store.tag(node.descriptor, tag);
  }

  /** The store of a repository, to be told to fail. */
  repository(repository: string): MemoryStore {
    return this.#store('registry', repository);
  }

  /** What `resolveRelease` opens images with. */
  readonly open = (reference: { readonly registry: string; readonly repository: string }, from: string): Source =>
    this.#store(from, formatReference({ registry: reference.registry, repository: reference.repository }));

  #store(from: string, repository: string): CountingStore {
    const key = `${from} ${repository}`;
    const store = this.#stores.get(key) ?? new CountingStore(key, () => (this.fetched += 1));
    this.#stores.set(key, store);
    return store;
  }
}

class CountingStore extends MemoryStore {
  readonly #count: () => void;

  constructor(name: string, count: () => void) {
    super(name);
    this.#count = count;
  }

  override fetch(...args: Parameters<MemoryStore['fetch']>): ReturnType<MemoryStore['fetch']> {
    this.#count();
    return super.fetch(...args);
  }
}

/** Writes `files` (with a release.yaml) into the directory and resolves the release. */
export async function resolveFiles(
  directory: string,
  images: Images,
  files: Readonly<Record<string, string | Buffer>>,
  { previous, now = '2026-01-31T12:00:00.5Z', openRenderer, ...options }: ResolveSetup = {},
): Promise<ResolvedRelease> {
  await writeFiles(directory, files);
  const path = join(directory, 'release.yaml');
  return resolveRelease(
    {
      spec: await loadSpec(path),
      directory,
      specDigest: sha256(files['release.yaml'] ?? ''),
      previous,
      now: new Date(now),
      openImage: images.open,
      readAddress: ({ href }) => Promise.reject(new Error(`${href} is not to be read`)),
      openRenderer,
    },
    { render: openRenderer !== undefined, ...options },
  );
}
