/** Applies one object: waits for one of its name that is still being deleted, and runs a job once and no more. */
import { differencesOf } from './object-difference.ts';
import { sha256 } from '../../oci/digest.ts';
import { ClusterError } from '../../errors.ts';
import { wait } from '../../base/wait.ts';
import type { ClusterClient } from '../../kubernetes/cluster/cluster-client.ts';
import { formatKey, keyOf, mappingAt, type ClusterObject } from '../../kubernetes/cluster/cluster-object.ts';
import { statusOf } from '../../kubernetes/cluster/readiness/object-status.ts';
import { waitGone, type WaitOptions } from '../../kubernetes/cluster/readiness/wait-ready.ts';
import type { RecordPlace } from './deployment-record.ts';
import { assertOwn } from './owner.ts';

/** The digest of what a job was made of: one that has run is not run again unless this changes. */
export const JOB_DIGEST = 'airgap.hexabase.ai/job-digest';
/** After its definition is established, a kind may take some seconds to be served. */
const NEW_KIND_MS = 15_000;
const PAUSE_MS = 500;

/** What became of an object. `done` is a job that has run already; `removed` one of another release that had its place. */
export type AppliedResult = 'created' | 'configured' | 'unchanged' | 'done' | 'removed';

/** How {@link applyObject} applies. */
export interface ApplyObjectOptions extends WaitOptions {
  /** The deployment that it is part of. */
  readonly place: RecordPlace;
  /** Take over fields that others have set, and objects of other deployments. */
  readonly force: boolean;
  /** Digests of jobs that are done, by name. */
  readonly doneJobs: Readonly<Record<string, string>>;
  /** A job of another release in the place of one that is done is removed: it may still be under way. */
  readonly isGoingBack: boolean;
}

/** Waits until a kind is served whose definition was just installed; what is wrong if it never is, the apply will say. */
export async function awaitKind(
  client: ClusterClient,
  { apiVersion, kind }: ClusterObject,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let waitedMs = 0; waitedMs < NEW_KIND_MS; waitedMs += PAUSE_MS) {
    if ((await client.resourceOf(apiVersion, kind)) !== undefined) return;
    await wait(PAUSE_MS, signal);
    client.forget();
  }
}

/** A job with its digest; everything else as it is. */
export function withJobDigest(object: ClusterObject): ClusterObject {
  if (!isJob(object)) return object;
  const annotations = { ...mappingAt(object.metadata, 'annotations'), [JOB_DIGEST]: jobDigest(object) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** Whether an object is a job of Kubernetes. */
export function isJob({ apiVersion, kind }: ClusterObject): boolean {
  return kind === 'Job' && apiVersion.startsWith('batch/');
}

/** Of all that a job is made of. */
export function jobDigest(object: ClusterObject): string {
  return sha256(Buffer.from(JSON.stringify(object)));
}

/** Whether a job that was found is another than this one. */
export function isOtherJob(found: ClusterObject | undefined, job: ClusterObject): boolean {
  return found !== undefined && mappingAt(found.metadata, 'annotations')[JOB_DIGEST] !== jobDigest(job);
}

async function removeOtherJob(
  client: ClusterClient,
  job: ClusterObject,
  options: ApplyObjectOptions,
): Promise<boolean> {
  const key = keyOf(job);
  const found = await client.get(key);
  if (!isOtherJob(found, job)) return false;
  if (!options.force) assertOwn(found, options.place);
  await client.delete(key);
  await waitGone(client, key, options);
  return true;
}

/**
 * Applies an object as it is to be.
 * @throws HttpError `CONFLICT`, `CLUSTER`; ClusterError `NOT_READY` when one of its name does not go,
 *   `CONFLICT` when it belongs to another deployment
 */
export async function applyObject(
  client: ClusterClient,
  object: ClusterObject,
  options: ApplyObjectOptions,
): Promise<AppliedResult> {
  const key = keyOf(object);
  if (isJob(object) && options.doneJobs[formatKey(key)] === jobDigest(object)) {
    const isRemoved = options.isGoingBack && (await removeOtherJob(client, object, options));
    return isRemoved ? 'removed' : 'done';
  }
  // An apply to an object that is being deleted is answered with success, and then the object is gone.
  await waitGone(client, key, options);
  let before = await client.get(key);
  if (!options.force) assertOwn(before, options.place);
  const wanted = withJobDigest(object);
  if (before !== undefined && isJob(object)) {
    const { state } = statusOf(before);
    if (!isOtherJob(before, object) && state !== 'failed') return state === 'current' ? 'done' : 'unchanged';
    // A job cannot be changed, and one that has failed does not try again.
    await client.delete(key);
    await waitGone(client, key, options);
    before = undefined;
  }
  const after = await client.apply(wanted, { force: options.force });
  if (before === undefined) return 'created';
  if (before.metadata['uid'] !== after.metadata['uid']) {
    throw new ClusterError('CLUSTER', `${formatKey(key)} was deleted by another while it was applied`, {
      hint: 'run the same command again',
    });
  }
  // Not by the version of the object: servers raise that of some kinds once although nothing of them has changed.
  return differencesOf(before, after).length === 0 ? 'unchanged' : 'configured';
}
