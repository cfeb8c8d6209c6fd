/** Where a helm program runs: an empty home of its own, with nothing of the user's or the machine's in reach. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Every address but loopback is asked for through this proxy, at the port that discards. */
const NO_NETWORK = 'http://127.0.0.1:9';

/** Threads of a helm program that compute at the same time. */
export const HELM_THREADS = 2;

/** A private directory that is removed with the render it was made for. */
export interface HelmHome extends AsyncDisposable {
  /** All that the program is told of its surroundings. */
  readonly environment: Readonly<Record<string, string>>;
  /** Writes a file that the program is to read and returns its path. */
  place(name: string, content: string | Uint8Array): Promise<string>;
}

/** Makes the directory, which the user alone can enter. */
export async function openHelmHome(maxMemoryBytes: number): Promise<HelmHome> {
  const path = await mkdtemp(join(tmpdir(), 'airgap-helm-'));
  const folder = (name: string): string => join(path, name);
  return {
    environment: {
      HOME: path,
      TMPDIR: path,
      XDG_CACHE_HOME: folder('cache'),
      XDG_CONFIG_HOME: folder('config'),
      XDG_DATA_HOME: folder('data'),
      HELM_CACHE_HOME: folder('cache'),
      HELM_CONFIG_HOME: folder('config'),
      HELM_DATA_HOME: folder('data'),
      HELM_PLUGINS: folder('plugins'),
      // A file that is not there: no cluster.
      KUBECONFIG: folder('kubeconfig'),
      HTTP_PROXY: NO_NETWORK,
      HTTPS_PROXY: NO_NETWORK,
      // With the limit of processor time: however many cores there are, it cannot use that up before its time is over.
      GOMAXPROCS: String(HELM_THREADS),
      // Collects garbage harder before the limit of its address space ends it.
      GOMEMLIMIT: String(maxMemoryBytes),
    },
    place: async (name, content) => {
      await writeFile(folder(name), content, { flag: 'wx', mode: 0o600 });
      return folder(name);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
