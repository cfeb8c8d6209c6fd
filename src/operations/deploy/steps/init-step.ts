/** Runs the command that sets a platform up: in a ready pod of its workload, once for each release and image. */
import { ClusterError, UsageError } from '../../../errors.ts';
import type { ClusterClient } from '../../../kubernetes/cluster/cluster-client.ts';
import {
  formatKey,
  keyOf,
  listAt,
  mappingAt,
  textAt,
  type ClusterObject,
} from '../../../kubernetes/cluster/cluster-object.ts';
import type { ExecResult } from '../../../kubernetes/cluster/exec.ts';
import type { InstallStep } from '../../../kubernetes/cluster/install-steps.ts';
import { conditionOf } from '../../../kubernetes/cluster/readiness/status-words.ts';
import type { FilledValues } from '../../../kubernetes/staging/filled-values.ts';
import { sha256 } from '../../../oci/digest.ts';
import type { InitCommand } from '../../../release/deployment/deploy-document.ts';
import { hideValues } from '../hidden-values.ts';

/** Lines of the output that are kept and told. */
const MAX_LINES = 12;
const MAX_LINE = 400;

/** A command that is to run, and where. */
export interface PlannedInit {
  readonly workload: ClusterObject;
  readonly container: string;
  readonly command: readonly string[];
  readonly timeoutMs: number;
  /** Of the command and of the image it runs in: with another one it runs anew. */
  readonly digest: string;
  /** `hexabase-cli init in Deployment shop/control-plane` */
  readonly title: string;
}

/** What became of it. */
export interface InitOutcome {
  readonly title: string;
  /** `done`: it had run in an earlier deployment. */
  readonly result: 'ran' | 'done';
  /** The pod that it ran in. */
  readonly pod?: string | undefined;
  /** The last lines of its output, values of the site hidden. */
  readonly output: readonly string[];
}

/**
 * Finds the workload among what is deployed.
 * @throws UsageError `USAGE` when it is not there: a platform that nothing sets up is not deployed by mistake
 */
export function planInit(
  init: InitCommand | undefined,
  profile: string,
  steps: readonly InstallStep[],
): PlannedInit | undefined {
  if (init === undefined || init.profiles?.includes(profile) === false) return undefined;
  const [kind = '', name = ''] = init.workload.split('/');
  const objects = steps.flatMap((step) => step.objects);
  const workload = objects.find((object) => object.kind === kind && object.metadata.name === name);
  const containers = workload === undefined ? [] : listAt(workload, 'spec', 'template', 'spec', 'containers');
  const container = containers.find((each) => init.container === undefined || each['name'] === init.container);
  if (workload === undefined || container === undefined) {
    const what =
      workload === undefined ? `no ${kind} ${name}` : `no container ${init.container ?? ''} in ${kind} ${name}`;
    throw new UsageError(
      'USAGE',
      `the release is set up by ${init.command[0] ?? ''}, and profile ${profile} has ${what}`,
      {
        hint: 'this is a fault of the release: its deploy.init names workload, container and profiles; tell its maker',
      },
    );
  }
  const { command } = init;
  const image = textAt(container, 'image') ?? '';
  return {
    workload,
    container: textAt(container, 'name') ?? '',
    command,
    timeoutMs: init.timeoutSeconds * 1000,
    digest: sha256(
      Buffer.from(JSON.stringify({ workload: init.workload, container: container['name'], command, image })),
    ),
    title: `${command.slice(0, 2).join(' ')} in ${formatKey(keyOf(workload))}`,
  };
}

/**
 * Runs the command and waits for its end.
 * @throws ClusterError `NOT_READY` with its last lines when it fails or takes too long; `CLUSTER` when the connection
 *   breaks off
 */
export async function runInit(
  client: ClusterClient,
  init: PlannedInit,
  values: FilledValues,
  signal: AbortSignal | undefined,
): Promise<InitOutcome> {
  const { title, container, command, timeoutMs } = init;
  const pod = await readyPod(client, init);
  const namespace = init.workload.metadata.namespace ?? '';
  const limit = AbortSignal.timeout(timeoutMs);
  let ended: ExecResult;
  try {
    ended = await client.exec({ namespace, pod, container, command }, { signal: limit });
  } catch (error) {
    if (!limit.aborted || signal?.aborted === true) throw error;
    throw new ClusterError('NOT_READY', `${title} has not ended within ${Math.round(timeoutMs / 1000)} s`, {
      hint: `it may still be at work in Pod ${namespace}/${pod}: look there, then run the same command again, and it runs once more`,
    });
  }
  const output = lastLines(hideValues(ended.output, values));
  if (ended.exitCode === 0) return { title, result: 'ran', pod: `${namespace}/${pod}`, output };
  throw new ClusterError('NOT_READY', `${title} ended with exit code ${ended.exitCode}`, {
    items: output.map((line) => `${container} | ${line}`),
    hint: 'correct what it names, and run the same command again: it runs once more',
    details: { exitCode: ended.exitCode },
  });
}

/** The one whose name comes first, so that it is told in advance which. */
async function readyPod(client: ClusterClient, { workload, title, container }: PlannedInit): Promise<string> {
  const { namespace } = workload.metadata;
  const selector = Object.entries(mappingAt(workload, 'spec', 'selector', 'matchLabels'));
  const labels = selector.map(([key, value]) => `${key}=${String(value)}`).join(',');
  const pods = await client.list('v1', 'Pod', { ...(namespace === undefined ? {} : { namespace }), labels });
  const ready = pods.filter(
    (pod) =>
      conditionOf(pod, 'Ready')?.status === 'True' &&
      pod.metadata['deletionTimestamp'] === undefined &&
      listAt(pod, 'spec', 'containers').some((each) => each['name'] === container),
  );
  const [first] = ready.map(({ metadata }) => metadata.name).sort();
  if (first !== undefined) return first;
  throw new ClusterError('NOT_READY', `${title} has no ready pod to run in`, {
    hint: 'its pods were ready a moment ago: look at them, and run the same command again',
  });
}

function lastLines(output: string): readonly string[] {
  const lines = output.split('\n').map((line) => line.trimEnd().slice(0, MAX_LINE));
  return lines.filter((line) => line !== '').slice(-MAX_LINES);
}
