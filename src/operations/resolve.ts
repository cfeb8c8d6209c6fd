/** Pins a release: every reference to digests, every file to content. What a person wrote in, `release.lock.json` out. */
import { discoverImage, mergeGraphs, reachableFrom, type GraphPart } from '../content/graph.ts';
import { KnownSource } from '../content/known-source.ts';
import { forEachConcurrently } from '../content/limit.ts';
import { canFetchManifest, type Source } from '../content/store.ts';
import { readVerified } from '../content/verified.ts';
import { UsageError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { formatPlatform } from '../oci/platform.ts';
import { formatReference, type Reference } from '../oci/reference.ts';
import type { ImageSpec, ReleaseSpec } from '../release/spec.ts';
import type { GraphImage, IndexMode } from '../schema/graph.ts';
import type { LockComponent, LockImage, ReleaseLock } from '../schema/lock.ts';
import type { FileContent } from '../stores/files.ts';
import { collectComponent, type CollectedComponent } from './collect.ts';

/** Images that are resolved at the same time; each host has its own limit besides. */
const CONCURRENCY = 8;

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
  /** Takes the place of `created` where neither the spec nor the lock fixes it. */
  readonly now: Date;
  readonly openImage: OpenImage;
}

/** Options of {@link resolveRelease}. */
export interface ResolveOptions {
  /** Refuse any difference to the previous lock. @defaultValue false */
  readonly locked?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onImage?: ((reference: string, done: number, total: number) => void) | undefined;
}

/** A tag that names something else than when the lock was written. */
export interface MovedTag {
  readonly reference: string;
  readonly was: Digest;
  readonly now: Digest;
}

/** A pinned release, with everything that was read on the way. */
export interface ResolvedRelease {
  readonly lock: ReleaseLock;
  /** Verified bytes of manifests and configs, by digest. */
  readonly contents: ReadonlyMap<Digest, Buffer>;
  readonly files: ReadonlyMap<Digest, FileContent>;
  readonly moved: readonly MovedTag[];
}

/**
 * Resolves a release.
 * @throws UsageError `INVALID_SPEC` under `locked` when anything differs from the lock, naming each moved tag.
 * @throws NotFoundError when an image or a platform of it does not exist. @throws whatever a source throws.
 */
export async function resolveRelease(request: ResolveRequest, options: ResolveOptions = {}): Promise<ResolvedRelease> {
  const { spec, directory, previous } = request;
  if (options.locked === true && previous === undefined) throw missingLock();
  const created = spec.created ?? previous?.created ?? toSeconds(request.now);
  const collected: CollectedComponent[] = [];
  for (const component of spec.components)
    collected.push(await collectComponent(component, directory, new Date(created)));
  const platforms = spec.platforms === 'all' ? 'all' : spec.platforms.map(formatPlatform);
  const wanted = uniteImages(collected, platforms);
  const earlier = sameChoice(previous, platforms);

  const contents = new Map<Digest, Buffer>();
  const moved: MovedTag[] = [];
  const images: GraphImage[] = [];
  const parts: GraphPart[] = [];
  let done = 0;
  await forEachConcurrently(
    [...wanted.values()],
    CONCURRENCY,
    async (image, signal) => {
      const source = await request.openImage(image.reference, image.origin);
      const pinned = await pinImage(source, image, earlier?.(image.lock), contents, signal);
      images.push({
        reference: image.lock.reference,
        digest: pinned.digest,
        ...(pinned.indexMode === undefined ? {} : { indexMode: pinned.indexMode }),
      });
      parts.push(pinned.part);
      const was = previous?.images.find((entry) => entry.reference === image.lock.reference)?.digest;
      if (was !== undefined && was !== pinned.digest)
        moved.push({ reference: image.lock.reference, was, now: pinned.digest });
      options.onImage?.(image.lock.reference, ++done, wanted.size);
    },
    options.signal,
  );
  if (options.locked === true && moved.length > 0) throw movedTags(moved);
  const lock: ReleaseLock = {
    lockVersion: 1,
    name: spec.name,
    version: spec.version,
    channel: spec.channel,
    created,
    platforms,
    specDigest: request.specDigest,
    components: spec.components.map((component, index) =>
      toLockComponent(component, collected[index] as CollectedComponent, wanted),
    ),
    files: uniteFiles(collected),
    ...mergeGraphs(images, parts),
  };
  if (options.locked === true && JSON.stringify(lock) !== JSON.stringify(previous)) throw outdatedLock();
  const files = new Map(collected.flatMap((component) => component.files.map((file) => [file.digest, file.content])));
  return { lock, contents, files, moved: moved.sort((a, b) => (a.reference < b.reference ? -1 : 1)) };
}

interface WantedImage {
  readonly reference: Reference;
  readonly origin: ImageSpec['origin'];
  readonly platforms: readonly string[] | 'all';
  readonly lock: LockImage;
}

interface PinnedImage {
  readonly digest: Digest;
  readonly indexMode: IndexMode | undefined;
  readonly part: GraphPart;
}

/** One HEAD when the lock still holds; otherwise the manifest itself in one GET, and what it reaches. */
async function pinImage(
  source: Source,
  image: WantedImage,
  earlier: PinnedImage | undefined,
  contents: Map<Digest, Buffer>,
  signal: AbortSignal,
): Promise<PinnedImage> {
  const { digest, tag = 'latest' } = image.reference;
  if (earlier !== undefined) {
    const current = digest ?? (await source.resolve(tag, { signal })).digest;
    if (current === earlier.digest) return earlier;
  }
  const root = await fetchRoot(source, digest ?? tag, contents, signal);
  const found = await discoverImage(new KnownSource(source, contents), root, {
    platforms: image.platforms,
    reference: image.lock.reference,
    signal,
  });
  for (const [known, bytes] of found.contents) contents.set(known, bytes);
  return { digest: root.digest, indexMode: found.indexMode, part: found };
}

async function fetchRoot(
  source: Source,
  tagOrDigest: string,
  contents: Map<Digest, Buffer>,
  signal: AbortSignal,
): Promise<Descriptor> {
  if (canFetchManifest(source)) {
    const { descriptor, bytes } = await source.fetchManifest(tagOrDigest, { signal });
    contents.set(descriptor.digest, bytes);
    return descriptor;
  }
  const descriptor = await source.resolve(tagOrDigest, { signal });
  contents.set(descriptor.digest, await readVerified(source, descriptor, { signal }));
  return descriptor;
}

/** An image that several components name is one image, wherever it was found. */
function uniteImages(
  components: readonly CollectedComponent[],
  platforms: readonly string[] | 'all',
): Map<string, WantedImage> {
  const wanted = new Map<string, WantedImage>();
  for (const { reference, origin, platforms: own, foundIn } of components.flatMap((component) => component.images)) {
    const text = formatReference(reference);
    const known = wanted.get(text);
    if (known !== undefined && known.origin !== origin) throw twoOrigins(text, [...known.lock.foundIn, foundIn]);
    const chosen = own?.map(formatPlatform);
    const union =
      known === undefined
        ? chosen
        : chosen && known.lock.platforms && [...new Set([...known.lock.platforms, ...chosen])].sort();
    wanted.set(text, {
      reference,
      origin,
      platforms: union ?? platforms,
      lock: {
        reference: text,
        ...(origin === 'docker-daemon' ? { from: origin } : {}),
        ...(union === undefined ? {} : { platforms: union }),
        foundIn: [...(known?.lock.foundIn ?? []), foundIn],
      },
    });
  }
  return wanted;
}

/** Looks images up in an earlier lock that was made for the same platforms. */
function sameChoice(
  previous: ReleaseLock | undefined,
  platforms: readonly string[] | 'all',
): ((image: LockImage) => PinnedImage | undefined) | undefined {
  if (previous === undefined || JSON.stringify(previous.platforms) !== JSON.stringify(platforms)) return undefined;
  const entries = new Map(
    previous.components.flatMap((component) => component.images.map((image) => [image.reference, image])),
  );
  return (image) => {
    const entry = entries.get(image.reference);
    const known = previous.images.find(({ reference }) => reference === image.reference);
    if (
      known === undefined ||
      entry?.from !== image.from ||
      JSON.stringify(entry?.platforms) !== JSON.stringify(image.platforms)
    )
      return undefined;
    const part = reachableFrom(previous, [known.digest]);
    return { digest: known.digest, indexMode: known.indexMode, part };
  };
}

function toLockComponent(
  { name, description }: { readonly name: string; readonly description?: string | undefined },
  collected: CollectedComponent,
  wanted: ReadonlyMap<string, WantedImage>,
): LockComponent {
  const references = [...new Set(collected.images.map((image) => formatReference(image.reference)))].sort();
  return {
    name,
    ...(description === undefined ? {} : { description }),
    images: references.map((reference) => {
      const image = wanted.get(reference)?.lock as LockImage;
      const own = collected.images.filter((entry) => formatReference(entry.reference) === reference);
      return { ...image, foundIn: own.map((entry) => entry.foundIn).sort() };
    }),
    files: [...new Set(collected.files.map((file) => file.path))].sort(),
  };
}

/** Files by path; the same path twice must be the same content. */
function uniteFiles(components: readonly CollectedComponent[]): ReleaseLock['files'] {
  const files = new Map<string, ReleaseLock['files'][number]>();
  const folded = new Map<string, string>();
  for (const { path, from, kind, size, digest } of components.flatMap((component) => component.files)) {
    const known = files.get(path);
    const other = folded.get(path.toLowerCase());
    if ((known !== undefined && known.digest !== digest) || (other !== undefined && other !== path)) {
      throw new UsageError(
        'INVALID_SPEC',
        `${from} and ${known?.from ?? other ?? path} would both become ${path} in the archive`,
        {
          hint: 'rename one of them; names must differ by more than the case of letters',
        },
      );
    }
    folded.set(path.toLowerCase(), path);
    files.set(path, { path, from, kind, size, digest });
  }
  return [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function toSeconds(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function missingLock(): UsageError {
  return new UsageError('INVALID_SPEC', 'there is no release.lock.json to hold to', {
    hint: 'run `airgap resolve` first and commit the lock',
  });
}

function movedTags(moved: readonly MovedTag[]): UsageError {
  const lines = moved.map(({ reference, was, now }) => `\n  ${reference}: ${was} → ${now}`);
  return new UsageError('INVALID_SPEC', `${moved.length} tag(s) moved since the lock was written:${lines.join('')}`, {
    hint: 'run `airgap resolve` to accept them, or build from the lock file itself to ship what it pins',
  });
}

function outdatedLock(): UsageError {
  return new UsageError('INVALID_SPEC', 'the lock does not match the release.yaml and its files', {
    hint: 'run `airgap resolve` and commit the new lock',
  });
}

function twoOrigins(reference: string, foundIn: readonly string[]): UsageError {
  return new UsageError(
    'INVALID_SPEC',
    `${reference} is taken once from its registry and once from the Docker Engine`,
    {
      hint: `decide for one: ${foundIn.join(', ')}`,
    },
  );
}
