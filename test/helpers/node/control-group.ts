/** The control group of a node: under one name in every hierarchy of the machine, so that it can be removed whole. */
import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const ROOT = '/sys/fs/cgroup';
/** The kernel takes a moment to let go of processes that have ended. */
const TRIES = 200;
const PAUSE_MS = 25;

/** A group in which nothing runs yet. Disposing of it removes it with all below it; nothing may run in it any more. */
export interface ControlGroup extends AsyncDisposable {
  /** `/airgap-node-…`, as programs are told it. */
  readonly path: string;
}

/** Makes a group. Needs root. */
export async function makeControlGroup(name: string): Promise<ControlGroup> {
  const folders = (await hierarchies()).map((root) => join(root, name));
  const remove = async (): Promise<void> => {
    for (const folder of folders) await removeGroup(folder);
  };
  try {
    for (const folder of folders) await mkdir(folder);
  } catch (error) {
    await remove();
    throw error;
  }
  return { path: `/${name}`, [Symbol.asyncDispose]: remove };
}

/** One in version 2; in version 1 one for each controller. @see https://docs.kernel.org/admin-guide/cgroup-v2.html */
async function hierarchies(): Promise<readonly string[]> {
  const names = await readdir(ROOT);
  if (names.includes('cgroup.controllers')) return [ROOT];
  return names.map((name) => join(ROOT, name));
}

async function removeGroup(folder: string): Promise<void> {
  const inside = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of inside) if (entry.isDirectory()) await removeGroup(join(folder, entry.name));
  for (let left = TRIES; ; left -= 1) {
    try {
      await rmdir(folder);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || left === 0) throw error;
      await delay(PAUSE_MS);
    }
  }
}
