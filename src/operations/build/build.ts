/** Builds the archive of a locked release: plan, copy every blob straight to its place, sign, and only then name it. */
import { openArchiveWriter, type ArchiveWriter } from '../../archive/writer/writer.ts';
import type { RetryPolicy } from '../../base/retry.ts';
import { copy, type CopyEvent } from '../../content/copy.ts';
import { rootsOf } from '../../content/graph-walk.ts';
import { assess } from '../../content/assess.ts';
import { planCopy, type CopyPlan, type Transfer } from '../../content/plan.ts';
import type { Source } from '../../content/store.ts';
import { UsageError } from '../../errors.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import { toInventory, type ArchiveMember } from '../../archive/inventory/from-lock.ts';
import type { Inventory } from '../../archive/inventory/inventory-schema.ts';
import { DEPLOY_PATH, formatDeployDocument } from '../../release/deployment/deploy-document.ts';
import type { ReleaseLock } from '../../release/lock/lock-schema.ts';
import { FileSource, type FileContent } from '../../stores/files.ts';
import { nameSigner, signerFingerprint, type SignerName } from '../../trust/signatures/identity.ts';
import { parseAttestation } from '../../trust/signatures/attestation.ts';
import { parseBundle } from '../../trust/signatures/bundle.ts';
import type { ReleaseSigner } from '../../trust/signing/signer.ts';
import { fillSlot } from '../../trust/signatures/slot.ts';
import { checkReportPath, type CheckPredicate } from '../../trust/provenance/check-statement.ts';
import { VERSION } from '../../base/version.ts';
import { chooseOmissions } from '../../archive/partial/omission.ts';
import { deltaFacts, omittedSource, type BuildBases, type DeltaFacts } from './bases.ts';
import { readInstallFiles } from './install-files.ts';
import { attestBuild, attestCheck, CHECK_SLOT_BYTES, planProvenance, type BuildFacts } from './attestations.ts';

/** What to build, and from where. */
export interface BuildRequest {
  /** What to build. */
  readonly lock: ReleaseLock;
  /** Path of the archive. */
  readonly output: string;
  /** One signature each; the archive has four slots. */
  readonly signers: readonly ReleaseSigner[];
  /** Where an image of the lock is fetched from, by its reference. */
  readonly sourceOf: (reference: string) => Source;
  /** Content of the lock's files, by digest. */
  readonly files: ReadonlyMap<Digest, FileContent>;
  /** Trust documents to carry along, as members below `trust/`. @defaultValue none */
  readonly trust?: readonly ArchiveMember[] | undefined;
  /** Members below `install/`. @defaultValue the offline tool with what it takes to start: {@link readInstallFiles} */
  readonly install?: readonly ArchiveMember[] | undefined;
  /** Signs the provenance. @defaultValue the first signer */
  readonly provenanceSigner?: ReleaseSigner | undefined;
  /** What came of the check that the lock demands; needed where it does, and only there. */
  readonly check?: CheckEvidence | undefined;
  /** What the provenance says beyond what the lock knows. */
  readonly facts?: BuildFacts | undefined;
  /** What the site has: the archive becomes a delta without it. @defaultValue none, and a full archive */
  readonly bases?: BuildBases | undefined;
}

/** The evidence of a check that an archive carries. */
export interface CheckEvidence {
  /** The report, in JSON: a function of the lock and of this product alone. */
  readonly report: Buffer;
  /** What is stated of it. */
  readonly statement: CheckPredicate;
  /** The files of rules that the lock pins: a deployment evaluates them again. */
  readonly rules: readonly { readonly name: string; readonly text: string }[];
}

/** Options of {@link buildArchive}. */
export interface BuildOptions {
  /** Write parts of so many bytes, and a list of them, in the place of one file. @defaultValue one file */
  readonly partSize?: number | undefined;
  /** Replace an archive of that name when the new one is complete. @defaultValue false */
  readonly overwrite?: boolean | undefined;
  /** Transfers at the same time at most. @defaultValue as many as the link has use for */
  readonly concurrency?: number | undefined;
  /** How often and how patiently a transfer that fails is tried again. @defaultValue five times in all */
  readonly retry?: RetryPolicy | undefined;
  /** Ends what is under way; the next build goes on there. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each transfer as it begins, moves on and ends. */
  readonly onEvent?: ((event: CopyEvent) => void) | undefined;
  /** Told before the first byte moves: bytes of content in all, and those an interrupted run left in place. */
  readonly onStart?: ((held: number, total: number) => void) | undefined;
  /** Told of a delta now and then: bytes of its full archive's tarballs that are hashed, and in all. */
  readonly onHashed?: ((done: number, total: number) => void) | undefined;
  /** Told of a delta before the first byte moves: what is left out, and what that costs. */
  readonly onDelta?: ((delta: DeltaFacts) => void) | undefined;
}

/** What was built. */
export interface BuildReport {
  /** Of the archive. */
  readonly path: string;
  /** bytes */
  readonly size: number;
  /** Of `checksums.txt`, which stands for the whole archive. */
  readonly digest: Digest;
  /** What the archive says of itself. */
  readonly inventory: Inventory;
  /** Who signed, one for each signature. */
  readonly signers: readonly SignerName[];
  /** Who states how the archive was built. */
  readonly provenance: SignerName | undefined;
  /** Bytes an interrupted run had left in place. */
  readonly resumedBytes: number;
  /** Bytes of content that this run moved. */
  readonly copiedBytes: number;
  /** What a delta leaves out; absent for a full archive. */
  readonly delta?: DeltaFacts | undefined;
}

/**
 * Builds an archive. Run again after any interruption, it goes on where it stopped and ends byte-identical.
 * @throws StoreError `NO_SPACE`, `LOCKED`. @throws UsageError when the output exists. @throws whatever a source throws.
 */
export async function buildArchive(request: BuildRequest, options: BuildOptions = {}): Promise<BuildReport> {
  const startedOn = new Date();
  const { lock, signers, facts = {}, check } = request;
  assertChecked(request);
  const made = await readMembers(request);
  const plans = planProvenance(lock);
  const inventory = toInventory(
    lock,
    made.map(({ path, bytes }) => ({ path, size: bytes.length, digest: sha256(bytes) })),
    [...plans.map(({ slotSize }) => slotSize), ...(check === undefined ? [] : [CHECK_SLOT_BYTES])],
  );
  assertRoom(inventory, signers);
  const provenanceSigner = request.provenanceSigner ?? signers[0];
  const { bases } = request;
  const partial = bases && chooseOmissions(inventory, bases.inventories);
  await using writer = await openArchiveWriter(request.output, inventory, { ...options, partial });
  const delta = partial && deltaFacts(partial, inventory, writer.fullLayout, bases);
  if (delta !== undefined) options.onDelta?.(delta);
  const { held, total } = writer.progress;
  options.onStart?.(held, total);
  const plan = planArchive(request, made, inventory, writer);
  const pending = await assess(plan, { concurrency: 1, signal: options.signal });
  const { copiedBytes } = await copy(pending, options);
  let signed: SignedBuild = { signatures: [], statements: [] };
  const finishing = {
    signal: options.signal,
    onHashed: options.onHashed,
    omitted: bases && omittedSource(bases, plan),
  };
  const digest = await writer.finish(async (checksums) => {
    const provenance = { lock, inventory, plans, toolVersion: VERSION, facts, startedOn };
    const statements =
      provenanceSigner === undefined ? [] : [...(await attestBuild(provenance, checksums, provenanceSigner))];
    if (provenanceSigner !== undefined && check !== undefined) {
      statements.push(await attestCheck(check.statement, inventory, checksums, provenanceSigner));
    }
    signed = { signatures: await signAll(checksums, signers), statements };
    return fillSlots(inventory, signed);
  }, finishing);
  const [statement] = signed.statements;
  return {
    path: request.output,
    size: writer.layout.size,
    digest,
    inventory,
    signers: signed.signatures.map((bundle) => parseBundle(bundle).signer),
    provenance: statement && parseAttestation(statement, 'the statement').signer,
    resumedBytes: held,
    copiedBytes,
    ...(delta === undefined ? {} : { delta }),
  };
}

/** What belongs to the product that builds and to the maker of the release: `install/`, `trust/`, the bill of materials, why each image is there, the report of a check, and what a deployment does. */
async function readMembers({ lock, trust = [], install, check }: BuildRequest): Promise<readonly ArchiveMember[]> {
  // Large, and of use to builds alone.
  const { createBillOfMaterials } = await import('../../release/lock/bill-of-materials.ts');
  const { createImageEvidence } = await import('../../archive/inventory/image-evidence.ts');
  const lists = [createBillOfMaterials(lock, VERSION), createImageEvidence(lock)];
  const checked = check === undefined ? [] : [{ path: checkReportPath(lock), bytes: check.report }];
  const deployed = describeDeployment(lock, check?.rules ?? []);
  return [...(install ?? (await readInstallFiles(lock))), ...trust, ...lists, ...checked, ...deployed];
}

/** What a deployment does beside applying manifests; nothing where the release says nothing of it. */
function describeDeployment({ deploy, check }: ReleaseLock, rules: CheckEvidence['rules']): readonly ArchiveMember[] {
  if (deploy === undefined && check === undefined) return [];
  const demands = check && { rules: rules.map(({ name, text }) => ({ name, text })), demands: check.demands };
  const document = { schemaVersion: 1, ...deploy, ...(demands === undefined ? {} : { check: demands }) } as const;
  return [{ path: DEPLOY_PATH, bytes: formatDeployDocument(document) }];
}

/** A release that demands a check is not built without, nor another with evidence that its lock does not ask for. */
function assertChecked({ lock, check }: BuildRequest): void {
  if ((lock.check === undefined) === (check === undefined)) return;
  const fault =
    check === undefined ? 'demands a check, and none was made' : 'demands no check, and evidence of one was given';
  throw new UsageError('USAGE', `the release ${fault}`, {
    hint: 'give what toCheckEvidence makes of checkLockedRelease',
  });
}

/** A signer without a slot would otherwise be left out without a word. */
function assertRoom({ slots }: Inventory, signers: readonly ReleaseSigner[]): void {
  const room = slots.filter(({ path }) => path.startsWith('signatures/')).length;
  if (signers.length <= room) return;
  throw new UsageError('USAGE', `an archive has room for ${room} signatures, and ${signers.length} keys were given`, {
    hint: 'build with fewer; more can sign afterwards with: airgap sign --detached',
  });
}

/** All in the order of the file, manifests too, so that hashing the tarballs can follow closely: nothing shows before the end. */
function planArchive(
  request: BuildRequest,
  made: readonly ArchiveMember[],
  inventory: Inventory,
  writer: ArchiveWriter,
): CopyPlan {
  const routes = inventory.images.flatMap((image) => {
    const source = request.sourceOf(image.reference);
    return rootsOf(image).map((digest) => ({ digest, source, target: writer }));
  });
  const images = planCopy(inventory, routes);
  const sources = new Map<Digest, FileContent>([
    ...request.files,
    ...made.map(({ bytes }): [Digest, FileContent] => [sha256(bytes), { bytes }]),
  ]);
  const source = new FileSource('the files of the release', sources);
  const files = inventory.files.map(({ digest, size }): Transfer => ({
    descriptor: { mediaType: 'application/octet-stream', digest, size },
    source,
    targets: [writer],
  }));
  const offsets = new Map<Digest, number>();
  for (const segment of writer.layout.segments) {
    if (segment.kind === 'content' && !offsets.has(segment.digest)) offsets.set(segment.digest, segment.offset);
  }
  const place = ({ descriptor }: Transfer): number => offsets.get(descriptor.digest) ?? 0;
  const contents = [...files, ...images.manifests, ...images.blobs];
  return { manifests: [], tags: [], blobs: contents.sort((a, b) => place(a) - place(b)) };
}

interface SignedBuild {
  readonly signatures: readonly Uint8Array[];
  readonly statements: readonly Uint8Array[];
}

/** @throws UsageError when two signed in one name: they would count as one. */
async function signAll(checksums: Buffer, signers: readonly ReleaseSigner[]): Promise<readonly Uint8Array[]> {
  const signatures = new Map<string, Uint8Array>();
  for (const signer of signers) {
    const bundle = await signer.sign(checksums);
    const { signer: name } = parseBundle(bundle);
    if (signatures.has(signerFingerprint(name))) {
      throw new UsageError('USAGE', `two of the signatures are by ${nameSigner(name)}, which count as one`);
    }
    signatures.set(signerFingerprint(name), bundle);
  }
  return [...signatures.values()];
}

/** Signatures and statements, each in the first slots of their kind; the others stay empty. */
function fillSlots({ slots }: Inventory, { signatures, statements }: SignedBuild): Buffer[] {
  const [nextSignature, nextStatement] = [signatures.values(), statements.values()];
  return slots.map(({ path, size }) => {
    const content = path.startsWith('signatures/') ? nextSignature.next() : nextStatement.next();
    return fillSlot(content.value, size);
  });
}
