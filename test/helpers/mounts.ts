/** What is mounted below a folder, and how to be rid of it: daemons that die leave their mounts behind. */
import { readFile, rm } from 'node:fs/promises';
import { run } from './run.ts';
import { toolPath } from './tools.ts';

/** The mount points at or below a folder, innermost first. */
export async function mountsBelow(folder: string): Promise<readonly string[]> {
  const table = await readFile('/proc/self/mounts', 'utf8');
  return table
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .map((point) => point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))))
    .filter((point) => point === folder || point.startsWith(`${folder}/`))
    .reverse();
}

/**
 * Unmounts everything below a folder and removes the folder.
 * @throws Error when something stays mounted; nothing is removed then
 */
export async function removeWithMounts(folder: string): Promise<void> {
  for (const point of await mountsBelow(folder)) await run(toolPath('umount'), ['--lazy', point]);
  const left = await mountsBelow(folder);
  if (left.length > 0) throw new Error(`still mounted: ${left.join(', ')}`);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
