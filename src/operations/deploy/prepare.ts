/** Works out a deployment: what to load, what to apply and in which order. Asks questions only. */
import type { TrustedArchive } from '../../archive/verification/trusted-archive.ts';
import { AuthError, UsageError } from '../../errors.ts';
import type { ClusterClient } from '../../kubernetes/cluster/cluster-client.ts';
import { formatKey, isClusterObject, keyOf, type ClusterObject } from '../../kubernetes/cluster/cluster-object.ts';
import { toInstallSteps, type InstallStep } from '../../kubernetes/cluster/install-steps.ts';
import { fillValues, isSameValue, placeholdersOf, type FilledValues } from '../../kubernetes/staging/filled-values.ts';
import type { WrittenValue } from '../../fleet/settings/written-values.ts';
import { substituteOf } from '../../content/plan.ts';
import type { ImageTarget, PlannedImage } from '../../release/mapping/image-target.ts';
import { planLoad, type LoadOptions, type LoadPlan } from '../load/load.ts';
import { isJob, jobDigest } from './applied-object.ts';
import { readChosenManifests, readDeployDocument } from './chosen-manifests.ts';
import { createDeployment, imagePlaces, type Deployment } from './deployment.ts';
import {
  readKeptValues,
  readRecord,
  recordPlace,
  type DeploymentRecord,
  type RecordPlace,
} from './deployment-record.ts';
import { narrowTo } from './narrowing.ts';
import { withOwner } from './owner.ts';
import { checkObjects, type AskedRules, type RulesOutcome } from './steps/check-step.ts';
import { planInit, type PlannedInit } from './steps/init-step.ts';

/** Kinds that custom resource definitions of a deployment bring (`shop.example Order`), and whether they have namespaces. */
export type NewKinds = ReadonlyMap<string, boolean>;

/** What is to be deployed, and where. */
export interface DeployRequest {
  /** What is deployed. */
  readonly archive: TrustedArchive;
  /** The registry that nodes pull from. */
  readonly target: ImageTarget;
  /** The cluster. */
  readonly client: ClusterClient;
  /** Which of the archive's manifests: a rendered profile, or `plain`. @defaultValue the only ones there are */
  readonly profile?: string | undefined;
  /** @defaultValue the one that the manifests make, else that of the context */
  readonly namespace?: string | undefined;
  /** Values for placeholders, by name. */
  readonly given?: FilledValues | undefined;
  /** Placeholders that a random value is made for, unless one is kept. */
  readonly generate?: readonly string[] | undefined;
  /** Only these components of the release. @defaultValue all */
  readonly components?: readonly string[] | undefined;
  /** What is other on this cluster than the manifests have written. @defaultValue nothing */
  readonly settings?: readonly WrittenValue[] | undefined;
  /** Objects that are deployed beside those of the manifests, such as what a fleet tells its clusters. @defaultValue none */
  readonly additions?: readonly ClusterObject[] | undefined;
  /** Values for placeholders that others have too; those that are given go before them. @defaultValue none */
  readonly shared?: FilledValues | undefined;
  /** What nodes call the registry, prefix included, where it is not the name of the target. */
  readonly pullFrom?: string | undefined;
  /** Rules that the site asks for beside those that the release demands of itself. @defaultValue none */
  readonly rules?: AskedRules | undefined;
  /** Set by a rollback: the release was complete here before. @defaultValue a deployment */
  readonly goingBack?: GoingBack | undefined;
}

/** How a release is gone back to. */
export interface GoingBack {
  /** Run its jobs once more; otherwise they are done, and those of the release that is left are removed. */
  readonly runJobs: boolean;
}

/** A deployment that was worked out; nothing has changed yet. */
export interface DeployPlan {
  /** What it was worked out from. */
  readonly request: DeployRequest;
  /** What its load was planned with. */
  readonly loadOptions: LoadOptions;
  /** The cluster it is for. */
  readonly client: ClusterClient;
  /** What has to move to the registry. */
  readonly load: LoadPlan;
  /** The manifests that were chosen. */
  readonly profile: string;
  /** The objects as they are filled in, and where they pull from. */
  readonly deployment: Deployment;
  /** Everything to apply, each object in its namespace; also the namespace, where it is not there and no manifest makes it. */
  readonly steps: readonly InstallStep[];
  /** Every value for a placeholder. */
  readonly values: FilledValues;
  /** Values that the cluster keeps already. */
  readonly kept: FilledValues;
  /** Where the cluster keeps the record of it. */
  readonly place: RecordPlace;
  /** Of the release and its `checksums.txt`. */
  readonly release: DeploymentRecord['release'];
  /** What became of the rules that release and site ask for; absent where they ask for none. */
  readonly rules: RulesOutcome | undefined;
  /** What sets the platform up once it is ready; absent where nothing does. */
  readonly init: PlannedInit | undefined;
  /** What the cluster keeps of earlier runs. */
  readonly previous: DeploymentRecord | undefined;
  /** Jobs that count as done, each with the digest of what it was. */
  readonly doneJobs: DeploymentRecord['jobs'];
  /** What is on record of the command that sets the platform up, or counts as if it were. */
  readonly recordedInit: DeploymentRecord['init'];
  /** Kinds that definitions of this deployment bring. */
  readonly newKinds: NewKinds;
}

/**
 * Plans a deployment.
 * @throws UsageError when the choice, the values or the namespace are not clear, or images are missing
 * @throws AuthError, HttpError `CLUSTER` when the cluster cannot be asked
 */
export async function prepareDeployment(request: DeployRequest, options: LoadOptions = {}): Promise<DeployPlan> {
  const { archive, target, client, profile: asked, namespace, given = new Map(), generate = [] } = request;
  const { signal } = options;
  // The cheap question that tells whether the cluster is there at all comes before the dear ones.
  const kubeVersion = await client.version();
  const { profile, manifests } = await readChosenManifests(archive, asked, { signal });
  const { inventory, digest } = archive.release;
  const { components } = request;
  const narrowing = components && narrowTo(components, inventory, { profile, manifests });
  const load = await planLoad(archive, target, { ...options, only: narrowing });
  const names = narrowing?.placeholders ?? placeholdersOf(manifests.map(({ text }) => text));
  const parts = {
    manifests,
    places: imagePlaces(imagesAtTarget(load), pullNames(target, request.pullFrom)),
    namespace,
    contextNamespace: client.access.namespace,
    keeps: narrowing?.keeps,
    settings: request.settings,
  };
  // Not every cluster of a fleet has every placeholder; one that is misspelt is missed where its value is.
  const made =
    narrowing === undefined ? generate : generate.filter((name) => names.some((own) => isSameValue(own, name)));
  // Values do not change which namespace it is, and the namespace says where values are kept. Nothing is filled in.
  const draft = createDeployment({ ...parts, values: new Map() });
  const place = recordPlace(inventory.name, draft.namespace);
  const kept = await readKeptValues(client, place);
  const values = fillValues(names, { given: new Map([...(request.shared ?? []), ...given]), kept, generate: made });
  const deployment = createDeployment({ ...parts, values });
  const missing = await missingNamespace(client, deployment);
  const objects = [...missing, ...(request.additions ?? []), ...deployment.objects];
  const nameless = objects.filter((object) => !isClusterObject(object));
  if (nameless.length > 0) {
    throw new UsageError(
      'INVALID_SPEC',
      `${nameless.length} manifests have no metadata.name and cannot be applied twice`,
      {
        items: nameless.map(({ kind }) => kind),
      },
    );
  }
  const newKinds = definedKinds(objects);
  const placed = await inNamespaces(client, objects, newKinds, deployment.namespace);
  const steps = toInstallSteps(placed.map((object) => withOwner(object, place)));
  const previous = await readRecord(client, place);
  const document = await readDeployDocument(archive, { signal });
  const rules = checkObjects(document?.check, request.rules ?? [], {
    objects: draft.objects,
    namespace: draft.namespace,
    profile,
    images: [...parts.places].flat(),
    kubeVersion,
    created: inventory.created,
  });
  const command = document?.init;
  // Where its workload does not go, there is nothing to set up.
  const init = narrowing?.leftOut.has(command?.workload ?? '') === true ? undefined : planInit(command, profile, steps);
  // What jobs have done is not undone by going back, and they would do it again.
  const isLeftOut = request.goingBack?.runJobs === false;
  return {
    request,
    loadOptions: options,
    client,
    load,
    profile,
    deployment,
    steps,
    rules,
    init,
    recordedInit: isLeftOut && init !== undefined ? { digest: init.digest, state: 'done' } : previous?.init,
    values,
    kept,
    place,
    release: { name: inventory.name, version: inventory.version, digest },
    previous,
    doneJobs: isLeftOut ? jobsOf(steps) : { ...previous?.jobs },
    newKinds,
  };
}

/** Every job of a release as one that is done. */
export function jobsOf(steps: readonly InstallStep[]): DeploymentRecord['jobs'] {
  const jobs = steps.flatMap(({ objects }) => objects).filter(isJob);
  return Object.fromEntries(jobs.map((job) => [formatKey(keyOf(job)), jobDigest(job)]));
}

/** Each image by the digest that the target has it under: an index may have been rebuilt for it. */
function imagesAtTarget({ images, pending, target }: LoadPlan): readonly PlannedImage[] {
  return images.map((image) => {
    const rebuilt = substituteOf(pending.substituted, target.open(image.internal).target, image.digest);
    return rebuilt === undefined ? image : { ...image, digest: rebuilt.digest };
  });
}

/** `docker://registry.internal/prefix` as nodes call it. */
function pullNames(target: ImageTarget, pullFrom: string | undefined): { from: string; to: string } | undefined {
  if (pullFrom === undefined) return undefined;
  const to = pullFrom.replace(/^docker:\/\//, '').replace(/\/+$/, '');
  if (!/^[A-Za-z0-9][A-Za-z0-9.:\-[\]]*(\/[a-z0-9][a-z0-9._/-]*)?$/.test(to)) {
    throw new UsageError('USAGE', '--pull-from is no registry', { hint: 'write host[:port][/prefix]' });
  }
  return { from: target.name.replace(/^docker:\/\//, ''), to };
}

async function missingNamespace(
  client: ClusterClient,
  { namespace, objects }: Deployment,
): Promise<readonly ClusterObject[]> {
  if (objects.some(({ kind, metadata }) => kind === 'Namespace' && metadata.name === namespace)) return [];
  try {
    if ((await client.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace })) !== undefined) return [];
  } catch (error) {
    // Who has rights within a namespace alone may not ask for it; it is there, or nothing in it can be applied.
    if (error instanceof AuthError && error.code === 'DENIED') return [];
    throw error;
  }
  return [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }];
}

function definedKinds(objects: readonly ClusterObject[]): NewKinds {
  return new Map(
    objects
      .filter(({ kind }) => kind === 'CustomResourceDefinition')
      .map(({ spec }) => {
        const { group, names, scope } = (spec ?? {}) as {
          group?: unknown;
          names?: { kind?: unknown };
          scope?: unknown;
        };
        return [`${String(group)} ${String(names?.kind)}`, scope === 'Namespaced'];
      }),
  );
}

/** Each object in the namespace it belongs to. @throws UsageError for kinds that neither cluster nor release knows */
async function inNamespaces(
  client: ClusterClient,
  objects: readonly ClusterObject[],
  newKinds: NewKinds,
  namespace: string,
): Promise<readonly ClusterObject[]> {
  const placed = [];
  const unknown = new Set<string>();
  for (const object of objects) {
    const { apiVersion, kind, metadata } = object;
    const isNamespaced = (await client.resourceOf(apiVersion, kind))?.isNamespaced ?? newKinds.get(newKindOf(object));
    if (isNamespaced === undefined) unknown.add(`${kind} of ${apiVersion}`);
    const needsOne = isNamespaced === true && (metadata.namespace ?? '') === '';
    placed.push(needsOne ? { ...object, metadata: { ...metadata, namespace } } : object);
  }
  if (unknown.size === 0) return placed;
  throw new UsageError('USAGE', 'the cluster does not know kinds that the manifests need', {
    items: [...unknown],
    hint: 'install what defines them first, or use a profile without them',
  });
}

function newKindOf({ apiVersion, kind }: ClusterObject): string {
  return `${apiVersion.split('/')[0] ?? ''} ${kind}`;
}

/** Whether a kind is one that this deployment defines itself. */
export function isNewKind({ newKinds }: Pick<DeployPlan, 'newKinds'>, object: ClusterObject): boolean {
  return newKinds.has(newKindOf(object));
}
