/** The public API: what the `airgap` commands do, for other programs. */
export { appendEntry, type AuditRecord } from './operations/audit-log.ts';
export {
  proveAuditLog,
  type AuditExpectations,
  type AuditProofOptions,
  type ProvedLog,
} from './operations/audit-proof.ts';
export { buildArchive, type BuildOptions, type BuildReport, type BuildRequest } from './operations/build.ts';
export { openLockedFiles } from './operations/collect.ts';
export { extractFiles, type ExtractOptions } from './operations/extract.ts';
export {
  createLayoutTarget,
  createRegistryTarget,
  type ImageTarget,
  type PlannedImage,
} from './operations/image-target.ts';
export { inspectArchive, type InspectedImage, type Inspection } from './operations/inspect.ts';
export { loadRelease, planLoad, type LoadOptions, type LoadOutcome, type LoadPlan } from './operations/load.ts';
export {
  loadTars,
  planDirectory,
  planDocker,
  type LoadTarsOptions,
  type LoadTarsOutcome,
  type PlannedTar,
} from './operations/load-tars.ts';
export { mirrorImages, planMirror, type MirrorOptions, type MirrorPlan } from './operations/mirror.ts';
export { readReceiptFile } from './operations/receipt-file.ts';
export { Registries } from './operations/registries.ts';
export {
  resolveRelease,
  type MovedTag,
  type OpenImage,
  type ResolvedRelease,
  type ResolveOptions,
  type ResolveRequest,
} from './operations/resolve.ts';
export { narrowGraph, type NarrowedGraph } from './operations/routes.ts';
export { parseTarget, type TargetAddress } from './operations/target.ts';
export { signArchive, type SignOptions, type SignReport } from './operations/sign.ts';
export { openSite, readSiteState, Site } from './operations/site-state.ts';
export {
  factsOf,
  trustArchive,
  trustHead,
  type Acceptance,
  type TrustedRelease,
} from './operations/trusted-release.ts';
export { readTrustChain, readTrustFile } from './operations/trust-files.ts';
export {
  proveRelease,
  verifyArchive,
  verifyStream,
  type VerifiedRelease,
  type VerifyOptions,
} from './operations/verify.ts';
