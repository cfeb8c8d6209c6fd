/** Pins a release: every reference to digests, every file to content. What a person wrote in, `release.lock.json` out. */
import { formatUtcSeconds } from '../../base/utc-time.ts';
import { EvidenceFinder } from '../../content/evidence-finder.ts';
import { mergeGraphs, type GraphPart } from '../../content/graph-walk.ts';
import { forEachConcurrently } from '../../base/limit.ts';
import type { Source } from '../../content/store.ts';
import { NotFoundError, TrustError, UsageError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import type { ImageRule } from '../../release/policy/spec-policy.ts';
import type { ImageSpec, ReleaseSpec } from '../../release/spec/spec.ts';
import type { GraphImage } from '../../content/content-graph.ts';
import type { LockComponent, ReleaseLock } from '../../release/lock/lock-schema.ts';
import { describeWarnings } from '../../release/lock/lock-warnings.ts';
import type { FileContent } from '../../stores/files.ts';
import { pinCheck } from '../check/locked-rules.ts';
import { collectComponent, type CollectedComponent } from './collect.ts';
import type { ReadAddress } from './charts/repository-chart.ts';
import type { ImageEvaluator } from '../../release/policy/image-evaluation.ts';
import { assertDeployable } from './deployable.ts';
import { discoverRelease } from './discovered.ts';
import { assertExpected } from './expected-digests.ts';
import { pinImage, recallPins } from './pin.ts';
import { openOnce, openOwnRenderer, type OpenRenderer } from './render-charts.ts';
import { collectRenderedManifests } from './rendered-manifests.ts';
import { checkNames, uniteFiles, uniteImages, type RequestedImage } from './requested.ts';

/** Images that are resolved at the same time; each host has its own limit besides. */
const CONCURRENCY = 8;

/** Characters of one doubt in the lock. */
const MAX_DOUBT_LENGTH = 1000;

/** Opens the place an image is fetched from. */
export type OpenImage = (reference: Reference, origin: ImageSpec['origin']) => Promise<Source> | Source;

/** What to resolve. */
export interface ResolveRequest {
  readonly spec: ReleaseSpec;
  /** Directory of the release.yaml. */
  readonly directory: string;
  /** Of the bytes of the release.yaml. */
  readonly specDigest: Digest;
  /** The lock of an earlier run: unchanged tags then cost one HEAD each. */
  readonly previous?: ReleaseLock | undefined;
  /** When signatures beside charts must be valid; takes the place of `created` where neither the spec nor the lock fixes it. */
  readonly now: Date;
  readonly openImage: OpenImage;
  /** Reads files of chart repositories. */
  readonly readAddress: ReadAddress;
  /** Asked where there are charts to render. @defaultValue Helm's engine that came with this program, or a helm on PATH */
  readonly openRenderer?: OpenRenderer | undefined;
}

/** Options of {@link resolveRelease}. */
export interface ResolveOptions {
  /** Refuse any difference to the previous lock. @defaultValue false */
  readonly locked?: boolean | undefined;
  /** Refuse what would only be warned of. @defaultValue false */
  readonly strict?: boolean | undefined;
  /** Leave out images that do not exist, unless none does. @defaultValue false */
  readonly keepGoing?: boolean | undefined;
  /** What becomes of images that may be pulled and that nothing decides about. @defaultValue 'refuse' */
  readonly suspects?: 'refuse' | 'warn' | undefined;
  /** Whether charts are rendered; without it, their annotations alone say what they pull. @defaultValue true */
  readonly render?: boolean | undefined;
  /** Images at the same time. @defaultValue 8 */
  readonly concurrency?: number | undefined;
  /** Look for evidence again where the image itself has not moved. @defaultValue false */
  readonly refreshEvidence?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onImage?: ((reference: string, done: number, total: number) => void) | undefined;
}

/** A tag that names something else than when the lock was written. */
export interface MovedTag {
  /** As the release names it. */
  readonly reference: string;
  /** In the lock before. */
  readonly was: Digest;
  /** In the registry. */
  readonly now: Digest;
}

/** An image that is not to be had. */
export interface MissingImage {
  readonly reference: string;
  /** Why. */
  readonly error: NotFoundError;
}

/** A pinned release, with everything that was read on the way. */
export interface ResolvedRelease {
  readonly lock: ReleaseLock;
  /** Verified bytes of manifests and configs, by digest. */
  readonly contents: ReadonlyMap<Digest, Buffer>;
  readonly files: ReadonlyMap<Digest, FileContent>;
  readonly moved: readonly MovedTag[];
  /** Images that do not exist, or not for a chosen platform; none but under `keepGoing`. */
  readonly missing: readonly MissingImage[];
  /** What may be missing or wrong behind the gap, a sentence each. */
  readonly warnings: readonly string[];
  /** Patterns of the image policy that decided about no image. */
  readonly unusedRules: readonly string[];
}

/**
 * Resolves a release.
 * @throws UsageError `INVALID_SPEC` under `locked` when anything differs from the lock, naming each moved tag; under
 *   `strict` when there are warnings, naming each; `SUSPECT` for images that may be pulled and that nothing decides about.
 * @throws TrustError `UNSIGNED` where the release requires signatures, naming each image without one; `UNSIGNED` or
 *   `UNTRUSTED_SIGNER` where its policy demands those of somebody, naming each image that has none that counts.
 * @throws NotFoundError when images or platforms of them do not exist, naming each, and where nothing renders charts. @throws whatever a source throws.
 */
export async function resolveRelease(request: ResolveRequest, options: ResolveOptions = {}): Promise<ResolvedRelease> {
  const { spec, directory, previous } = request;
  if (options.locked === true && previous === undefined) throw missingLock();
  const created = spec.created ?? timeOf(spec, previous) ?? formatUtcSeconds(request.now);
  const { signal, locked } = options;
  const named: CollectedComponent[] = [];
  const context = {
    directory,
    now: request.now,
    sources: { open: request.openImage, read: request.readAddress },
    indexes: new Map(),
    signal,
  };
  for (const component of spec.components) {
    named.push(await collectComponent(component, context, spec.decisions.rules));
  }
  const openRenderer =
    options.render === false
      ? undefined
      : openOnce(request.openRenderer ?? openOwnRenderer(process.env['PATH'], signal));
  const discovered = await discoverRelease({
    parts: spec.components.map((component, index) => ({ component, collected: named[index] as CollectedComponent })),
    directory,
    decisions: spec.decisions,
    openRenderer,
    held: locked === true ? previous : undefined,
    suspects: options.suspects ?? 'refuse',
    signal,
  });
  const charts = named.map((component) => component.charts);
  const isUnrendered = locked === true && previous?.unrendered !== undefined;
  const manifests = await collectRenderedManifests({
    ...{ charts, directory, signal },
    openRenderer: isUnrendered ? undefined : openRenderer,
  });
  const unrenderedManifests = [...manifests.missing];
  const collected = named.map((component, index) => ({
    ...component,
    files: [...component.files, ...(manifests.files[index] ?? [])],
    images: [...component.images, ...(discovered.images[index] ?? [])],
  }));
  const files = uniteFiles(collected);
  assertDeployable(spec.deploy, files, unrenderedManifests.length === 0);
  const platforms = spec.platforms === 'all' ? 'all' : spec.platforms.map(formatPlatform);
  const evaluator = spec.imagePolicy && (await openEvaluator(spec.imagePolicy, directory));
  const requested = uniteImages(collected, platforms);
  const earlier = recallPins(previous, platforms);

  const contents = new Map<Digest, Buffer>();
  // A policy is about evidence: what is not established cannot be evaluated.
  const isStrict = spec.evidence === 'require' || spec.imagePolicy !== undefined;
  const evidence =
    spec.evidence === 'ignore'
      ? undefined
      : new EvidenceFinder(contents, { signal: options.signal, isLenient: !isStrict });
  const moved: MovedTag[] = [];
  const notEstablished: NotEstablished[] = [];
  const otherPlatforms: OtherPlatforms = [];
  const missing: MissingImage[] = [];
  const images: GraphImage[] = [];
  const parts: GraphPart[] = [];
  let done = 0;
  await forEachConcurrently(
    [...requested.values()],
    options.concurrency ?? CONCURRENCY,
    async (image, signal) => {
      const source = await request.openImage(image.reference, image.origin);
      const tools = { contents, evidence, isStrict, refreshEvidence: options.refreshEvidence === true, signal };
      const found = await orMissing(() => pinImage(source, image, earlier?.(image.lock), tools));
      options.onImage?.(image.lock.reference, ++done, requested.size);
      if (found instanceof NotFoundError) {
        missing.push({ reference: image.lock.reference, error: found });
        return;
      }
      assertExpected(image, found);
      const { part, doubts, otherPlatforms: others = [], ...pinned } = found;
      images.push({ reference: image.lock.reference, ...pinned });
      if (doubts !== undefined) notEstablished.push({ reference: image.lock.reference, doubts: toDoubts(doubts) });
      const { reference } = image.lock;
      otherPlatforms.push(...others.map(({ digest, index, config }) => ({ reference, digest, index, config })));
      parts.push(part);
      await evaluator?.evaluate({ ...pinned, reference: image.lock.reference, part }, source, contents, signal);
      const was = previous?.images.find((entry) => entry.reference === image.lock.reference)?.digest;
      if (was !== undefined && was !== pinned.digest)
        moved.push({ reference: image.lock.reference, was, now: pinned.digest });
    },
    options.signal,
  );
  missing.sort(byReference);
  if (missing.length > 0 && (options.keepGoing !== true || images.length === 0))
    throw missingImages(missing, options.keepGoing !== undefined);
  if (options.locked === true && moved.length > 0) throw movedTags(moved);
  if (spec.evidence === 'require') checkSigned(images);
  const evaluated = evaluator?.finish();
  checkNames(images);
  notEstablished.sort(byReference);
  otherPlatforms.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const graph = mergeGraphs(images, parts);
  const warnings = [
    ...discovered.warnings,
    ...collected.flatMap((component) => component.warnings),
    ...describeWarnings({
      unrenderedManifests,
      notEstablished,
      otherPlatforms,
      suspects: discovered.lock.suspects,
      ...graph,
    }),
    ...(evaluated?.unusedRules ?? []).map((pattern) => `imagePolicy entry ${pattern} applies to no image`),
  ];
  if (options.strict === true && warnings.length > 0) throw strictWarnings(warnings);
  const present = new Map(requested);
  for (const { reference } of missing) present.delete(reference);
  const lock: ReleaseLock = {
    lockVersion: 1,
    name: spec.name,
    version: spec.version,
    channel: spec.channel,
    ...(spec.sequence === undefined ? {} : { sequence: spec.sequence }),
    created,
    ...(spec.expires === undefined ? {} : { expires: spec.expires }),
    ...(spec.checksums === undefined ? {} : { checksums: spec.checksums }),
    platforms,
    specDigest: request.specDigest,
    components: spec.components.map((component, index) =>
      toLockComponent(component, collected[index] as CollectedComponent, present),
    ),
    files,
    ...discovered.lock,
    ...(unrenderedManifests.length === 0 ? {} : { unrenderedManifests }),
    ...(spec.check === undefined ? {} : { check: await pinCheck(spec.check, directory) }),
    ...(spec.deploy === undefined ? {} : { deploy: spec.deploy }),
    ...(evaluated === undefined ? {} : { imagePolicy: evaluated.imagePolicy, signedImages: evaluated.signedImages }),
    ...(notEstablished.length === 0 ? {} : { notEstablished }),
    ...(otherPlatforms.length === 0 ? {} : { otherPlatforms }),
    ...graph,
  };
  if (options.locked === true && JSON.stringify(lock) !== JSON.stringify(previous)) throw outdatedLock();
  return {
    lock,
    contents,
    files: new Map(collected.flatMap((component) => component.files.map((file) => [file.digest, file.content]))),
    moved: moved.sort(byReference),
    missing,
    warnings,
    unusedRules: evaluated?.unusedRules ?? [],
  };
}

type OtherPlatforms = NonNullable<ReleaseLock['otherPlatforms']>;
type NotEstablished = NonNullable<ReleaseLock['notEstablished']>[number];

/** What is written down has bounds; what a registry says need not have any. */
function toDoubts(doubts: readonly string[]): string[] {
  return [...new Set(doubts.map((doubt) => doubt.slice(0, MAX_DOUBT_LENGTH)))].sort();
}

function byReference(a: { readonly reference: string }, b: { readonly reference: string }): number {
  return a.reference < b.reference ? -1 : 1;
}

/** What verifies signatures is large, and needed under a policy only. */
async function openEvaluator(rules: readonly ImageRule[], directory: string): Promise<ImageEvaluator> {
  const { openImageEvaluator } = await import('../../release/policy/image-evaluation.ts');
  return openImageEvaluator(rules, directory);
}

/** The lock's time is that of its version: resolving it again keeps it, another release gets another. */
function timeOf({ name, version, channel }: ReleaseSpec, previous: ReleaseLock | undefined): string | undefined {
  const isSame = previous?.name === name && previous.version === version && previous.channel === channel;
  return isSame ? previous.created : undefined;
}

function toLockComponent(
  { name, description }: { readonly name: string; readonly description?: string | undefined },
  collected: CollectedComponent,
  present: ReadonlyMap<string, RequestedImage>,
): LockComponent {
  const references = [...new Set(collected.images.map((image) => formatReference(image.reference)))]
    .filter((reference) => present.has(reference))
    .sort();
  return {
    name,
    ...(description === undefined ? {} : { description }),
    images: references.map((reference) => {
      const image = (present.get(reference) as RequestedImage).lock;
      const own = collected.images.filter((entry) => formatReference(entry.reference) === reference);
      return { ...image, foundIn: own.map((entry) => entry.foundIn).sort() };
    }),
    files: [...new Set(collected.files.map((file) => file.path))].sort(),
  };
}

function checkSigned(images: readonly GraphImage[]): void {
  const isSigned = ({ digest, evidence = [] }: GraphImage): boolean =>
    evidence.some(({ subject, kind }) => subject === digest && kind === 'signature');
  const unsigned = images.filter((image) => !isSigned(image)).map(({ reference }) => reference);
  if (unsigned.length === 0) return;
  throw new TrustError('UNSIGNED', `${unsigned.length} image(s) have no signature:`, {
    items: unsigned.sort(),
    hint: 'sign them, or set `evidence: carry` in release.yaml; `airgap resolve --refresh-evidence` looks again',
  });
}

/** The refusal to hold a release to a lock that is not there. */
export function missingLock(path = 'release.lock.json'): UsageError {
  return new UsageError('INVALID_SPEC', `there is no ${path} to hold to`, {
    hint: 'run `airgap resolve` first and commit the lock',
  });
}

async function orMissing<T>(pin: () => Promise<T>): Promise<T | NotFoundError> {
  try {
    return await pin();
  } catch (error) {
    if (error instanceof NotFoundError) return error;
    throw error;
  }
}

/** A person who has to correct names wants to hear of all at once. */
function missingImages(missing: readonly MissingImage[], mayGoOn: boolean): NotFoundError {
  const [first] = missing;
  if (missing.length === 1 && first !== undefined) return first.error;
  return new NotFoundError('NOT_FOUND', `${missing.length} images are not to be had:`, {
    items: missing.map(({ error }) => error.message),
    hint: `check the names and tags, and where --mirror leads${mayGoOn ? '; --keep-going goes on with the rest' : ''}`,
  });
}

function movedTags(moved: readonly MovedTag[]): UsageError {
  const lines = moved.map(({ reference, was, now }) => `\n  ${reference}: ${was} → ${now}`);
  return new UsageError('INVALID_SPEC', `${moved.length} tag(s) moved since the lock was written:${lines.join('')}`, {
    hint: 'run `airgap resolve` to accept them, or build from the lock file itself to ship what it pins',
  });
}

function strictWarnings(warnings: readonly string[]): UsageError {
  return new UsageError('INVALID_SPEC', `${warnings.length} warning(s), and --strict takes none:`, {
    items: warnings,
    hint: 'resolve each, or run without --strict',
  });
}

function outdatedLock(): UsageError {
  return new UsageError('INVALID_SPEC', 'the lock does not match the release.yaml and its files', {
    hint: 'run `airgap resolve` and commit the new lock',
  });
}
