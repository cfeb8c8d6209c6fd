/** What helps to find out, from afar, why a deployment does not get on: all of it asked of the cluster, none of it secret. */
import { hideSecrets } from '../../base/http/redact.ts';
import { VERSION } from '../../base/version.ts';
import { AirgapError, isAbort } from '../../errors.ts';
import type { ClusterClient } from '../../kubernetes/cluster/cluster-client.ts';
import {
  formatKey,
  keyOf,
  listAt,
  numberAt,
  textAt,
  type ClusterObject,
} from '../../kubernetes/cluster/cluster-object.ts';
import { statusOf } from '../../kubernetes/cluster/readiness/object-status.ts';
import type { DeployPlan } from '../deploy/prepare.ts';
import { hideValues } from '../deploy/hidden-values.ts';
import { maskObject, secretValues } from './masked.ts';

/** Bytes of all files together, and of one. */
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** Containers whose logs are taken, and lines of each. */
const MAX_LOGS = 60;
const LOG_LINES = 300;

/** One file of a diagnosis. */
export interface DiagnosisFile {
  /** Within the directory: `logs/shop_api-1_main.log`. */
  readonly path: string;
  readonly bytes: Buffer;
}

/** What is collected, and when. */
export interface DiagnosisRequest {
  readonly plan: DeployPlan;
  /** What ended the deployment; absent where nothing did. */
  readonly failure?: unknown;
  /** What the deployment said while it was under way. */
  readonly said: readonly string[];
  readonly now: Date;
}

/**
 * Collects a diagnosis. What cannot be read is named in it and is no failure: it explains another one.
 * @throws the signal's reason when aborted
 */
export async function collectDiagnosis(request: DiagnosisRequest): Promise<readonly DiagnosisFile[]> {
  const collection = new Collection(request.plan);
  await collection.gather();
  return collection.finish(request);
}

class Collection {
  readonly #plan: DeployPlan;
  readonly #client: ClusterClient;
  readonly #texts = new Map<string, string>();
  readonly #missing: string[] = [];
  readonly #secrets = new Map<string, string>();
  #size = 0;

  constructor(plan: DeployPlan) {
    this.#plan = plan;
    this.#client = plan.client;
    for (const [name, value] of [...plan.kept, ...plan.values]) this.#secrets.set(name, value);
    this.#hide(plan.steps.flatMap(({ objects }) => objects));
  }

  async gather(): Promise<void> {
    const { steps, deployment } = this.#plan;
    const objects: ClusterObject[] = [];
    const states: string[] = [];
    for (const object of steps.flatMap((step) => step.objects)) {
      const key = keyOf(object);
      const found = await this.#ask(formatKey(key), () => this.#client.get(key));
      const status = found === undefined ? 'it is not there' : statusOf(found);
      const state = typeof status === 'string' ? status : `${status.state} ${status.message}`.trim();
      states.push(`${formatKey(key)}: ${state}`);
      if (found !== undefined) objects.push(found);
    }
    // Before anything is written: a Secret may hold what others show.
    this.#hide(objects);
    this.#add('states.txt', `${states.join('\n')}\n`);
    this.#addObjects('objects.json', objects);
    const spaces = new Set([deployment.namespace, ...objects.flatMap(({ metadata }) => metadata.namespace ?? [])]);
    const pods: ClusterObject[] = [];
    const events: ClusterObject[] = [];
    const sets: ClusterObject[] = [];
    for (const namespace of [...spaces].sort()) {
      const list = async (apiVersion: string, kind: string): Promise<readonly ClusterObject[]> =>
        (await this.#ask(`${kind} of ${namespace}`, () => this.#client.list(apiVersion, kind, { namespace }))) ?? [];
      pods.push(...(await list('v1', 'Pod')));
      events.push(...(await list('v1', 'Event')));
      sets.push(...(await list('apps/v1', 'ReplicaSet')), ...(await list('v1', 'PersistentVolumeClaim')));
    }
    this.#add('events.txt', formatEvents(events));
    this.#addObjects('pods.json', pods);
    this.#addObjects('behind.json', sets);
    this.#addObjects('nodes.json', (await this.#ask('nodes', () => this.#client.list('v1', 'Node'))) ?? []);
    await this.#addLogs(pods);
  }

  finish({ plan, failure, said, now }: DiagnosisRequest): readonly DiagnosisFile[] {
    this.#add('said.txt', `${said.join('\n')}\n`);
    const { release, profile, place, previous, values, rules } = plan;
    const document = {
      schemaVersion: 1,
      kind: 'diagnosis',
      tool: VERSION,
      at: now.toISOString(),
      cluster: this.#client.access.server.origin,
      release,
      profile,
      namespace: place.namespace,
      record: previous,
      placeholders: [...values.keys()].sort(),
      rules,
      steps: plan.steps.map(({ name, objects }) => ({
        name,
        objects: objects.map((object) => formatKey(keyOf(object))),
      })),
      failure: failure === undefined ? undefined : describeFailure(failure),
      notRead: this.#missing,
    };
    // However little room is left: without it the rest is hard to read.
    this.#texts.set('diagnosis.json', this.#clean(`${JSON.stringify(document, null, 2)}\n`));
    return [...this.#texts].map(([path, text]) => ({ path, bytes: Buffer.from(text) }));
  }

  async #addLogs(pods: readonly ClusterObject[]): Promise<void> {
    // Of those that do not run well first.
    const isWell = (pod: ClusterObject): number => Number(statusOf(pod).state === 'current');
    const containers = [...pods].sort((a, b) => isWell(a) - isWell(b)).flatMap(containersOf);
    for (const { pod, container, isAgain } of containers.slice(0, MAX_LOGS)) {
      for (const isPrevious of isAgain ? [false, true] : [false]) {
        const log = await this.#client.log(pod, container, { lines: LOG_LINES, isPrevious });
        const name = `logs/${pod.namespace}_${pod.name}_${container}${isPrevious ? '.before' : ''}.log`;
        if (log !== undefined && log !== '') this.#add(name, log);
      }
    }
    const left = containers.length - MAX_LOGS;
    if (left > 0) this.#missing.push(`logs of ${left} more containers`);
  }

  #hide(objects: readonly ClusterObject[]): void {
    for (const [name, value] of secretValues(objects)) this.#secrets.set(`${name}/${this.#secrets.size}`, value);
  }

  #addObjects(path: string, objects: readonly ClusterObject[]): void {
    this.#add(path, `[\n${objects.map((object) => JSON.stringify(maskObject(object))).join(',\n')}\n]\n`);
  }

  #add(path: string, text: string): void {
    const cleaned = this.#clean(text);
    const bytes = Buffer.byteLength(cleaned);
    if (bytes > MAX_FILE_BYTES || this.#size + bytes > MAX_BYTES) {
      this.#missing.push(`${path}: ${bytes} bytes are too many`);
      return;
    }
    this.#size += bytes;
    this.#texts.set(path, cleaned);
  }

  #clean(text: string): string {
    return hideSecrets(hideValues(text, this.#secrets));
  }

  async #ask<T>(what: string, question: () => Promise<T>): Promise<T | undefined> {
    try {
      return await question();
    } catch (error) {
      if (isAbort(error) || !(error instanceof AirgapError)) throw error;
      this.#missing.push(`${what}: ${error.message}`);
      return undefined;
    }
  }
}

interface LoggedContainer {
  readonly pod: { readonly namespace: string; readonly name: string };
  readonly container: string;
  /** Whether it was started before. */
  readonly isAgain: boolean;
}

function containersOf(pod: ClusterObject): readonly LoggedContainer[] {
  const place = { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name };
  return ['initContainerStatuses', 'containerStatuses'].flatMap((list) =>
    listAt(pod, 'status', list).map((container) => ({
      pod: place,
      container: textAt(container, 'name') ?? '',
      isAgain: (numberAt(container, 'restartCount') ?? 0) > 0,
    })),
  );
}

function formatEvents(events: readonly ClusterObject[]): string {
  const lines = events.map((event) => {
    const { lastTimestamp, eventTime, metadata, involvedObject, count } = event;
    const time = [lastTimestamp, eventTime, metadata['creationTimestamp']].find((each) => typeof each === 'string');
    const about = (involvedObject ?? {}) as { kind?: unknown; namespace?: unknown; name?: unknown };
    const times = typeof count === 'number' && count > 1 ? ` (${count} times)` : '';
    const said = [textAt(event, 'type'), textAt(event, 'reason'), textAt(event, 'message')].filter(Boolean).join(' ');
    return `${String(time)} ${String(about.kind)} ${String(about.namespace)}/${String(about.name)}: ${said}${times}`;
  });
  return `${lines.sort().join('\n')}\n`;
}

function describeFailure(failure: unknown): object {
  if (!(failure instanceof AirgapError))
    return { message: failure instanceof Error ? failure.message : String(failure) };
  const { code, message, items, hint } = failure;
  return { code, message, items, hint };
}
