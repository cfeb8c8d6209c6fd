import { defineConfig, type ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/helpers/built.ts'],
    // A test that hangs is ended; a slow or busy machine is not what these are to find.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000, interval: 20 } },
    pool: 'forks',
    // Much of the time is waiting for real servers; one file at a time, as vitest has it on two cores, wastes that.
    maxWorkers: 3,
  },
});

export default config;
