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
  /** The same command, to be run inside the namespace. It keeps its process id's meaning: nothing stays in between. */
  wrap(command: string, args: readonly string[]): Command;
  /** Runs a command inside the namespace. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<ProcessResult>;
  close(): Promise<void>;
}

/** Makes a network namespace that lives until it is closed. Needs root. */
export async function openNetworkNamespace(): Promise<NetworkNamespace> {
  const script = 'ip link set lo up && echo ready && exec sleep infinity';
  const holder = await startProcess(toolPath('unshare'), ['--net', '--', '/bin/sh', '-c', script]);
  const close = async (): Promise<void> => {
    await holder[Symbol.asyncDispose]();
  };
  try {
    await holder.waitUntil('loopback was up', () => holder.stdout.includes('ready'));
  } catch (error) {
    await close();
    throw error;
  }
  const wrap = (command: string, args: readonly string[]): Command => [
    toolPath('nsenter'),
    [`--net=/proc/${holder.pid}/ns/net`, '--', command, ...args],
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
