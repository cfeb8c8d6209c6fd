/** Real temporary directories that go away with the test that asked for them. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** A directory of one test. */
export interface TempDir {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** A path below it. */
  join(...segments: readonly string[]): string;
}

/**
 * Gives every test of the enclosing file or `describe` a fresh directory. Call it outside of tests, read it inside.
 * @example const temp = useTempDir(); test('…', () => write(temp.join('a.tar')));
 */
export function useTempDir(): TempDir {
  let current: (TempDir & AsyncDisposable) | undefined;
  const get = (): TempDir => {
    if (current === undefined) throw new Error('the temporary directory exists only while a test runs');
    return current;
  };
  beforeEach(async () => {
    current = await makeTempDir();
  });
  afterEach(async () => {
    await current?.[Symbol.asyncDispose]();
    current = undefined;
  });
  return {
    get path(): string {
      return get().path;
    },
    join: (...segments) => get().join(...segments),
  };
}

/** One directory, for `await using` or a `beforeAll` that disposes of it in `afterAll`. */
export async function makeTempDir(): Promise<TempDir & AsyncDisposable> {
  const path = await mkdtemp(join(await realpath(tmpdir()), 'airgap-test-'));
  return {
    path,
    join: (...segments) => join(path, ...segments),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
