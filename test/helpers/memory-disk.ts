/**
 * Before any test runs: temporary directories lie in memory. A disk takes half a millisecond of the processor for a small file
 * that is written, synchronized and removed, and a turn in its queue. `TMPDIR=/var/tmp scripts/test` has them on a disk.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Mounts a disk in memory where this user may, unless somebody chose a place. */
export function setup(): (() => void) | undefined {
  if (process.env['TMPDIR'] !== undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'airgap-memory-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmdirSync(folder);
    return undefined;
  }
  process.env['TMPDIR'] = folder;
  let isMounted = true;
  const remove = (): void => {
    if (!isMounted) return;
    isMounted = false;
    for (const signal of SIGNALS) process.off(signal, onSignal);
    delete process.env['TMPDIR'];
    // Something may still be on its way out of it.
    execFileSync('umount', ['--lazy', folder]);
    rmdirSync(folder);
  };
  // A run that is interrupted is not told that it is over.
  const onSignal = (signal: NodeJS.Signals): void => {
    remove();
    process.kill(process.pid, signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return remove;
}
