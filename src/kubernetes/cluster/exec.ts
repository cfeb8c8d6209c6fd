/**
 * A command that runs in a container: its output and how it ended, over the WebSocket that API servers offer for it.
 * @see https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-connect-post-exec
 */
import type { Duplex } from 'node:stream';
import { parseJson } from '../../base/json/parse-json.ts';
import { readMessages } from '../../base/web-socket.ts';
import { ClusterError } from '../../errors.ts';
import { listAt, mappingAt, textAt } from './cluster-object.ts';

/** In both, the first byte of a message is its channel; with the fifth version a channel can be closed, which nothing here needs. */
export const EXEC_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;

const OUTPUT = 1;
const ERRORS = 2;
const STATUS = 3;
/** Bytes of the output that are kept: its end. */
const MAX_TAIL_BYTES = 64 * 1024;
const MAX_STATUS_BYTES = 64 * 1024;

/** Which container, and what to run in it. */
export interface ExecRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly string[];
}

/** How a command ended. */
export interface ExecResult {
  readonly exitCode: number;
  /** The end of what it wrote to both of its outputs, in the order of arrival. */
  readonly output: string;
}

/** The address of a command, below that of the server. */
export function execPath({ namespace, pod, container, command }: ExecRequest): string {
  const query = new URLSearchParams([
    ...command.map((word): [string, string] => ['command', word]),
    ['container', container],
    ['stdout', 'true'],
    ['stderr', 'true'],
  ]);
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/exec?${query.toString()}`;
}

/**
 * Reads what a command writes until it has ended.
 * @throws ClusterError `CLUSTER` when the connection ends before the command has, or the command could not be started
 */
export async function readExec(
  socket: Duplex,
  { namespace, pod, container, command }: ExecRequest,
): Promise<ExecResult> {
  const what = `${command[0] ?? ''} in container ${container} of ${namespace}/${pod}`;
  let tail: Buffer = Buffer.alloc(0);
  let status: Readonly<Record<string, unknown>> | undefined;
  try {
    for await (const message of readMessages(socket)) {
      const [channel] = message;
      const content = message.subarray(1);
      if (channel === OUTPUT || channel === ERRORS) tail = Buffer.concat([tail, content]).subarray(-MAX_TAIL_BYTES);
      if (channel !== STATUS || content.length === 0) continue;
      status = parseJson(content, { maxBytes: MAX_STATUS_BYTES, reading: 'lenient' }) as Readonly<
        Record<string, unknown>
      >;
      break;
    }
  } catch (cause) {
    throw brokenOff(what, cause);
  }
  if (status === undefined) throw brokenOff(what, undefined);
  return { exitCode: exitCodeOf(status, what), output: tail.toString('utf8') };
}

/** The connection says nothing of the command: it may go on, or have ended well. */
function brokenOff(what: string, cause: unknown): ClusterError {
  return new ClusterError('CLUSTER', `the connection to ${what} broke off before it had ended`, {
    cause,
    hint: 'whether it has ended is not known: run the same command again, and it runs once more',
  });
}

function exitCodeOf(status: Readonly<Record<string, unknown>>, what: string): number {
  if (status['status'] === 'Success') return 0;
  const cause = listAt(status, 'details', 'causes').find((each) => textAt(each, 'reason') === 'ExitCode');
  const code = Number(textAt(cause ?? {}, 'message'));
  if (status['reason'] === 'NonZeroExitCode' && Number.isInteger(code) && code !== 0) return code;
  const said = textAt(mappingAt(status), 'message') ?? 'no reason was given';
  throw new ClusterError('CLUSTER', `cannot run ${what}: ${said}`, {
    hint: 'look at the pod (kubectl describe pod); then run the same command again',
  });
}
