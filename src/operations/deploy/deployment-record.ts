/**
 * What a cluster itself keeps of a deployment: which objects of which release were applied, which jobs are done, and the
 * values that only this site has. None of it is in the archive, and a second run from any machine goes on with it.
 */
import * as z from 'zod';
import { parseJson } from '../../base/json/parse-json.ts';
import { ClusterError } from '../../errors.ts';
import type { ClusterClient } from '../../kubernetes/cluster/cluster-client.ts';
import { mappingAt, type ClusterObject, type ObjectKey } from '../../kubernetes/cluster/cluster-object.ts';
import type { FilledValues } from '../../kubernetes/staging/filled-values.ts';

/** Bytes of a record; a ConfigMap takes a mebibyte. */
const MAX_RECORD_BYTES = 1024 * 1024;
const FILE = 'deployment.json';
/** Releases that are remembered; the oldest go first. */
export const MAX_HISTORY = 10;
const LABELS = { 'app.kubernetes.io/managed-by': 'airgap' };

const Key = z.strictObject({
  apiVersion: z.string().max(512),
  kind: z.string().max(256),
  namespace: z.string().max(256).optional(),
  name: z.string().max(512),
});

const Release = z.strictObject({
  name: z.string().max(256),
  version: z.string().max(64),
  /** Of its `checksums.txt`. */
  digest: z.string().max(100),
});

/** The components that were deployed, where not all were: those that a fleet places there. */
const Components = z.array(z.string().max(512)).max(10_000).optional();

/** What a fleet has in the place of what its manifests have written. */
const Settings = z
  .array(z.strictObject({ written: z.string().max(512), is: z.string().max(4096) }))
  .max(1000)
  .optional();

/** A release that was complete there once, in which profile, which components of it, and with which settings. */
export const EarlierRelease = z.strictObject({
  release: Release,
  profile: z.string().max(256),
  components: Components,
  settings: Settings,
});
export type EarlierRelease = z.infer<typeof EarlierRelease>;

/** The record of one release at one cluster. */
export const DeploymentRecord = z.strictObject({
  schemaVersion: z.literal(1),
  release: Release,
  profile: z.string().max(256),
  components: Components,
  settings: Settings,
  /** `applying` from the first change on, `complete` when everything is ready. */
  state: z.enum(['applying', 'complete']),
  /** Everything that was applied and not pruned, of this release and earlier ones. */
  objects: z.array(Key).max(50_000),
  /** Jobs that have run to their end, by name, each with the digest of what it was. */
  jobs: z.record(z.string().max(1024), z.string().max(100)),
  /** Releases that were complete before this one, the last of them last. */
  history: z.array(EarlierRelease).min(1).max(MAX_HISTORY).optional(),
  /** Of a release that was gone back to: the one that was left. */
  leftRelease: Release.optional(),
  /** The command that sets the platform up, by the digest of what it was: begun, or run to its end. */
  init: z.strictObject({ digest: z.string().max(100), state: z.enum(['begun', 'done']) }).optional(),
});
export type DeploymentRecord = z.infer<typeof DeploymentRecord>;

/** Where the record of a deployment is kept. */
export interface RecordPlace {
  readonly namespace: string;
  /** `airgap-shop` */
  readonly name: string;
}

/** The place of the record of a release: of one product there is one deployment in a namespace, whatever its profile. */
export function recordPlace(release: string, namespace: string): RecordPlace {
  return { namespace, name: `airgap-${release}` };
}

/**
 * Reads a record; undefined where the release was never deployed there.
 * @throws ClusterError `CLUSTER` when it was changed by hand
 */
export async function readRecord(client: ClusterClient, place: RecordPlace): Promise<DeploymentRecord | undefined> {
  const found = await client.get({ apiVersion: 'v1', kind: 'ConfigMap', ...place });
  return found === undefined ? undefined : parseRecord(found, place);
}

/** Every record of one namespace, or of the whole cluster. @throws as {@link readRecord} does */
export async function listRecords(
  client: ClusterClient,
  namespace: string | undefined,
): Promise<readonly { readonly place: RecordPlace; readonly record: DeploymentRecord }[]> {
  const labels = Object.entries(LABELS).map(([key, value]) => `${key}=${value}`).join(','); // prettier-ignore
  const found = await client.list('v1', 'ConfigMap', { namespace, labels });
  return found.flatMap((object) => {
    const { name, namespace: home = '' } = object.metadata;
    if (mappingAt(object, 'data')[FILE] === undefined) return [];
    const place = { namespace: home, name };
    return [{ place, record: parseRecord(object, place) }];
  });
}

function parseRecord(held: ClusterObject, place: RecordPlace): DeploymentRecord {
  const text = mappingAt(held, 'data')[FILE];
  try {
    const value = parseJson(typeof text === 'string' ? text : '', { maxBytes: MAX_RECORD_BYTES });
    return DeploymentRecord.parse(value);
  } catch (cause) {
    throw new ClusterError(
      'CLUSTER',
      `ConfigMap ${place.namespace}/${place.name} is not the record that a deployment keeps`,
      {
        hint: 'restore it from a backup; without it (kubectl delete), jobs that are done run once more, and nothing can be pruned',
        cause,
      },
    );
  }
}

/** Replaces the record. */
export async function writeRecord(client: ClusterClient, place: RecordPlace, record: DeploymentRecord): Promise<void> {
  await client.apply(
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...place, labels: LABELS },
      data: { [FILE]: JSON.stringify(record) },
    },
    { force: true },
  );
}

/** The values that earlier deployments used; none where there was none. */
export async function readKeptValues(client: ClusterClient, place: RecordPlace): Promise<FilledValues> {
  const found = await client.get(valuesKey(place));
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(mappingAt(found, 'data'))) {
    if (typeof value === 'string') values.set(name, Buffer.from(value, 'base64').toString('utf8'));
  }
  return values;
}

/** Keeps values in a Secret, before anything is made of them. */
export async function keepValues(client: ClusterClient, place: RecordPlace, values: FilledValues): Promise<void> {
  if (values.size === 0) return;
  const { apiVersion, kind, name, namespace } = valuesKey(place);
  const data = Object.fromEntries([...values].map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
  const secret: ClusterObject = {
    apiVersion,
    kind,
    metadata: { name, namespace, labels: LABELS },
    type: 'Opaque',
    data,
  };
  await client.apply(secret, { force: true });
}

function valuesKey({ namespace, name }: RecordPlace): ObjectKey {
  return { apiVersion: 'v1', kind: 'Secret', namespace, name: `${name}-values` };
}

/** What tells objects apart, whatever the version of their API. */
export function identityOf({ apiVersion, kind, namespace = '', name }: ObjectKey): string {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return JSON.stringify([group, kind, namespace, name]);
}
