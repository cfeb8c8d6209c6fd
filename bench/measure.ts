/** Runs a command as its user would and measures it: wall and CPU time, peak memory, peak disk use. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { toolPath } from '../test/helpers/tools.ts';
import { allocatedBytes } from './proc.ts';

const DISK_POLL_MS = 50;
/** Of what a failing command said. */
const MAX_TOLD_CHARACTERS = 4_000;

/** A command line with what it needs. */
export interface Command {
  /** Program and arguments; a shell script is `sh -ec …`. */
  readonly argv: readonly string[];
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** One run of a command. */
export interface Measurement {
  readonly wallS: number;
  /** User and system time of it and everything it started and waited for. */
  readonly cpuS: number;
  /** The largest resident set of any process it was. */
  readonly rssMiB: number;
  readonly stdout: string;
}

/**
 * Runs a command to its end under GNU time.
 * @throws Error with what it said when it fails.
 */
export async function measure({ argv, cwd, env }: Command): Promise<Measurement> {
  const folder = await mkdtemp(join(tmpdir(), 'airgap-measure-'));
  try {
    const report = join(folder, 'time');
    const started = performance.now();
    const child = spawn(toolPath('time'), ['-f', '%U %S %M', '-o', report, ...argv], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const code = await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
    const wallS = (performance.now() - started) / 1000;
    if (code !== 0) {
      const said = `${stdout}${stderr}`.slice(-MAX_TOLD_CHARACTERS);
      throw new Error(`${argv.join(' ')} ended with ${String(code)}:\n${said}`);
    }
    const line = (await readFile(report, 'utf8')).trim().split('\n').at(-1) ?? '';
    const [user = 0, system = 0, rssKiB = 0] = line.split(' ').map(Number);
    return { wallS, cpuS: user + system, rssMiB: rssKiB / 1024, stdout };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The most bytes that were allocated below `folders` while `work` ran. */
export async function measurePeakDisk(folders: readonly string[], work: () => Promise<unknown>): Promise<number> {
  const over = new AbortController();
  let peak = 0;
  const look = async (): Promise<void> => {
    const sizes = await Promise.all(folders.map(allocatedBytes));
    peak = Math.max(
      peak,
      sizes.reduce((sum, size) => sum + size, 0),
    );
  };
  const polling = (async () => {
    while (!over.signal.aborted) {
      await look();
      await delay(DISK_POLL_MS, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  try {
    await work();
    await look();
  } finally {
    over.abort();
    await polling;
  }
  return peak;
}
