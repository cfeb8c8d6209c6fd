/** A file system of a chosen size, to meet a full disk for real. Needs root. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeWithMounts } from './mounts.ts';
import { runOk } from './run.ts';
import { toolPath } from './tools.ts';

/** Options of {@link mountTmpfs}. */
export interface TmpfsOptions {
  readonly maxBytes: number;
  /** Files and folders it can hold. @defaultValue the kernel's own */
  readonly maxInodes?: number;
}

/** A mounted tmpfs. Disposing of it is unmounting it. */
export interface Tmpfs extends AsyncDisposable {
  readonly path: string;
  /** Changes the size, as if somebody had made room on the disk. */
  resize(maxBytes: number): Promise<void>;
  /** Unmounts it and removes the folder. */
  unmount(): Promise<void>;
}

/** Mounts a tmpfs of this size in a new folder. */
export async function mountTmpfs(options: TmpfsOptions): Promise<Tmpfs> {
  const path = await mkdtemp(join(tmpdir(), 'airgap-tmpfs-'));
  const mount = toolPath('mount');
  const inodes = options.maxInodes === undefined ? '' : `,nr_inodes=${options.maxInodes}`;
  await runOk(mount, ['-t', 'tmpfs', '-o', `size=${options.maxBytes}${inodes}`, 'tmpfs', path]);
  const unmount = (): Promise<void> => removeWithMounts(path);
  return {
    path,
    async resize(maxBytes) {
      await runOk(mount, ['-o', `remount,size=${maxBytes}`, path]);
    },
    unmount,
    [Symbol.asyncDispose]: unmount,
  };
}
