/** A fresh embedded registry for every test, over a temporary directory. */
import { afterEach, beforeEach } from 'vitest';
import {
  startRegistry,
  type EmbeddedRegistry,
  type RegistryOptions,
  type RequestRecord,
} from '../../src/server/embedded-registry.ts';
import { makeTempDir, type TempDir } from './temp.ts';

/** The registry of the running test. */
export interface TestRegistry {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Where it stores everything. */
  readonly directory: string;
  /** Requests answered so far, in order. Assigning `.length = 0` forgets them. */
  readonly requests: RequestRecord[];
  /** Failures of the registry itself; a test that ends with one fails. */
  readonly errors: unknown[];
}

/**
 * Starts a registry before each test of the enclosing file or `describe` and stops it afterwards.
 * @example const registry = useRegistry(); test('…', () => pushSample(registry.url, 'app', makeImage(), ['1']));
 */
export function useRegistry(options: Omit<RegistryOptions, 'directory' | 'onRequest' | 'onError'> = {}): TestRegistry {
  let running: EmbeddedRegistry | undefined;
  let temp: (TempDir & AsyncDisposable) | undefined;
  const requests: RequestRecord[] = [];
  const errors: unknown[] = [];
  beforeEach(async () => {
    requests.length = 0;
    errors.length = 0;
    temp = await makeTempDir();
    running = await startRegistry({
      ...options,
      directory: temp.join('registry'),
      onRequest: (record) => requests.push(record),
      onError: (error) => errors.push(error),
    });
  });
  afterEach(async () => {
    await running?.close();
    await temp?.[Symbol.asyncDispose]();
    if (errors.length > 0) throw new AggregateError(errors, 'the registry failed by itself');
  });
  const started = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('the registry runs only while a test runs');
    return value;
  };
  return {
    get url(): string {
      return started(running).url;
    },
    get host(): string {
      return started(running).host;
    },
    get directory(): string {
      return started(temp).join('registry');
    },
    requests,
    errors,
  };
}
