/** A built release for all tests of a file: source registry, keys, lock and archive, made once in `beforeAll`. */
import { afterAll, beforeAll } from 'vitest';
import { startRegistry, type RequestRecord } from '../../../src/server/embedded-registry.ts';
import { makeTempDir, type TempDir } from '../../helpers/temp.ts';
import { buildArchive, makeKeys, pushImages, writeRelease, type ReleaseOptions, type TestRelease } from './release.ts';

/** Everything a test of the secure side starts with. */
export interface Fixture {
  /** Of the whole file; tests make folders of their own in it. */
  readonly temp: TempDir;
  /** The source registry, embedded in the test's own process. */
  readonly source: { readonly host: string; readonly url: string };
  /** What the source was asked, in order. Assigning `.length = 0` forgets it. */
  readonly requests: RequestRecord[];
  readonly release: TestRelease;
  /** Private key file. */
  readonly key: string;
  /** Public key file. */
  readonly pub: string;
  readonly archive: string;
  /** A directory of one test, made anew each time it is asked for. */
  folder(): string;
}

/** Makes the release before the tests of the enclosing file. Read it inside tests only. */
export function useBuiltRelease(options: ReleaseOptions = {}): Fixture {
  const stack = new AsyncDisposableStack();
  const requests: RequestRecord[] = [];
  let fixture: Fixture | undefined;
  let folders = 0;
  beforeAll(async () => {
    const temp = stack.use(await makeTempDir());
    const source = stack.use(
      await startRegistry({ directory: temp.join('source'), onRequest: (record) => requests.push(record) }),
    );
    const release = await writeRelease(temp.join('release'), source.host, options);
    await pushImages(source.url, release.images);
    const { key, pub } = await makeKeys(temp.join('release-key'));
    const archive = temp.join('sample-offline-1.2.3.tar');
    await buildArchive(release.spec, key, archive);
    const folder = (): string => temp.join(`folder-${(folders += 1)}`);
    fixture = { temp, source, requests, release, key, pub, archive, folder };
  });
  afterAll(() => stack.disposeAsync());
  const built = (): Fixture => {
    if (fixture === undefined) throw new Error('the release is there only while tests run');
    return fixture;
  };
  return {
    get temp() {
      return built().temp;
    },
    get source() {
      return built().source;
    },
    requests,
    get release() {
      return built().release;
    },
    get key() {
      return built().key;
    },
    get pub() {
      return built().pub;
    },
    get archive() {
      return built().archive;
    },
    folder: () => built().folder(),
  };
}
