/** Everything a command asked the system for that leaves its memory: files by name, addresses, programs. Needs strace. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseTargets, type ConnectTarget } from './network-namespace.ts';
import type { ProcessResult } from './process.ts';
import { run, type RunOptions } from './run.ts';
import { toolPath } from './tools.ts';

const OPENING = ['open', 'openat', 'openat2', 'creat'];
const CHANGING = [
  ...['rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'rmdir', 'link', 'linkat', 'symlink', 'symlinkat'],
  ...['mkdir', 'mkdirat', 'mknod', 'mknodat', 'truncate', 'chmod', 'fchmodat', 'chown', 'lchown', 'fchownat'],
  ...['utime', 'utimensat', 'setxattr', 'lsetxattr', 'mount'],
];
const REACHING = ['connect', 'sendto', 'sendmsg', 'sendmmsg', 'bind'];
const STARTING = ['execve', 'execveat'];
const FORKING = ['clone', 'clone3', 'fork', 'vfork'];
const WRITING = /O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)/;

/** A file that was asked for by name, there or not. */
export interface FileCall {
  /** `openat` */
  readonly call: string;
  /** Absolute. */
  readonly path: string;
  readonly isWriting: boolean;
}

/** An address that something was sent to, or that was listened on. */
export interface AddressCall extends ConnectTarget {
  readonly call: string;
}

/** A finished command with all it asked for. */
export interface SystemTrace extends ProcessResult {
  readonly files: readonly FileCall[];
  readonly addresses: readonly AddressCall[];
  /** Programs that were started, the command itself first. */
  readonly programs: readonly string[];
  /** Processes it made of itself; threads are none. */
  readonly forks: number;
}

/** Runs a command, with all it starts, under strace. */
export async function traceSystem(
  command: string,
  args: readonly string[],
  options: RunOptions & { readonly cwd: string },
): Promise<SystemTrace> {
  const folder = await mkdtemp(join(tmpdir(), 'airgap-trace-'));
  try {
    const log = join(folder, 'trace');
    const calls = [...OPENING, ...CHANGING, ...REACHING, ...STARTING, ...FORKING].map((call) => `?${call}`);
    // The kernel stops the command for these calls only.
    const trace = [
      '-f',
      '--seccomp-bpf',
      '-qq',
      '-y',
      '-s',
      '0',
      '-e',
      `trace=${calls.join(',')}`,
      '-e',
      'signal=none',
      '-o',
      log,
    ];
    const result = await run(toolPath('strace'), [...trace, command, ...args], options);
    return { ...result, ...parseTrace(await readFile(log, 'utf8'), options.cwd) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What strace's lines say. A call that another thread interrupts has its arguments in the first of its two lines. */
export function parseTrace(trace: string, cwd: string): Omit<SystemTrace, keyof ProcessResult> {
  const files: FileCall[] = [];
  const addresses: AddressCall[] = [];
  const programs: string[] = [];
  let forks = 0;
  for (const line of trace.split('\n')) {
    const [, call = '', rest = ''] = /^\d+ +(\w+)\((.*)$/.exec(line) ?? [];
    if (STARTING.includes(call)) programs.push(/"((?:[^"\\]|\\.)*)"/.exec(rest)?.[1] ?? '');
    else if (FORKING.includes(call) && !rest.includes('CLONE_THREAD')) forks += 1;
    else if (REACHING.includes(call)) addresses.push(...parseTargets(rest).map((target) => ({ ...target, call })));
    else if (OPENING.includes(call) || CHANGING.includes(call)) {
      const isWriting = CHANGING.includes(call) || call === 'creat' || WRITING.test(rest);
      for (const [, directory = cwd, name = ''] of rest.matchAll(
        /(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"/g,
      )) {
        files.push({ call, path: resolve(directory, name), isWriting });
      }
    }
  }
  return { files, addresses, programs, forks };
}
