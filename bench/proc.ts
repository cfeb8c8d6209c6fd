/** What Linux tells about processes and disks: CPU time, allocated blocks, the machine itself. */
import { readFileSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** Clock ticks a second in /proc; fixed on every Linux of today. */
const TICKS_PER_SECOND = 100;

/** CPU time a live process and the children it waited for have used. */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
  return ticks / TICKS_PER_SECOND;
}

/** Bytes allocated on disk below a path; what vanishes while it is counted does not count. */
export async function allocatedBytes(path: string): Promise<number> {
  const entry = await lstat(path).catch(() => undefined);
  if (entry === undefined) return 0;
  if (!entry.isDirectory()) return entry.blocks * 512;
  const names = await readdir(path).catch(() => []);
  const below = await Promise.all(names.map((name) => allocatedBytes(join(path, name))));
  return below.reduce((sum, bytes) => sum + bytes, 0);
}

/** The machine, for the head of the report. */
export function describeMachine(): Readonly<Record<string, string>> {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? 'unknown',
    cores: String(all.length),
    memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    kernel: release(),
    node: process.version,
  };
}
