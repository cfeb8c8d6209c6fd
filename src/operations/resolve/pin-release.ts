/** Pins what a release is made from: a release.yaml, a lock, or a plain list of images. */
import { readBounded, readTextFile } from '../../base/files/read-file.ts';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { NotFoundError, UsageError } from '../../errors.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { readLock, writeLock } from '../../release/lock/lock.ts';
import type { ReleaseLock } from '../../release/lock/lock-schema.ts';
import { describeWarnings } from '../../release/lock/lock-warnings.ts';
import { loadImageList } from '../../release/spec/image-list.ts';
import { loadSpec, parseSpec, type ReleaseSpec } from '../../release/spec/spec.ts';
import { NO_DECISIONS } from '../../release/suspects/decisions.ts';
import type { FileContent } from '../../stores/files.ts';
import { assertCheckOf } from '../check/locked-rules.ts';
import type { ChartSources } from './charts/charts.ts';
import { openLockedFiles } from './collect.ts';
import type { ImageSources } from './image-sources.ts';
import { openOwnRenderer, type OpenRenderer } from './render-charts.ts';
import { openLockedManifests } from './rendered-manifests.ts';
import { missingLock, resolveRelease, type MissingImage, type MovedTag } from './resolve.ts';

const LOCK_EXTENSION = '.lock.json';
/** What was read before, and is read again as bytes. */
const INPUT = { what: 'a release.yaml or a list of images', limit: 4 * 1024 * 1024 };

/** A file that a release is made from: a release.yaml, a lock, or a text file with one image reference a line. */
export interface ReleaseInput {
  /** A release.yaml, a lock that is taken as it is, or a text file with one reference a line. */
  readonly kind: 'spec' | 'lock' | 'list';
  /** Of the file. */
  readonly path: string;
}

/** How {@link pinRelease} reads its input. */
export interface PinOptions {
  /** Another place for the lock than beside the release.yaml. */
  readonly lock?: string | undefined;
  /** Hold to the lock that exists and write none. */
  readonly locked?: boolean | undefined;
  /** Look for evidence again where an image has not moved. @defaultValue false */
  readonly refreshEvidence?: boolean | undefined;
  /** Refuse what would only be warned of. @defaultValue false */
  readonly strict?: boolean | undefined;
  /** Leave out images that do not exist; no lock is written then. @defaultValue false */
  readonly keepGoing?: boolean | undefined;
  /** What becomes of images that may be pulled and that nothing decides about. @defaultValue 'refuse' */
  readonly suspects?: 'refuse' | 'warn' | undefined;
  /** Whether charts are rendered; without it, their annotations alone say what they pull. @defaultValue true */
  readonly render?: boolean | undefined;
  /** Asked where there are charts to render. @defaultValue Helm's engine that came with this program, or a helm on PATH */
  readonly openRenderer?: OpenRenderer | undefined;
  /** Images at the same time. @defaultValue 8 */
  readonly concurrency?: number | undefined;
  /** Whether the lock is written after resolving. @defaultValue true, but for `locked` */
  readonly writes?: boolean | undefined;
  /** Takes the place of the release.yaml's own, and of `carry` for a plain list. */
  readonly evidence?: ReleaseSpec['evidence'] | undefined;
  /** Platforms of a plain list; all if not given. */
  readonly platforms?: readonly string[] | undefined;
  /** The release's time, where it has none yet. @defaultValue now */
  readonly now?: Date | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each image when it is pinned, with how many of all are. */
  readonly onImage?: ((reference: string, done: number, total: number) => void) | undefined;
}

/** A pinned release, ready to build or mirror. */
export interface PinnedRelease {
  /** Every reference with its digest, every file with its content. */
  readonly lock: ReleaseLock;
  /** Absent for a plain list. */
  readonly lockPath?: string | undefined;
  /** What paths in the lock are relative to, absolute: of the release.yaml, wherever its lock is; of a lock that was given itself. */
  readonly directory: string;
  /** Whether the lock was written by this run. */
  readonly isWritten: boolean;
  /** Where the content of each file of the lock is, by digest. */
  readonly files: ReadonlyMap<Digest, FileContent>;
  /** Verified manifests and configs that were read on the way. */
  readonly contents: ReadonlyMap<Digest, Buffer>;
  /** Tags that name something else than in the lock before. */
  readonly moved: readonly MovedTag[];
  /** Images that do not exist, or not for a chosen platform; none but under `keepGoing`. */
  readonly missing: readonly MissingImage[];
  /** What may be missing or wrong behind the gap, a sentence each. */
  readonly warnings: readonly string[];
  /** Patterns of the image policy that decided about no image. */
  readonly unusedRules: readonly string[];
}

/** Where the lock of a release.yaml lies unless told otherwise: `release.yaml` → `release.lock.json`, beside it. */
export function lockPathOf(specPath: string): string {
  return specPath.replace(/\.ya?ml$/, '') + LOCK_EXTENSION;
}

/**
 * Pins a release: a release.yaml is resolved and its lock written (unless `locked`), a lock is taken as it is without
 * asking any tag, a plain list is resolved and no lock kept.
 */
export async function pinRelease(
  input: ReleaseInput,
  sources: ImageSources,
  options: PinOptions = {},
): Promise<PinnedRelease> {
  if (input.kind === 'lock') {
    if (options.evidence === undefined) return openLock(input.path, sources, options);
    throw new UsageError('USAGE', `--evidence means nothing for ${input.path}`, {
      hint: 'a lock is taken as it is: name the release.yaml it was made from',
    });
  }
  const isList = input.kind === 'list';
  const lockPath = isList ? undefined : (options.lock ?? lockPathOf(input.path));
  const written = isList ? await readList(input.path, options.platforms) : await loadSpec(input.path);
  if (options.evidence === 'ignore' && written.imagePolicy !== undefined) {
    throw new UsageError('USAGE', `--evidence ignore contradicts the imagePolicy of ${input.path}`, {
      hint: 'a policy is about signatures: drop one of the two',
    });
  }
  const previous = lockPath === undefined ? undefined : await readLock(lockPath);
  if (options.locked === true && previous === undefined) throw missingLock(lockPath);
  const spec = { ...written, evidence: options.evidence ?? written.evidence };
  const directory = resolve(dirname(input.path));
  const { lock, contents, files, moved, missing, warnings, unusedRules } = await resolveRelease(
    {
      spec,
      directory,
      specDigest: sha256(await readBounded(input.path, INPUT)),
      previous,
      now: options.now ?? new Date(),
      openImage: (reference, origin) => sources.open(reference, origin),
      readAddress: chartSourcesOf(sources).read,
      openRenderer: options.openRenderer,
    },
    {
      suspects: options.suspects,
      render: options.render,
      locked: options.locked,
      strict: options.strict,
      keepGoing: options.keepGoing,
      concurrency: options.concurrency,
      refreshEvidence: options.refreshEvidence,
      signal: options.signal,
      onImage: options.onImage,
    },
  );
  const isWritten =
    lockPath !== undefined && options.locked !== true && options.writes !== false && missing.length === 0;
  if (isWritten) await writeLock(lockPath, lock);
  return { lock, lockPath, directory, isWritten, files, contents, moved, missing, warnings, unusedRules };
}

async function openLock(
  path: string,
  sources: ImageSources,
  { signal, openRenderer = openOwnRenderer(process.env['PATH'], signal) }: PinOptions,
): Promise<PinnedRelease> {
  const lock = await readLock(path);
  if (lock === undefined) {
    throw new NotFoundError('NOT_FOUND', `${path}: no such file`, { hint: 'run `airgap resolve` to write it' });
  }
  const { assertPolicyOf, assertLockedPolicy } = await import('../../release/policy/locked-policy.ts');
  for (const [specPath, spec] of await readSpecsBeside(path)) {
    assertPolicyOf(lock, spec.imagePolicy, specPath);
    assertCheckOf(lock, spec.check, specPath);
  }
  const directory = resolve(dirname(path));
  await sources.openLocked(lock);
  const files = await openLockedFiles(lock, {
    directory,
    sources: chartSourcesOf(sources),
    indexes: new Map(),
    signal,
  });
  const manifests = await openLockedManifests(lock, { directory, contents: files, openRenderer, signal });
  await assertLockedPolicy(lock, { path, directory, sourceOf: sources.sourceOf() }, signal);
  return {
    lock,
    lockPath: path,
    directory,
    isWritten: false,
    files: new Map([...files, ...manifests]),
    contents: new Map(),
    moved: [],
    missing: [],
    warnings: describeWarnings(lock),
    unusedRules: [],
  };
}

/** The part of the sources that charts are fetched from. */
function chartSourcesOf(sources: ImageSources): ChartSources {
  return {
    open: (reference) => sources.open(reference, 'registry'),
    read: (address, how) => sources.read(address, how),
  };
}

/** A lock is built as it is; but whose signatures are demanded is for the release.yaml beside it to say. */
async function readSpecsBeside(lockPath: string): Promise<readonly (readonly [string, ReleaseSpec])[]> {
  if (!lockPath.endsWith(LOCK_EXTENSION)) return [];
  const paths = ['.yaml', '.yml'].map((extension) => lockPath.slice(0, -LOCK_EXTENSION.length) + extension);
  return Promise.all(
    paths.filter(existsSync).map(async (path) => [path, parseSpec(await readTextFile(path, INPUT), path)] as const),
  );
}

async function readList(path: string, platforms: readonly string[] | undefined): Promise<ReleaseSpec> {
  const images = await loadImageList(path);
  if (images.length === 0) throw new UsageError('INVALID_SPEC', `${path}: names no image`);
  const nothing = { imageLists: [], charts: [], manifests: [], ignore: [], docs: [], files: [] };
  return {
    name: 'images',
    version: '0',
    channel: 'stable',
    platforms: platforms === undefined || platforms.length === 0 ? 'all' : platforms.map(parsePlatform),
    evidence: 'carry',
    decisions: NO_DECISIONS,
    components: [{ name: 'images', images, ...nothing }],
  };
}
