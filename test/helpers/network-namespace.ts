/** A network of loopback alone, and the record of every connection a command tries: the two proofs of being offline. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess, type ProcessResult } from './process.ts';
import { run, type RunOptions } from './run.ts';
import { toolPath } from './tools.ts';

/** Calls that can reach another machine: a datagram needs no connect. */
const TRACED_CALLS = 'connect,sendto,sendmsg,sendmmsg';

/** A command with its arguments. */
export type Command = readonly [string, readonly string[]];

/** A network namespace with loopback up and nothing else. Disposing of it is closing it. */
export interface NetworkNamespace extends AsyncDisposable {
  /** The same command, to be run inside the namespace; with what it starts it is in a process group of its own. */
  readonly wrap: (command: string, args: readonly string[]) => Command;
  /** Runs a command inside the namespace. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<ProcessResult>;
  close(): Promise<void>;
}

/** What a namespace keeps to itself beside its network. */
export interface NamespaceOptions {
  /**
   * Processes and mounts too. All that was started inside, daemons as well, ends when it is closed or when this process
   * ends, however that is; what was mounted inside is seen nowhere else and goes with it. A directory that a command is
   * to run in has no effect there. @defaultValue false
   */
  readonly ownsProcesses?: boolean;
}

/** Makes a network namespace that lives until it is closed. Needs root. */
export async function openNetworkNamespace({
  ownsProcesses = false,
}: NamespaceOptions = {}): Promise<NetworkNamespace> {
  // The first process there has to wait for those that lose their parents. Nothing of /run is the machine's own.
  const rest = ownsProcesses ? 'mount -t tmpfs none /run && { sleep infinity & } && echo ready && wait' : 'echo ready && exec sleep infinity'; // prettier-ignore
  const more = ownsProcesses ? ['--pid', '--mount', '--fork', '--kill-child', '--mount-proc'] : [];
  const unshare = [toolPath('unshare'), '--net', ...more, '--', '/bin/sh', '-c', `ip link set lo up && ${rest}`];
  const holder = await startProcess(toolPath('setpriv'), ['--pdeathsig', 'KILL', ...unshare]);
  const close = async (): Promise<void> => {
    await holder[Symbol.asyncDispose]();
  };
  try {
    await holder.waitUntil('loopback was up', () => holder.stdout.includes('ready'));
  } catch (error) {
    await close();
    throw error;
  }
  const of = `/proc/${holder.pid}/ns`;
  const entered = ownsProcesses ? [`--pid=${of}/pid_for_children`, `--mount=${of}/mnt`] : [];
  const wrap = (command: string, args: readonly string[]): Command => [
    toolPath('nsenter'),
    [`--net=${of}/net`, ...entered, '--', command, ...args],
  ];
  return {
    wrap,
    run: (command, args, options) => run(...wrap(command, args), options),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Where a command tried to send something. */
export interface ConnectTarget {
  readonly family: 'inet' | 'inet6' | 'unix' | 'other';
  /** An IP address, or the path of a unix socket. */
  readonly address: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /** Whether bytes stay on this machine: loopback, or a socket file. */
  readonly isLocal: boolean;
}

/** A finished command with every place it tried to reach, in order. */
export interface TracedResult extends ProcessResult {
  readonly targets: readonly ConnectTarget[];
}

/** Options of {@link traceConnects}. */
export interface TraceOptions extends RunOptions {
  /** The namespace to run in. @defaultValue the machine's own network */
  readonly namespace?: NetworkNamespace;
}

/** Runs a command under strace and lists each address that it, or what it started, tried to reach, failed tries too. */
export async function traceConnects(
  command: string,
  args: readonly string[],
  options: TraceOptions = {},
): Promise<TracedResult> {
  const folder = await mkdtemp(join(tmpdir(), 'airgap-trace-'));
  try {
    const trace = join(folder, 'trace');
    const traced = [
      '-f',
      // The kernel stops the command for these calls only.
      '--seccomp-bpf',
      '-qq',
      '-s',
      '0',
      '-e',
      `trace=${TRACED_CALLS}`,
      '-e',
      'signal=none',
      '-o',
      trace,
      command,
      ...args,
    ];
    const strace = toolPath('strace');
    const [outer, outerArgs] = options.namespace?.wrap(strace, traced) ?? [strace, traced];
    const result = await run(outer, outerArgs, options);
    return { ...result, targets: parseTargets(await readFile(trace, 'utf8')) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The addresses in strace's own notation. Netlink and packet sockets are `other`: they are shown, not dropped. */
export function parseTargets(trace: string): readonly ConnectTarget[] {
  const targets: ConnectTarget[] = [];
  for (const [, family = '', rest = ''] of trace.matchAll(/\{sa_family=AF_(\w+)(?:, )?([^}]*)\}/g)) {
    if (family === 'UNSPEC') continue;
    const port = Number(/sin6?_port=htons\((\d+)\)/.exec(rest)?.[1] ?? 0);
    if (family === 'INET') {
      const address = /sin_addr=inet_addr\("([^"]+)"\)/.exec(rest)?.[1] ?? '';
      targets.push({ family: 'inet', address, port, isLocal: address.startsWith('127.') });
    } else if (family === 'INET6') {
      const address = /inet_pton\(AF_INET6, "([^"]+)"/.exec(rest)?.[1] ?? '';
      targets.push({ family: 'inet6', address, port, isLocal: address === '::1' || address.startsWith('::ffff:127.') });
    } else if (family === 'UNIX') {
      targets.push({ family: 'unix', address: /sun_path=@?"([^"]*)"/.exec(rest)?.[1] ?? '', port: 0, isLocal: true });
    } else {
      targets.push({ family: 'other', address: `${family} ${rest}`, port, isLocal: family === 'NETLINK' });
    }
  }
  return targets;
}
