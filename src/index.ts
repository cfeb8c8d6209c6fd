/** The public API: what the `airgap` commands do, for other programs. docs/api.md has complete ones. */

// What a release is made from, and keys
export { loadSpec, parseSpec, type ReleaseSpec } from './release/spec/spec.ts';
export { importRelease, type ImportOptions, type ImportResult } from './operations/import-release.ts';
export type { SettledRelease } from './release/import/settle.ts';
export type { ImportedComponent, Unexpressed } from './release/import/imported-release.ts';
export { formatLock, parseLock, readLock, writeLock } from './release/lock/lock.ts';
export type { ReleaseLock } from './release/lock/lock-schema.ts';
export {
  generateKeyPair,
  keyId,
  loadPublicKey,
  publicKeyOf,
  toPublicKeyPem,
  type KeyAlgorithm,
  type KeyPair,
} from './trust/keys/public-key.ts';
export { loadPrivateKey, type PrivateKeyOptions } from './trust/keys/private-key.ts';
export { createKeySigner, type KeySigner, type ReleaseSigner } from './trust/signing/signer.ts';
export { readTrustChain, readTrustFile } from './trust/documents/document-files.ts';
export type { TrustRecord } from './trust/documents/trust-document.ts';

// The connected side
export { ImageSources, type SourceOptions } from './operations/resolve/image-sources.ts';
export {
  pinRelease,
  type PinnedRelease,
  type PinOptions,
  type ReleaseInput,
} from './operations/resolve/pin-release.ts';
export type { MovedTag } from './operations/resolve/resolve.ts';
export { archiveFileName, type ArchiveMember } from './archive/inventory/from-lock.ts';
export { buildArchive, type BuildOptions, type BuildReport, type BuildRequest } from './operations/build/build.ts';
export { openBuildBases, type BuildBases, type DeltaFacts } from './operations/build/bases.ts';
export type { BuildFacts } from './operations/build/attestations.ts';
export type { CheckEvidence } from './operations/build/build.ts';
export { checkLockedRelease, type LockedCheck, type LockedCheckRequest } from './operations/check/locked-check.ts';
export { toCheckEvidence } from './report/checks/check-evidence.ts';
export { signArchive, type SignOptions, type SignReport } from './operations/sign.ts';

// What an archive says of itself
export { diffReleases, type DescribedRelease, type ReleaseDiff } from './operations/diff.ts';
export type { Omissions } from './archive/partial/partial-document.ts';
export { inspectArchive, type InspectedImage, type Inspection } from './operations/inspect.ts';
export type { Inventory } from './archive/inventory/inventory-schema.ts';
export type { ContentGraph, GraphImage } from './content/content-graph.ts';

// The secure side: trust, verification, load
export type { TrustPolicy } from './trust/signatures/evaluate-signatures.ts';
export type { AcceptedSigner } from './trust/signatures/principals.ts';
export type { Acceptance, TrustedRelease } from './archive/verification/acceptance.ts';
export {
  trustArchive,
  type ImageTarball,
  type TrustArchiveOptions,
  type TrustedArchive,
} from './archive/verification/trusted-archive.ts';
export type { LackingLayer } from './archive/partial/lacking.ts';
export {
  splitArchive,
  type SplitOptions,
  type SplitPart,
  type SplitReport,
  type SplitRequest,
} from './operations/split.ts';
export { joinArchive, type JoinOptions, type JoinReport, type JoinRequest } from './operations/join.ts';
export {
  verifyArchive,
  verifyPayload,
  verifyStream,
  type VerifiedArchive,
  type VerifiedRelease,
  type VerifyOptions,
} from './archive/verification/verified-archive.ts';
export { parseTarget, type TargetAddress } from './release/mapping/target-address.ts';
export { openImageTarget, type OpenImageTarget, type OpenTargetOptions } from './release/mapping/open-target.ts';
export {
  createLayoutTarget,
  createRegistryTarget,
  type ImageTarget,
  type PlannedImage,
} from './release/mapping/image-target.ts';
export { loadRelease, planLoad, type LoadOptions, type LoadOutcome, type LoadPlan } from './operations/load/load.ts';
export {
  loadTars,
  planDirectory,
  planDocker,
  type LoadTarsOptions,
  type LoadTarsOutcome,
  type PlannedTar,
  type TarballPlan,
} from './operations/load/tarballs.ts';
export { extractFiles, type ExtractOptions } from './operations/extract.ts';

// Bringing a platform up, and going back
export { findClusterAccess } from './kubernetes/cluster/access/kubeconfig.ts';
export type { AccessRequest, ClusterAccess } from './kubernetes/cluster/access/cluster-access.ts';
export { ClusterClient, type ClusterClientOptions } from './kubernetes/cluster/cluster-client.ts';
export type { ClusterObject, ObjectKey } from './kubernetes/cluster/cluster-object.ts';
export { prepareDeployment, type DeployPlan, type DeployRequest } from './operations/deploy/prepare.ts';
export { findChanges, hasChanges, type DeployChanges, type ObjectChange } from './operations/deploy/changes.ts';
export { deploy, type DeployEvent, type DeployOptions, type DeployOutcome } from './operations/deploy/deploy.ts';
export { findRollback, type Rollback, type RollbackRequest } from './operations/deploy/rollback/find-rollback.ts';
export { findKept, keepArchive } from './operations/deploy/rollback/kept-archives.ts';

// What a site keeps: its state, its audit log, its receipts, and the order in which they are written
export type { SiteTerms } from './site/admission.ts';
export {
  verifyAdmittedStream,
  withAdmittedRelease,
  type AdmittedRelease,
  type SiteRecord,
  type SiteRequest,
  type SiteWork,
} from './site/admitted-release.ts';
export { describeOperator } from './site/audit/operator.ts';
export type { AuditContent, SiteEnvironment } from './site/audit/trail.ts';
export type { AuditRecord } from './site/audit/log.ts';
export {
  verifyAuditLog,
  type AuditExpectations,
  type VerifyAuditOptions,
  type VerifiedLog,
} from './site/audit/verification.ts';
export { readReceiptFile } from './site/receipts/receipt-file.ts';
export { readSiteState } from './site/site-state.ts';

// Registry to registry
export { mirrorImages, planMirror, type MirrorOptions, type MirrorPlan } from './operations/mirror.ts';
export { narrowGraph, type NarrowedGraph } from './release/mapping/routes.ts';

// Places that hold content
export type { Bytes } from './base/bytes.ts';
export type { CallOptions, FetchOptions, PushOptions, Source, Target } from './content/store.ts';
export type { CopyEvent, CopyResult } from './content/copy.ts';
export { Registries } from './stores/registry/registries.ts';
export type { RegistryHostOptions } from './stores/registry/registry-hosts.ts';
export { openLayout, type LayoutStore } from './stores/layout/oci-layout.ts';
export { MemoryStore } from './stores/memory.ts';
export { startRegistry, type EmbeddedRegistry, type RegistryOptions } from './server/embedded-registry.ts';

// The specifications' words
export type { Descriptor } from './oci/descriptor.ts';
export { parseDigest, type Digest } from './oci/digest.ts';
export { formatPlatform, parsePlatform, type Platform } from './oci/platform.ts';
export { formatReference, parseReference, type Reference } from './oci/reference.ts';

// What goes wrong: match on `code`
export {
  AirgapError,
  AuthError,
  ChangesError,
  CheckError,
  ClusterError,
  ExitCode,
  exitCodeOf,
  HttpError,
  IncompleteError,
  IntegrityError,
  NotFoundError,
  RegistryError,
  StoreError,
  TrustError,
  UsageError,
  type ErrorCode,
  type HttpFailure,
  type RegistryFailure,
} from './errors.ts';
