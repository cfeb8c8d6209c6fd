import { defineConfig, type ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  test: {
    globalSetup: ['test/helpers/memory-disk.ts', 'test/helpers/built.ts', 'test/helpers/cluster/shared-owner.ts'],
    pool: 'forks',
    // The programs in Go that tests start (helm, cosign, registries) end before collecting garbage early would pay.
    env: { GOGC: '400' },
    // Much of the time is waiting for real servers; one file at a time, as vitest has it on two cores, wastes that.
    maxWorkers: 3,
    projects: [
      // Files of the rooms follow one another in one process: starting one and loading the product costs a second of CPU.
      { extends: true, test: { name: 'rooms', include: ['test/*/**/*.test.ts'], isolate: false } },
      // Those about the project as a whole hold compilers and bundlers, and take their memory with them.
      { extends: true, test: { name: 'project', include: ['test/*.test.ts'] } },
    ],
    // A test that hangs is ended; a slow or busy machine is not what these are to find.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // A loop over nothing, or a tool that is not there, must not look like a test that passed.
    expect: { requireAssertions: true, poll: { timeout: 180_000, interval: 20 } },
  },
});

export default config;
