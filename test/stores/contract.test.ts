/** Runs the same laws over every store. */
import { describe } from 'vitest';
import { openArchive } from '../../src/archive/reader/reader.ts';
import { openArchiveWriter } from '../../src/archive/writer/writer.ts';
import type { Inventory } from '../../src/archive/inventory/inventory-schema.ts';
import { startRegistry } from '../../src/server/embedded-registry.ts';
import { openLayout } from '../../src/stores/layout/oci-layout.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { openRepository } from '../../src/stores/registry/registry-hosts.ts';
import type { RegistryRepository } from '../../src/stores/registry/repository.ts';
import { startDockerRegistry } from '../helpers/docker-registry.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { makeTempDir } from '../helpers/temp.ts';
import { corpus, declareLaws, type Content, type OpenStore, type StoreFactory } from './contract.ts';

const memory: StoreFactory = {
  name: 'memory',
  open: async () => ({ store: new MemoryStore(), close: async () => {} }),
};

const layout: StoreFactory = {
  name: 'layout',
  tags: ['registry.example/team/app:1.0', 'latest'],
  async open(): Promise<OpenStore> {
    const temp = await makeTempDir();
    const store = await openLayout(temp.path, { create: true });
    return {
      store,
      async reopen() {
        await store.close();
        return openLayout(temp.path);
      },
      async close() {
        await store.close();
        await temp[Symbol.asyncDispose]();
      },
    };
  },
};

/** Repositories of one registry, a new one each time; `begin` starts the registry. */
function registry(name: string, begin: () => Promise<AsyncDisposable & { readonly host: string }>): StoreFactory {
  let running: Awaited<ReturnType<typeof begin>> | undefined;
  let repositories = 0;
  return {
    name,
    async start(): Promise<void> {
      running = await begin();
    },
    async open(): Promise<OpenStore> {
      const host = running?.host ?? '';
      repositories += 1;
      const repository = `team/app-${repositories}`;
      const opened: RegistryRepository[] = [];
      const openOnce = (): RegistryRepository => {
        const store = openRepository({ registry: host, repository }, { access: 'push', environment: {} });
        opened.push(store);
        return store;
      };
      return {
        store: openOnce(),
        reopen: async () => openOnce(),
        async close() {
          for (const { host: client } of opened) await client.close();
        },
      };
    },
    async stop(): Promise<void> {
      await running?.[Symbol.asyncDispose]();
    },
  };
}

const embedded = registry('registry: embedded', async () => {
  const temp = await makeTempDir();
  const server = await startRegistry({ directory: temp.path });
  return {
    host: server.host,
    async [Symbol.asyncDispose]() {
      await server.close();
      await temp[Symbol.asyncDispose]();
    },
  };
});

const docker = registry('registry: docker-registry', () => startDockerRegistry());

const NAMES = ['registry.example/team/app:1.0', 'registry.example/team/app:2.0'] as const;
const SLOT_BYTES = 1024;

/** Everything the laws store, as the release it is of: an archive has places for what was planned and nothing else. */
function planCorpus(): Inventory {
  const { index, manifest, second, config, other, layer, small, empty } = corpus;
  const entry = ({ descriptor: { mediaType, digest, size } }: Content): Inventory['blobs'][number] => ({
    digest,
    mediaType,
    size,
  });
  const sorted = <T extends { readonly digest: string }>(entries: readonly T[]): T[] =>
    entries.toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  const manifests: Inventory['manifests'] = [
    {
      ...entry(index),
      manifests: [
        { digest: manifest.descriptor.digest, platform: 'linux/amd64' },
        { digest: second.descriptor.digest, platform: 'linux/arm64' },
      ],
    },
    {
      ...entry(manifest),
      config: config.descriptor.digest,
      layers: [layer.descriptor.digest, small.descriptor.digest],
    },
    {
      ...entry(second),
      config: other.descriptor.digest,
      layers: [small.descriptor.digest],
    },
  ];
  return {
    formatVersion: 1,
    name: 'corpus',
    version: '1',
    channel: 'stable',
    created: '2026-01-31T12:00:00Z',
    platforms: ['linux/amd64', 'linux/arm64'],
    components: [{ name: 'all', images: [...NAMES], files: ['docs/empty'] }],
    files: [{ path: 'docs/empty', digest: empty.descriptor.digest, size: 0 }],
    slots: [{ path: 'signatures/1.sigstore.json', size: SLOT_BYTES }],
    images: NAMES.map((reference) => ({ reference, digest: index.descriptor.digest, indexMode: 'complete' })),
    manifests: sorted(manifests),
    blobs: sorted([config, other, layer, small].map(entry)),
  };
}

const archive: StoreFactory = {
  name: 'archive',
  tags: NAMES,
  hasFixedTags: true,
  holdsNothing: true,
  async open(): Promise<OpenStore> {
    const temp = await makeTempDir();
    const path = temp.join('corpus.tar');
    const stack = new AsyncDisposableStack();
    stack.use(temp);
    const writer = stack.use(await openArchiveWriter(path, planCorpus()));
    return {
      store: writer,
      async reopen() {
        await writer.finish(async () => [Buffer.alloc(SLOT_BYTES, ' ')]);
        return stack.use(await openArchive(path));
      },
      close: () => stack.disposeAsync(),
    };
  },
};

/** A new store is added here; `corpus` in contract.ts is all the content the laws will ever ask it to hold. */
const stores: readonly StoreFactory[] = [
  memory,
  layout,
  archive,
  embedded,
  ...(requireTool('docker-registry') === undefined ? [] : [docker]),
];

describe.each(stores)('$name', declareLaws);
