/** Real temporary directories that go away with the test that asked for them. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
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

/** Found once; and nothing here waits for another thread, since some thousand tests have a directory each. */
const PARENT = realpathSync(tmpdir());

/**
 * Gives every test of the enclosing file or `describe` a fresh directory, made when it is first asked for. Call it outside of
 * tests, read it inside.
 * @example const temp = useTempDir(); test('…', () => write(temp.join('a.tar')));
 */
export function useTempDir(): TempDir {
  let current: (TempDir & Disposable) | undefined;
  let isTest = false;
  const get = (): TempDir => {
    if (!isTest) throw new Error('the temporary directory exists only while a test runs');
    return (current ??= make());
  };
  beforeEach(() => {
    isTest = true;
  });
  afterEach(() => {
    current?.[Symbol.dispose]();
    current = undefined;
    isTest = false;
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
  const made = make();
  return { ...made, [Symbol.asyncDispose]: async () => made[Symbol.dispose]() };
}

function make(): TempDir & Disposable {
  const path = mkdtempSync(join(PARENT, 'airgap-test-'));
  return {
    path,
    join: (...segments) => join(path, ...segments),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
