/** Says how an archive was built: plans the slots while nothing is known but the lock, and fills them at the end. */
import { formatUtcSeconds } from '../../base/utc-time.ts';
import { UsageError } from '../../errors.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import { toPackageUrl } from '../../oci/package-url.ts';
import { parseReference } from '../../oci/reference.ts';
import { formatLock } from '../../release/lock/lock.ts';
import type { Inventory } from '../../archive/inventory/inventory-schema.ts';
import { platformsOf } from '../../content/graph-platforms.ts';
import type { ReleaseLock } from '../../release/lock/lock-schema.ts';
import {
  BUILD_TYPE,
  MAX_SUBJECTS,
  type ProvenancePredicate,
  type ProvenanceSource,
  type ProvenanceStatement,
  type ResolvedDependency,
  type StatementSubject,
} from '../../trust/provenance/statement-schema.ts';
import {
  checkReportPath,
  createCheckStatement,
  serializeCheckStatement,
  type CheckPredicate,
} from '../../trust/provenance/check-statement.ts';
import type { ReleaseSigner } from '../../trust/signing/signer.ts';
import {
  checksumsSubject,
  imageSubjects,
  serializeStatement,
  STATEMENT_PAYLOAD_TYPE,
} from '../../trust/provenance/statement.ts';

/** Slots of one archive that are not for signatures. */
const MAX_STATEMENTS = 12;
/** Bytes of what one statement lists; in base64 it leaves room in the largest slot. */
const MAX_LISTED_BYTES = 700_000;
/** For the texts that are known only when building; a statement's size must follow from the lock. */
const OPTIONS_BYTES = 4096;
/** For the bundle around the statement; one with a certificate and a log entry would fit as well. */
const BUNDLE_BYTES = 16 * 1024;
const SLOT_STEP_BYTES = 1024;
const UNKNOWN = sha256('');

/** What a person or a CI job says of a build. */
export interface BuildFacts {
  /** URI of the platform that ran the build. @defaultValue this product in this version */
  readonly builderId?: string | undefined;
  /** The source the release was made from. */
  readonly source?: ProvenanceSource | undefined;
  /** URI of this run. With it the statement also says when the build began and ended. */
  readonly invocationId?: string | undefined;
}

/** What one statement lists. */
export interface StatementPlan {
  /** Images; `checksums.txt` comes before them. */
  readonly subjects: readonly StatementSubject[];
  readonly dependencies: readonly ResolvedDependency[];
  /** bytes of its slot */
  readonly slotSize: number;
}

/** Everything that goes into the statements of one archive. */
export interface ProvenanceRequest {
  readonly lock: ReleaseLock;
  readonly inventory: Inventory;
  readonly plans: readonly StatementPlan[];
  readonly toolVersion: string;
  readonly facts: BuildFacts;
  readonly startedOn: Date;
}

/**
 * Divides what a release is made of into statements. The outcome follows from the lock alone, since the slots' sizes are
 * part of the inventory.
 * @throws UsageError `UNSUPPORTED` when there is more than the slots of one archive can hold.
 */
export function planProvenance(lock: ReleaseLock): readonly StatementPlan[] {
  const listed: { readonly subject?: StatementSubject; readonly dependency: ResolvedDependency }[] = [];
  const subjects = new Map(imageSubjects(lock.images).map((subject) => [JSON.stringify(subject), subject]));
  for (const image of lock.images) {
    const [subject] = imageSubjects([image]);
    const key = JSON.stringify(subject);
    const isNew = subjects.delete(key);
    const uri = toPackageUrl(parseReference(image.reference), image.digest);
    const dependency = { uri, digest: { sha256: image.digest.slice('sha256:'.length) } };
    listed.push({ ...(isNew && subject !== undefined ? { subject } : {}), dependency });
  }
  for (const { path, digest } of lock.files) {
    listed.push({ dependency: { name: path, digest: { sha256: digest.slice('sha256:'.length) } } });
  }
  const parts: (typeof listed)[] = [[]];
  let [count, bytes] = [0, 0];
  for (const entry of listed) {
    const size = JSON.stringify(entry).length;
    if (count + 2 > MAX_SUBJECTS || bytes + size > MAX_LISTED_BYTES) {
      parts.push([]);
      [count, bytes] = [0, 0];
    }
    parts.at(-1)?.push(entry);
    count += entry.subject === undefined ? 0 : 1;
    bytes += size;
  }
  // The statement of a check has a slot of its own.
  if (parts.length > MAX_STATEMENTS - (lock.check === undefined ? 0 : 1)) throw tooMany(lock);
  return parts.map((part) => {
    const own = part.flatMap(({ subject }) => subject ?? []);
    const dependencies = part.map(({ dependency }) => dependency);
    return { subjects: own, dependencies, slotSize: slotSizeOf(lock, own, dependencies) };
  });
}

/** Writes and signs all statements, in the order of the plans. */
export async function attestBuild(
  request: ProvenanceRequest,
  checksums: Buffer,
  signer: ReleaseSigner,
): Promise<readonly Uint8Array[]> {
  const digest = sha256(checksums);
  const finishedOn = new Date();
  const bundles: Uint8Array[] = [];
  for (const { subjects, dependencies } of request.plans) {
    const statement = toStatement(digest, subjects, toPredicate(request, dependencies, finishedOn));
    bundles.push(await signer.attest(serializeStatement(statement), STATEMENT_PAYLOAD_TYPE));
  }
  return bundles;
}

/** Bytes of the slot for the statement of a check, whose texts are all short. */
export const CHECK_SLOT_BYTES: number = 8 * 1024 + BUNDLE_BYTES;

/** Writes and signs the statement that a release was checked, about the archive and the report in it. */
export async function attestCheck(
  predicate: CheckPredicate,
  inventory: Inventory,
  checksums: Buffer,
  signer: ReleaseSigner,
): Promise<Uint8Array> {
  const path = checkReportPath(inventory);
  const report = inventory.files.find((file) => file.path === path);
  const files = [{ path: 'checksums.txt', digest: sha256(checksums) }, ...(report === undefined ? [] : [report])];
  return await signer.attest(serializeCheckStatement(createCheckStatement(files, predicate)), STATEMENT_PAYLOAD_TYPE);
}

/** The URI of this product as a builder. */
export function defaultBuilderId(toolVersion: string): string {
  return `https://airgap.hexabase.ai/builder/v${toolVersion}`;
}

function toStatement(
  checksums: Digest,
  images: readonly StatementSubject[],
  predicate: ProvenancePredicate,
): ProvenanceStatement {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [checksumsSubject(checksums), ...images],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate,
  };
}

function toPredicate(
  { lock, inventory, toolVersion, facts, startedOn }: ProvenanceRequest,
  dependencies: readonly ResolvedDependency[],
  finishedOn: Date,
): ProvenancePredicate {
  const { name, version, channel, platforms } = inventory;
  const { source, builderId, invocationId } = facts;
  const lockDigest = sha256(formatLock(lock));
  const metadata =
    invocationId === undefined
      ? undefined
      : { invocationId, startedOn: formatUtcSeconds(startedOn), finishedOn: formatUtcSeconds(finishedOn) };
  return {
    buildDefinition: {
      buildType: BUILD_TYPE,
      externalParameters: {
        ...{ name, version, channel, platforms, specDigest: lock.specDigest, lockDigest },
        ...(source === undefined ? {} : { source }),
      },
      internalParameters: { toolVersion },
      resolvedDependencies: [...(source === undefined ? [] : [toDependency(source)]), ...dependencies],
    },
    runDetails: {
      builder: { id: builderId ?? defaultBuilderId(toolVersion) },
      ...(metadata === undefined ? {} : { metadata }),
    },
  };
}

function toDependency({ repository, commit }: ProvenanceSource): ResolvedDependency {
  return { uri: repository, ...(commit === undefined ? {} : { digest: { gitCommit: commit } }) };
}

/** What {@link toPredicate} adds to the lists has a bounded length; the platforms are the longest that is known later. */
function slotSizeOf(
  lock: ReleaseLock,
  subjects: readonly StatementSubject[],
  dependencies: readonly ResolvedDependency[],
): number {
  const listed = JSON.stringify({ subject: [checksumsSubject(UNKNOWN), ...subjects], dependencies }).length;
  const named = JSON.stringify([lock.name, lock.version, lock.channel, platformsOf(lock)]).length;
  const base64 = Math.ceil((listed + named + OPTIONS_BYTES) / 3) * 4;
  return Math.ceil((base64 + BUNDLE_BYTES) / SLOT_STEP_BYTES) * SLOT_STEP_BYTES;
}

function tooMany({ images, files }: ReleaseLock): UsageError {
  return new UsageError(
    'UNSUPPORTED',
    `${images.length} images and ${files.length} files are more than the provenance of one archive can list`,
    { hint: 'divide the release into several archives; many small documents can travel as one packed file' },
  );
}
