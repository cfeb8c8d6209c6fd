/** Runs the same laws over every store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { openLayout } from '../../src/stores/layout.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { declareLaws, type OpenStore, type StoreFactory } from './contract.ts';

const memory: StoreFactory = {
  name: 'memory',
  open: async () => ({ store: new MemoryStore(), close: async () => {} }),
};

const layout: StoreFactory = {
  name: 'layout',
  tags: ['registry.example/team/app:1.0', 'latest'],
  async open(): Promise<OpenStore> {
    const directory = await mkdtemp(join(tmpdir(), 'airgap-layout-'));
    const store = await openLayout(directory, { create: true });
    return {
      store,
      async reopen() {
        await store.close();
        return openLayout(directory);
      },
      async close() {
        await store.close();
        await rm(directory, { recursive: true });
      },
    };
  },
};

/** A new store is added here; `corpus` in contract.ts is all the content the laws will ever ask it to hold. */
const stores: readonly StoreFactory[] = [memory, layout];

describe.each(stores)('$name', declareLaws);
