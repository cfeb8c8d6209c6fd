/** Runs the same laws over every store. */
import { describe } from 'vitest';
import { startRegistry } from '../../src/server/registry.ts';
import { openLayout } from '../../src/stores/layout.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { openRepository } from '../../src/stores/registry/registry.ts';
import type { RegistryRepository } from '../../src/stores/registry/repository.ts';
import { startDockerRegistry } from '../helpers/docker-registry.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { makeTempDir } from '../helpers/temp.ts';
import { declareLaws, type OpenStore, type StoreFactory } from './contract.ts';

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

/** A new store is added here; `corpus` in contract.ts is all the content the laws will ever ask it to hold. */
const stores: readonly StoreFactory[] = [
  memory,
  layout,
  embedded,
  ...(requireTool('docker-registry') === undefined ? [] : [docker]),
];

describe.each(stores)('$name', declareLaws);
