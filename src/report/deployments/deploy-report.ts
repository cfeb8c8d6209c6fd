/** What a deployment did or would do: one model, for people and for machines. */
import type { DeployChanges, ObjectChange } from '../../operations/deploy/changes.ts';
import type { DeployedObject, DeployOutcome } from '../../operations/deploy/deploy.ts';
import type { DeployPlan } from '../../operations/deploy/prepare.ts';
import type { Leftovers } from '../../operations/deploy/prune.ts';
import { jobsNotUndone } from '../../operations/deploy/rollback/find-rollback.ts';
import { formatKey } from '../../kubernetes/cluster/cluster-object.ts';
import type { SiteRecord } from '../../site/admitted-release.ts';
import { recordDocument, recordLines } from '../audit-lines.ts';
import { formatBytes, formatCount } from '../format.ts';
import { joinDescribed, subjectDocument, type Described, type LoadSubject } from '../loads/load-report.ts';
import { trustLines } from '../trust-lines.ts';

/** What is deployed, and where to. */
export interface DeploySubject extends LoadSubject {
  readonly plan: DeployPlan;
}

/** What a deployment would do. @param images each image, and what would move */
export function describeDeployPlan(subject: DeploySubject, images: Described, changes: DeployChanges): Described {
  const { objects, leftovers } = changes;
  const own = {
    document: {
      kind: `${wordsOf(subject.plan).kind}-plan`,
      ...subjectDocument(subject),
      ...clusterDocument(subject.plan),
      ...goingBackDocument(subject.plan),
      bytes: subject.plan.load.bytes,
      objects,
      leftovers: leftoverDocument(leftovers),
    },
    lines: [`${wordsOf(subject.plan).plan} ${placeOf(subject.plan)}`],
  };
  const changed = objects.filter(({ change }) => change !== 'none');
  const refused = objects.filter((object) => object.refused !== undefined);
  const tail = [
    ...rulesLines(subject.plan),
    ...changed.flatMap(changeLines),
    ...notUndoneLines(subject.plan),
    ...untouchedLines(subject.plan),
    ...leftoverLines(leftovers, false),
    `${formatCount(changed.length, 'object')} of ${objects.length} would change, ${formatBytes(subject.plan.load.bytes)} would move`,
    ...(refused.length === 0 ? [] : [`the cluster would refuse ${refused.length} of them as they are`]),
    'nothing was changed',
  ];
  return joinDescribed(own, images, { document: {}, lines: [...trustLines(subject.archive.release), ...tail] });
}

/** What a deployment did. @param images each image, and what moved */
export function describeDeploy(
  subject: DeploySubject,
  images: Described,
  outcome: DeployOutcome,
  record: SiteRecord,
): Described {
  const { objects, leftovers, checked } = outcome;
  const { name, version } = subject.archive.release.inventory;
  const own = {
    document: {
      kind: wordsOf(subject.plan).kind,
      ...subjectDocument(subject),
      ...clusterDocument(subject.plan),
      ...goingBackDocument(subject.plan),
      payload: outcome.load.payload,
      objects,
      ...(outcome.init === undefined ? {} : { init: outcome.init }),
      leftovers: leftoverDocument(leftovers),
      services: checked.services,
      waitingClaims: checked.waitingClaims,
      addresses: checked.addresses,
      ...recordDocument(record),
    },
    lines: [`${wordsOf(subject.plan).done} ${name} ${version} ${wordsOf(subject.plan).to} ${placeOf(subject.plan)}`],
  };
  const changed = objects.filter(({ result }) => result !== 'unchanged' && result !== 'done');
  const tail = [
    ...rulesLines(subject.plan),
    ...changed.map(({ object, result }) => `  ${result.padEnd(10)} ${object}`),
    countLine(objects),
    ...notUndoneLines(subject.plan),
    ...initLines(outcome.init),
    ...untouchedLines(subject.plan),
    ...leftoverLines(leftovers, outcome.isPruned),
    ...checked.waitingClaims.map((claim) => `${claim} waits for the first pod that uses it`),
    `everything is ready${checked.services === 0 ? '' : `, and ${formatCount(checked.services, 'service')} ${checked.services === 1 ? 'has' : 'have'} pods behind ${checked.services === 1 ? 'it' : 'them'}`}`,
    ...checked.addresses.map((address) => `reached at ${address}`),
    ...recordLines(record),
  ];
  return joinDescribed(own, images, { document: {}, lines: [...trustLines(subject.archive.release), ...tail] });
}

/** Jobs of the release that a rollback leaves have done what it does not undo. */
export function notUndoneLines(plan: DeployPlan): readonly string[] {
  const jobs = jobsNotUndone(plan);
  const { goingBack } = plan.request;
  if (goingBack === undefined || plan.previous === undefined || jobs.length === 0) return [];
  return [
    `what jobs of ${plan.previous.release.version} did to data is not undone; where ${plan.release.version} cannot read it, restore a backup of before:`,
    ...jobs.map((job) => `  ${job}`),
  ];
}

function goingBackDocument(plan: DeployPlan): object {
  const { goingBack } = plan.request;
  if (goingBack === undefined) return {};
  return { left: plan.previous?.release, notUndone: jobsNotUndone(plan) };
}

function wordsOf({ request, previous, release }: DeployPlan): Record<'kind' | 'plan' | 'done' | 'to', string> {
  if (request.goingBack === undefined) return { kind: 'deploy', plan: 'plan for', done: 'deployed', to: 'to' };
  const left = previous?.leftRelease ?? previous?.release;
  const from = left === undefined || left.digest === release.digest ? '' : `from ${left.version} `;
  return { kind: 'rollback', plan: `plan to go back ${from}at`, done: 'went back to', to: `${from}at` };
}

function clusterDocument({ client, profile, deployment, place, rules }: DeployPlan): object {
  return {
    cluster: client.access.server.origin,
    namespace: deployment.namespace,
    profile,
    record: `${place.namespace}/${place.name}`,
    relocated: deployment.relocated,
    ...(rules === undefined ? {} : { rules }),
    untouched: deployment.untouched,
  };
}

function placeOf({ client, profile, deployment }: DeployPlan): string {
  return `${client.access.server.origin}, namespace ${deployment.namespace}, profile ${profile}`;
}

function changeLines({ object, change, differences, refused }: ObjectChange): readonly string[] {
  return [
    `  ${change.padEnd(10)} ${object}`,
    ...differences.map(({ path, from, to }) => {
      if (from === undefined) return `    + ${path}: ${to ?? ''}`;
      return to === undefined ? `    - ${path}: ${from}` : `    ~ ${path}: ${from} -> ${to}`;
    }),
    ...(refused === undefined ? [] : refused.split('\n').map((line) => `    ! ${line}`)),
  ];
}

function countLine(objects: readonly DeployedObject[]): string {
  const count = (wanted: DeployedObject['result']): number => objects.filter(({ result }) => result === wanted).length;
  const jobs = count('done') + count('removed');
  return (
    `${count('created')} created, ${count('configured')} configured, ${count('unchanged')} unchanged` +
    (count('removed') === 0 ? '' : `, ${count('removed')} removed`) +
    (jobs === 0 ? '' : `; ${formatCount(jobs, 'job')} had run already`)
  );
}

function initLines(init: DeployOutcome['init']): readonly string[] {
  if (init === undefined) return [];
  if (init.result === 'done') return [`${init.title} had run already`];
  return [`${init.title} ran, in Pod ${init.pod ?? ''}`, ...init.output.map((line) => `  | ${line}`)];
}

function rulesLines({ rules }: DeployPlan): readonly string[] {
  if (rules === undefined) return [];
  const { state, profiles, rules: count, failures, excepted } = rules;
  if (state === 'skipped') return ['rules    not checked, although the release demands it (--skip-check)'];
  const names = [...new Set(['general', ...profiles])].join(', ');
  if (state === 'failed') return [`rules    ${formatCount(failures.length, 'place')} not as demanded (${names})`];
  const excused = excepted === 0 ? '' : `; the release makes an exception for ${formatCount(excepted, 'place')}`;
  return [`rules    ${count} met (${names})${excused}`];
}

function untouchedLines({ deployment: { untouched } }: DeployPlan): readonly string[] {
  if (untouched.length === 0) return [];
  return [
    'left as they are, since they are named in parts; where something pulls them, nodes need a mirror configuration:',
    ...untouched.map((image) => `  ${image}`),
  ];
}

function leftoverLines({ prunable, kept }: Leftovers, isPruned: boolean): readonly string[] {
  const word = isPruned ? 'pruned' : 'no longer part of the release; --prune deletes';
  return [
    ...(prunable.length === 0 ? [] : [`${word}:`, ...prunable.map((key) => `  ${formatKey(key)}`)]),
    ...(kept.length === 0
      ? []
      : [
          'no longer part of the release, and kept, since data goes with them:',
          ...kept.map((key) => `  ${formatKey(key)}`),
        ]),
  ];
}

function leftoverDocument({ prunable, kept }: Leftovers): object {
  return { prunable: prunable.map(formatKey), kept: kept.map(formatKey) };
}
