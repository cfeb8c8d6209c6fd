/** `release.lock.json`: a release with every reference pinned by digest and every file by content. */
import * as z from 'zod';
import { ContentGraph, DigestText, Size } from '../../content/content-graph.ts';
import { LockImagePolicy } from '../policy/image-policy-schema.ts';
import { CHECK_PROFILES, InitCommand } from '../deployment/deploy-document.ts';
import { Sequence } from '../../trust/documents/trust-document-schema.ts';

const Text = z.string().min(1).max(512);
const MAX_LIST = 100_000;
/** Files of a set, with `+` between them. */
const MAX_SET_NAME = 32_768;

/** Places that name an image. */
const FoundIn = z.array(z.string().min(1).max(2048)).max(MAX_LIST);
const Reason = z.string().min(1).max(1000);

/** Where a reference stands in what the author wrote: `manifests/app.yaml:12 Deployment/api …`. */
export const LockImage = z.strictObject({
  reference: Text,
  /** Absent for images that come from their own registry. */
  from: z.literal('docker-daemon').optional(),
  /** Where not all of the release's platforms are carried. */
  platforms: z.array(Text).max(64).optional(),
  foundIn: FoundIn,
  /** Of a suspect that is carried: the entry of the release.yaml that says so. */
  accepted: z.strictObject({ by: Text, reason: Reason.optional() }).optional(),
});
export type LockImage = z.infer<typeof LockImage>;

/** A file that travels beside the images: its path in the archive and where it comes from: relative to the lock, or an address. */
export const LockFile = z.strictObject({
  path: Text,
  from: z.string().min(1).max(2048),
  /** `rendered`: what the chart at `from` renders to, made anew by every build. */
  kind: z.enum(['chart', 'provenance', 'manifest', 'doc', 'file', 'rendered']),
  size: Size,
  digest: DigestText,
});
export type LockFile = z.infer<typeof LockFile>;

export const LockComponent = z.strictObject({
  name: Text,
  description: z.string().max(4096).optional(),
  images: z.array(LockImage).max(MAX_LIST),
  files: z.array(Text).max(MAX_LIST),
});
export type LockComponent = z.infer<typeof LockComponent>;

/** What rendered the charts to find their images, and all that decides what they render to; in the order of the release. */
export const LockRendering = z.strictObject({
  renderer: z.strictObject({ name: Text, version: Text }),
  charts: z
    .array(
      z.strictObject({
        from: z.string().min(1).max(2048),
        digest: DigestText,
        kubeVersion: Text,
        apiVersions: z.array(Text).max(MAX_LIST),
        namespace: Text,
        releaseName: Text,
        values: z
          .array(
            z.strictObject({
              name: z.string().min(1).max(MAX_SET_NAME),
              files: z.array(z.strictObject({ path: Text, digest: DigestText })).max(MAX_LIST),
              /** Whether the archive carries what it renders to. */
              manifests: z.literal(true).optional(),
            }),
          )
          .max(MAX_LIST),
      }),
    )
    .max(MAX_LIST),
  /** Of the images that were found and of those left out, with their places: an entry that is cut out is noticed. */
  findings: DigestText,
});
export type LockRendering = z.infer<typeof LockRendering>;

/** By which rules the configuration of the release is checked when it is built. */
export const LockCheck = z.strictObject({
  /** Files of rules and exceptions, relative to the lock. */
  rules: z.array(z.strictObject({ path: Text, digest: DigestText })).max(MAX_LIST),
  demands: z
    .array(
      z.strictObject({
        /** Names of sets of values; absent for everything. */
        values: z.array(z.string().min(1).max(MAX_SET_NAME)).max(MAX_LIST).optional(),
        profiles: z.array(z.enum(CHECK_PROFILES)).max(MAX_LIST),
      }),
    )
    .max(MAX_LIST),
});
export type LockCheck = z.infer<typeof LockCheck>;

/** What is done at a deployment beside applying manifests. */
export const LockDeploy = z.strictObject({ init: InitCommand.optional() });
export type LockDeploy = z.infer<typeof LockDeploy>;

/** What became of suspects that are not carried; each absent where there are none, sorted by `reference`. */
export const LockSuspects = {
  /** Left out by the release.yaml, which says why. */
  dismissed: z
    .array(z.strictObject({ reference: Text, by: Text, reason: Reason, foundIn: FoundIn }))
    .max(MAX_LIST)
    .optional(),
  /** Neither accepted nor dismissed, where a person insisted to go on. */
  suspects: z
    .array(z.strictObject({ reference: Text, foundIn: FoundIn }))
    .max(MAX_LIST)
    .optional(),
  /** Charts that were not rendered, since a person insisted: what they name in templates is not known. */
  unrendered: z.array(Text).max(MAX_LIST).optional(),
  /** Directories of rendered manifests that the release asks for and that are not carried for the same reason. */
  unrenderedManifests: z.array(Text).max(MAX_LIST).optional(),
};

/** The whole lock. Key order is the order of the file. */
export const ReleaseLock = z.strictObject({
  lockVersion: z.literal(1),
  name: Text,
  version: Text,
  channel: Text,
  sequence: Sequence.optional(),
  /** RFC 3339, UTC, whole seconds. */
  created: Text,
  expires: Text.optional(),
  /** What `checksums.txt` lists; absent where that is all files and tarballs. */
  checksums: z.literal('files').optional(),
  /** Chosen platforms in canonical form, or `all`. */
  platforms: z.union([z.literal('all'), z.array(Text).max(64)]),
  /** Of the bytes of `release.yaml`. */
  specDigest: DigestText,
  components: z.array(LockComponent).max(10_000),
  files: z.array(LockFile).max(MAX_LIST),
  /** Absent where nothing was rendered. */
  rendering: LockRendering.optional(),
  ...LockSuspects,
  /** Absent where nothing is demanded. */
  check: LockCheck.optional(),
  /** Absent where nothing is done. */
  deploy: LockDeploy.optional(),
  ...LockImagePolicy,
  /** Images whose registry did not answer all questions about their evidence, sorted: there may be more than was found. */
  notEstablished: z
    .array(z.strictObject({ reference: Text, doubts: z.array(z.string().min(1).max(2048)).min(1).max(MAX_LIST) }))
    .max(MAX_LIST)
    .optional(),
  /** Manifests whose config is for another platform than the index of their image says, sorted. */
  otherPlatforms: z
    .array(z.strictObject({ reference: Text, digest: DigestText, index: Text, config: Text }))
    .max(MAX_LIST)
    .optional(),
  ...ContentGraph.shape,
});
export type ReleaseLock = z.infer<typeof ReleaseLock>;
