/** `release.yaml`, the one file a person writes. Strict: what is not named here is an error. */
import * as z from 'zod';
import { AirgapError } from '../../errors.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { parseReference, withDefaultTag, type Reference } from '../../oci/reference.ts';
import { SpecChartEntry } from './chart-schema.ts';
import { SpecCheck } from './check-schema.ts';
import { SpecDeploy } from './deploy-schema.ts';
import { parsePathPattern } from './path-pattern.ts';
import { SpecImagePolicy } from '../policy/image-policy-schema.ts';
import { isPortableName } from '../../base/portable-path.ts';
import { PathText } from '../../base/schemas/path-text.ts';
import { refineWith } from '../../base/schemas/refine.ts';
import { SpecDecisions } from '../suspects/decision-schema.ts';
import { Sequence } from '../../trust/documents/trust-document-schema.ts';

/** Entries of one list of the file; above any real release, low enough to refuse nonsense early. */
const MAX_ENTRIES = 5_000;
const MAX_TEXT = 512;

/**
 * What becomes of signatures, attestations and bills of materials that stand beside images: `carry` takes all there are,
 * `require` also insists on a signature of every image, `ignore` does not look for any.
 */
export const EVIDENCE_POLICIES = ['require', 'carry', 'ignore'] as const;
export type EvidencePolicy = (typeof EVIDENCE_POLICIES)[number];

/** The marks of the format; a new version changes `apiVersion`. */
export const SPEC_API_VERSION = 'airgap.hexabase.ai/v1';
export const SPEC_KIND = 'Release';

/** Prefix of an image that is taken from the local Docker Engine instead of a registry. */
export const DOCKER_DAEMON_PREFIX = 'docker-daemon:';

const NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const VERSION = /^v?[0-9]+(\.[0-9]+){1,3}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;
const CREATED = /^(19[7-9][0-9]|2[01][0-9]{2})-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})$/;
const INTEGRITY = /^sha(256-[A-Za-z0-9+/]{43}=|384-[A-Za-z0-9+/]{64}|512-[A-Za-z0-9+/]{86}==)$/;
const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9._+-]*$/;
const PLATFORM = /^[a-z0-9]+\/[a-z0-9]+(\/v[0-9]{1,2})?$/;

/** Letters, digits and dashes, as in a DNS label, so that it is safe in file, tag and object names. */
const Name = z
  .string()
  .max(63)
  .regex(NAME, 'must be lower-case letters, digits and dashes, and begin and end with a letter or digit');

/** `os/architecture[/variant]` in Go's names. */
const PlatformText = z
  .string()
  .max(60)
  .check(refineWith(parsePlatform))
  .meta({ pattern: PLATFORM.source, examples: ['linux/amd64', 'linux/arm64'] });

const ReferenceText = z
  .string()
  .min(1)
  .max(MAX_TEXT)
  .check(refineWith(parseImage))
  .meta({ examples: ['registry.example.com/team/app:1.2.3', 'docker-daemon:app:1.2.3'] });

/** One image, where more than its reference has to be said. */
export const SpecImage = z
  .strictObject({
    reference: ReferenceText.describe('Where the image comes from: registry/repository:tag, with @digest if wanted.'),
    platforms: z
      .array(PlatformText)
      .min(1)
      .max(100)
      .optional()
      .describe("Carry only these of the release's platforms, for an image that does not exist for all of them."),
  })
  .describe('An image that needs more than its reference.');

/** One extra file, pinned by its content. */
export const SpecFile = z
  .strictObject({
    path: PathText.describe('The file, relative to this document.'),
    integrity: z
      .string()
      .regex(INTEGRITY, 'must be one sha256-, sha384- or sha512- hash in base64, as in sha256-47DEQp…SuFU=')
      .describe('Subresource-integrity string with exactly one hash: sha256-<base64>.'),
    as: z
      .string()
      .max(100)
      .regex(FILE_NAME, 'must be a plain file name')
      .refine(isPortableName, 'must be a file name that every system takes: no dot at the end, no device of Windows')
      .optional()
      .describe("The file's name in the archive; its own name if absent."),
  })
  .describe('An extra file, pinned by its content.');

/** One part of the release that can be named, documented and chosen on its own. */
export const SpecComponent = z
  .strictObject({
    name: Name.describe('Unique within the release.'),
    description: z.string().max(1000).optional(),
    images: z
      .array(z.union([ReferenceText, SpecImage]))
      .max(MAX_ENTRIES)
      .optional()
      .describe('Container images, as references.'),
    imageLists: z
      .array(PathText)
      .max(MAX_ENTRIES)
      .optional()
      .describe('Text files with one reference a line; # begins a comment.'),
    charts: z
      .array(SpecChartEntry)
      .max(MAX_ENTRIES)
      .optional()
      .describe(
        'Helm charts: directories, .tgz packages, oci://registry/repository:version, or with fields of their own.',
      ),
    manifests: z
      .array(PathText)
      .max(MAX_ENTRIES)
      .optional()
      .describe('Kubernetes YAML: files or directories. The images they name are carried too.'),
    ignore: z
      .array(z.string().min(1).check(refineWith(parsePathPattern)))
      .max(MAX_ENTRIES)
      .optional()
      .describe(
        'Patterns for files of manifests that hold no resources, such as *.json or dashboards/: carried, but not read for images.',
      ),
    docs: z.array(PathText).max(MAX_ENTRIES).optional().describe('Documents for the people at the other side.'),
    files: z.array(SpecFile).max(MAX_ENTRIES).optional().describe('Extra files, each pinned by its content.'),
  })
  .describe('One part of the release.');

/** The whole document. */
export const SpecDocument = z
  .strictObject({
    apiVersion: z.literal(SPEC_API_VERSION),
    kind: z.literal(SPEC_KIND),
    name: Name.describe('Name of the release; part of the archive’s file name.'),
    version: z
      .string()
      .max(64)
      .regex(VERSION, 'must look like 1.5.0 or 1.5.0-rc.1')
      .describe('Version of the release, such as 1.5.0.'),
    channel: Name.default('stable').describe('The line of releases this one belongs to.'),
    sequence: Sequence.optional().describe(
      'Its place in that line: a number that grows with every release. Sites that keep a state refuse to go back.',
    ),
    created: z
      .string()
      .check(refineWith(parseTime))
      .optional()
      .describe('RFC 3339 time for byte-identical rebuilds; fixed when the release is resolved if absent.'),
    expires: z
      .string()
      .check(refineWith(parseTime))
      .optional()
      .describe('RFC 3339 time from which on the release is refused.'),
    checksums: z
      .enum(['all', 'files'])
      .default('all')
      .describe(
        'What the signed checksums.txt lists: all, files and whole image tarballs, for plain sha256sum; or files alone, so that a delta is built without reading what it leaves out. This tool verifies every byte either way.',
      ),
    platforms: z
      .union([z.literal('all'), z.array(PlatformText).min(1).max(100)])
      .describe('Platforms to carry, or the word all.'),
    evidence: z
      .enum(EVIDENCE_POLICIES)
      .default('carry')
      .describe(
        'Signatures, attestations and SBOMs beside the images: carry all there are, require a signature of every image, or ignore them.',
      ),
    imagePolicy: SpecImagePolicy.optional().describe(
      'Whose signature images must bear, checked when the release is resolved. An image that matches no entry is refused.',
    ),
    ...SpecDecisions,
    check: SpecCheck.optional().describe('Rules that what the release deploys has to meet before it is built.'),
    deploy: SpecDeploy.optional().describe('What airgap deploy does beside applying manifests and waiting for them.'),
    components: z.array(SpecComponent).min(1).max(MAX_ENTRIES),
  })
  .describe('A release to carry across an air gap.');
export type SpecDocument = z.infer<typeof SpecDocument>;

/** Where an image's content is: in its reference's registry, or in the Docker Engine of this machine. */
export type ImageOrigin = 'registry' | 'docker-daemon';

/**
 * Reads an image as people write it in a release.yaml or an image list: a reference, or `docker-daemon:` and a
 * reference. `:latest` is added where neither tag nor digest is given.
 * @throws UsageError `INVALID_REFERENCE`
 */
export function parseImage(text: string): { readonly reference: Reference; readonly origin: ImageOrigin } {
  const isLocal = text.startsWith(DOCKER_DAEMON_PREFIX);
  const reference = parseReference(isLocal ? text.slice(DOCKER_DAEMON_PREFIX.length) : text);
  return { reference: withDefaultTag(reference), origin: isLocal ? 'docker-daemon' : 'registry' };
}

function parseTime(text: string): void {
  const [, year = '', month = '', day = ''] = /^([0-9]{4})-([0-9]{2})-([0-9]{2})/.exec(text) ?? [];
  const time = Date.parse(text);
  const isReal = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day);
  if (!CREATED.test(text) || Number.isNaN(time) || time < 0 || !isReal) {
    throw new AirgapError('INVALID_SPEC', 'must be an RFC 3339 time in whole seconds', {
      hint: 'write it as 2026-01-31T12:00:00Z',
    });
  }
}
