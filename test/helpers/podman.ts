/** A podman image store of the test's own. Podman has no daemon: this is a folder and the options that point at it. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeWithMounts } from './mounts.ts';
import type { ProcessResult } from './process.ts';
import { run, type RunOptions } from './run.ts';
import { toolPath } from './tools.ts';

/** A podman store. Disposing of it is removing it. */
export interface Podman extends AsyncDisposable {
  /** Runs podman on this store alone. */
  podman(args: readonly string[], options?: RunOptions): Promise<ProcessResult>;
  remove(): Promise<void>;
}

/** Makes an empty podman store. */
export async function createPodman(): Promise<Podman> {
  const folder = await mkdtemp(join(tmpdir(), 'airgap-podman-'));
  const store = [
    ...['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--tmpdir', join(folder, 'tmp')],
    ...['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--events-backend', 'none'],
  ];
  const remove = (): Promise<void> => removeWithMounts(folder);
  return {
    podman: (args, options) => run(toolPath('podman'), [...store, ...args], options),
    remove,
    [Symbol.asyncDispose]: remove,
  };
}
