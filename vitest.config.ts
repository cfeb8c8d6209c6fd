import { defineConfig, type ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Much of the time is waiting for real servers; one file at a time, as vitest has it on two cores, wastes that.
    maxWorkers: 3,
  },
});

export default config;
