import { configDefaults, defineConfig, type ViteUserConfig } from 'vitest/config';

/** Rooms whose tests keep nothing in their process: files after one another in one of them, which saves its start. */
const PURE = ['oci', 'base', 'content', 'trust', 'archive', 'release', 'report', 'kubernetes', 'operations'];
const pure = PURE.map((room) => `test/${room}/**/*.test.ts`);

const config: ViteUserConfig = defineConfig({
  test: {
    globalSetup: ['test/helpers/built.ts'],
    pool: 'forks',
    // Much of the time is waiting for real servers; one file at a time, as vitest has it on two cores, wastes that.
    maxWorkers: 3,
    projects: [
      { extends: true, test: { name: 'pure', include: pure, isolate: false } },
      {
        extends: true,
        test: { name: 'whole', include: ['test/**/*.test.ts'], exclude: [...configDefaults.exclude, ...pure] },
      },
    ],
    // A test that hangs is ended; a slow or busy machine is not what these are to find.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // A loop over nothing, or a tool that is not there, must not look like a test that passed.
    expect: { requireAssertions: true, poll: { timeout: 60_000, interval: 20 } },
  },
});

export default config;
