/** Why something does not get ready, as the cluster states it: waiting reasons, events, the last lines of a log. */
import type { ClusterClient } from '../cluster-client.ts';
import { formatKey, keyOf, listAt, mappingAt, numberAt, textAt, type ClusterObject } from '../cluster-object.ts';
import { statusOf } from './object-status.ts';
import { conditionOf } from './status-words.ts';
import { waitingReasons } from './workload-status.ts';

/** Pods of one workload that are told about; what is wrong with one is wrong with all. */
const MAX_PODS = 2;
const MAX_EVENTS = 3;
const LOG_LINES = 8;
const MAX_LINE = 400;
/** Kinds whose pods are found by their selector. */
const WITH_PODS = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Job']);

/**
 * Collects what the cluster says of an object that is not ready: of itself, of the pods it makes, of the claims these wait
 * for. Asks questions only; what cannot be read is left out.
 */
export async function explain(client: ClusterClient, object: ClusterObject): Promise<readonly string[]> {
  const lines: string[] = [];
  const tell = (text: string): void => {
    const line = text.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_LINE);
    if (line !== '' && !lines.includes(line)) lines.push(line);
  };
  for (const event of await eventsOf(client, object)) tell(event);
  if (object.kind === 'Deployment') for (const each of await replicaSetsOf(client, object)) tell(each);
  const pods = object.kind === 'Pod' ? [object] : await podsOf(client, object);
  const stuck = pods.filter((pod) => statusOf(pod).state !== 'current' || object.kind === 'Job');
  for (const pod of stuck.slice(0, MAX_PODS)) for (const each of await explainPod(client, pod)) tell(each);
  return lines;
}

async function explainPod(client: ClusterClient, pod: ClusterObject): Promise<readonly string[]> {
  const title = formatKey(keyOf(pod));
  const lines: string[] = [];
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled?.status === 'False') lines.push(`${title}: ${scheduled.said}`);
  for (const reason of waitingReasons(pod)) lines.push(`${title}: ${reason}`);
  for (const event of await eventsOf(client, pod)) lines.push(event);
  for (const claim of claimsOf(pod)) {
    const found = await client.get({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: claim, ...placeOf(pod) });
    if (found === undefined) lines.push(`${title}: its claim ${claim} is not there`);
    else if (statusOf(found).state !== 'current') {
      lines.push(`${formatKey(keyOf(found))}: ${statusOf(found).message}`, ...(await eventsOf(client, found)));
    }
  }
  for (const container of failedContainers(pod)) lines.push(...(await lastWords(client, pod, container)));
  return lines;
}

interface FailedContainer {
  readonly name: string;
  readonly restarts: number;
  readonly exitCode: number | undefined;
  readonly isPrevious: boolean;
}

/** Containers that ended in failure, now or before their last start. */
function failedContainers(pod: ClusterObject): readonly FailedContainer[] {
  return ['initContainerStatuses', 'containerStatuses'].flatMap((list) =>
    listAt(pod, 'status', list).flatMap((container) => {
      const now = mappingAt(container, 'state', 'terminated');
      const before = mappingAt(container, 'lastState', 'terminated');
      const ended = Object.keys(now).length > 0 ? now : before;
      const exitCode = numberAt(ended, 'exitCode');
      const restarts = numberAt(container, 'restartCount') ?? 0;
      if ((exitCode ?? 0) === 0 && restarts === 0) return [];
      return [
        {
          name: textAt(container, 'name') ?? '',
          restarts,
          exitCode,
          isPrevious: ended !== now && exitCode !== undefined,
        },
      ];
    }),
  );
}

async function lastWords(
  client: ClusterClient,
  pod: ClusterObject,
  container: FailedContainer,
): Promise<readonly string[]> {
  const { name, restarts, exitCode, isPrevious } = container;
  const place = { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name };
  const ended = exitCode === undefined ? '' : ` ended with exit code ${exitCode}`;
  const title = `container ${name} of ${place.namespace}/${place.name}${ended}${restarts > 0 ? `, started again ${restarts} times` : ''}`;
  const log = await client.log(place, name, { lines: LOG_LINES, isPrevious });
  const said = (log ?? '').split('\n').filter((line) => line.trim() !== '');
  return [title, ...said.slice(-LOG_LINES).map((line) => `${name} | ${line}`)];
}

/** The last warnings about an object: `Pod shop/api-1: FailedScheduling: 0/1 nodes are available`. */
async function eventsOf(client: ClusterClient, object: ClusterObject): Promise<readonly string[]> {
  const { kind, metadata } = object;
  const uid = textAt(metadata, 'uid');
  const fields = [`involvedObject.name=${metadata.name}`, `involvedObject.kind=${kind}`, 'type=Warning'];
  if (uid !== undefined) fields.push(`involvedObject.uid=${uid}`);
  const events = await client.list('v1', 'Event', { ...placeOf(object), fields: fields.join(',') });
  const title = formatKey(keyOf(object));
  return [...events]
    .sort((a, b) => timeOf(a).localeCompare(timeOf(b)))
    .slice(-MAX_EVENTS)
    .map((event) => `${title}: ${textAt(event, 'reason') ?? 'Warning'}: ${textAt(event, 'message') ?? ''}`);
}

function timeOf(event: ClusterObject): string {
  const { lastTimestamp, eventTime, metadata } = event;
  const time = lastTimestamp ?? eventTime ?? metadata['creationTimestamp'];
  return typeof time === 'string' ? time : '';
}

/** What keeps a Deployment from making pods stands at the ReplicaSet it made. */
async function replicaSetsOf(client: ClusterClient, deployment: ClusterObject): Promise<readonly string[]> {
  const selector = selectorOf(deployment);
  if (selector === undefined) return [];
  const sets = await client.list('apps/v1', 'ReplicaSet', { ...placeOf(deployment), labels: selector });
  const lines = [];
  for (const set of sets.filter((each) => isOwnedBy(each, deployment))) {
    const failure = conditionOf(set, 'ReplicaFailure');
    if (failure?.status === 'True') lines.push(failure.said);
  }
  return lines;
}

async function podsOf(client: ClusterClient, object: ClusterObject): Promise<readonly ClusterObject[]> {
  const labels = WITH_PODS.has(object.kind) ? selectorOf(object) : undefined;
  if (labels === undefined) return [];
  const pods = await client.list('v1', 'Pod', { ...placeOf(object), labels });
  const newest = (pod: ClusterObject): string => textAt(pod.metadata, 'creationTimestamp') ?? '';
  return [...pods].sort((a, b) => newest(b).localeCompare(newest(a)));
}

function isOwnedBy(object: ClusterObject, owner: ClusterObject): boolean {
  return listAt(object.metadata, 'ownerReferences').some((reference) => reference['uid'] === owner.metadata['uid']);
}

/** `app=api`; undefined where nothing is selected, which would select everything. */
function selectorOf(object: ClusterObject): string | undefined {
  const labels = Object.entries(mappingAt(object, 'spec', 'selector', 'matchLabels'));
  return labels.length === 0 ? undefined : labels.map(([key, value]) => `${key}=${String(value)}`).join(',');
}

function claimsOf(pod: ClusterObject): readonly string[] {
  return listAt(pod, 'spec', 'volumes').flatMap((volume) => {
    const name = textAt(mappingAt(volume, 'persistentVolumeClaim'), 'claimName');
    return name === undefined ? [] : [name];
  });
}

function placeOf({ metadata: { namespace } }: ClusterObject): { readonly namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}
