/** The public API: what the `airgap` commands do, for other programs. */
export { appendEntry, type AuditRecord } from './site/audit/log.ts';
export {
  proveAuditLog,
  type AuditExpectations,
  type AuditProofOptions,
  type ProvedLog,
} from './site/audit/verification.ts';
export { buildArchive, type BuildOptions, type BuildReport, type BuildRequest } from './operations/build/build.ts';
export { openLockedFiles } from './operations/resolve/collect.ts';
export { extractFiles, type ExtractOptions } from './operations/extract.ts';
export {
  createLayoutTarget,
  createRegistryTarget,
  type ImageTarget,
  type PlannedImage,
} from './release/mapping/image-target.ts';
export { inspectArchive, type InspectedImage, type Inspection } from './operations/inspect.ts';
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
export { mirrorImages, planMirror, type MirrorOptions, type MirrorPlan } from './operations/mirror.ts';
export { readReceiptFile } from './site/receipts/receipt-file.ts';
export { Registries } from './stores/registry/registries.ts';
export {
  resolveRelease,
  type MovedTag,
  type OpenImage,
  type ResolvedRelease,
  type ResolveOptions,
  type ResolveRequest,
} from './operations/resolve/resolve.ts';
export { narrowGraph, type NarrowedGraph } from './release/mapping/routes.ts';
export { parseTarget, type TargetAddress } from './release/mapping/target-address.ts';
export { signArchive, type SignOptions, type SignReport } from './operations/sign.ts';
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
export { readSiteState } from './site/site-state.ts';
export type { Acceptance, TrustedRelease } from './archive/verification/acceptance.ts';
export { trustArchive, type ImageTarball, type TrustedArchive } from './archive/verification/trusted-archive.ts';
export { readTrustChain, readTrustFile } from './trust/documents/document-files.ts';
export {
  verifyArchive,
  verifyPayload,
  verifyStream,
  type VerifiedArchive,
  type VerifiedRelease,
  type VerifyOptions,
} from './archive/verification/verified-archive.ts';
