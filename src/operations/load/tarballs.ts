/** Loads whole image tarballs of an archive: into a k3s or RKE2 image directory, or into a Docker Engine. */
import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Bytes } from '../../base/bytes.ts';
import { manifestFinder } from '../../content/graph-platforms.ts';
import { verified } from '../../content/verified.ts';
import { IntegrityError, UsageError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { findPlatforms, formatPlatform } from '../../oci/platform.ts';
import { parseReference } from '../../oci/reference.ts';
import { dockerPlatform, inspectDockerImages, type DockerOptions } from '../../stores/docker/engine.ts';
import { loadIntoDocker } from '../../stores/docker/docker-load.ts';
import { makeDirectory } from '../../base/files/make-directory.ts';
import { readChunks } from '../../base/files/open-file.ts';
import { assertRoom } from '../../base/files/disk.ts';
import { asideOf, placeFile } from '../../base/files/place-file.ts';
import { onDisk } from '../../base/files/system-errors.ts';
import type { TrustedRelease } from '../../archive/verification/acceptance.ts';
import type { ImageTarball, TrustedArchive } from '../../archive/verification/trusted-archive.ts';
import { verifyPayload } from '../../archive/verification/verified-archive.ts';
import { assertWhole } from './left-out.ts';
import { imagesFor, nothingToLoad } from './nothing-to-load.ts';

/** One image tarball and whether its target has it. */
export interface PlannedTar extends ImageTarball {
  /** Where it goes: a path, or the Engine. */
  readonly destination: string;
  /** The names that an importer gives its images. */
  readonly references: readonly string[];
  /** The images of it, with what their references are at the source. */
  readonly images: readonly { readonly reference: string; readonly digest: Digest }[];
  /** Whether the target holds it already. */
  readonly present: boolean;
  /** What the target has now under a name that the tarball brings: a file, or an image of an Engine. */
  readonly replaces: readonly Replaced[];
}

/** Something that another takes the name of. */
export interface Replaced {
  /** A path, or a reference. */
  readonly name: string;
  /** The id of the Engine's image; a file is not read to learn its digest. */
  readonly previous?: string | undefined;
}

/** A tarball of the archive before its target was asked. */
type ListedTar = Omit<PlannedTar, 'destination' | 'present' | 'replaces'>;

/** Where whole tarballs go. */
export type TarballTarget = 'directory' | 'docker';

let createPlan: (archive: TrustedArchive, kind: TarballTarget, tarballs: readonly PlannedTar[]) => TarballPlan;
let archiveOf: (plan: TarballPlan) => TrustedArchive;

/** What a load of tarballs would do with its archive. Only {@link planDirectory} and {@link planDocker} make one. */
export class TarballPlan {
  static {
    createPlan = (archive, kind, tarballs) => new TarballPlan(archive, kind, tarballs);
    archiveOf = (plan) => plan.#archive;
  }

  readonly #archive: TrustedArchive;
  readonly #kind: TarballTarget;
  readonly #tarballs: readonly PlannedTar[];

  private constructor(archive: TrustedArchive, kind: TarballTarget, tarballs: readonly PlannedTar[]) {
    this.#archive = archive;
    this.#kind = kind;
    this.#tarballs = tarballs;
  }

  /** Where the tarballs go. */
  get kind(): TarballTarget {
    return this.#kind;
  }

  /** Each tarball, and whether the target holds it. */
  get tarballs(): readonly PlannedTar[] {
    return this.#tarballs;
  }

  /** References of images that are in none of the tarballs: they exist for none of the platforms. */
  get skipped(): readonly string[] {
    const planned = new Set(this.#tarballs.flatMap(({ images }) => images.map(({ reference }) => reference)));
    return this.#archive.release.inventory.images.flatMap(({ reference }) => (planned.has(reference) ? [] : reference));
  }
}

/** Options of the functions here. */
export interface LoadTarsOptions {
  /** Only these of the archive's platforms. */
  readonly platforms?: readonly string[] | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Take a file that a directory holds under the right name and size for the tarball, without reading it. @defaultValue false */
  readonly trustTarget?: boolean | undefined;
  /** bytes of payload verified so far, and in all */
  readonly onVerified?: ((done: number, total: number) => void) | undefined;
  /** bytes of a tarball that have moved */
  readonly onBytes?: ((tar: PlannedTar, bytes: number) => void) | undefined;
}

/** What {@link loadTars} did. */
export interface LoadTarsOutcome {
  /** Bytes that were handed over. */
  readonly copiedBytes: number;
  /** `not read` where nothing had to move, so that no byte of the payload was used. */
  readonly payload: 'verified' | 'not read';
}

/**
 * Plans one file per platform, `<name>-<version>-<platform>.tar`, in a directory that containerd-based distributions
 * import images from. A file that is there is hashed before it counts.
 * @see https://docs.k3s.io/installation/airgap
 * @throws UsageError `USAGE` when there is nothing to load, or a platform is not carried.
 * @throws NotFoundError `MISSING_CONTENT` when a delta leaves layers out and no base at hand has them.
 * @throws StoreError `NO_SPACE` with the numbers, `STORE_IO` when the directory may not be written to
 */
export async function planDirectory(
  archive: TrustedArchive,
  directory: string,
  options: LoadTarsOptions = {},
): Promise<TarballPlan> {
  const { name, version } = archive.release.inventory;
  const tarballs = await Promise.all(
    (await listTars(archive, options)).map(async (tar) => {
      const destination = join(directory, `${name}-${version}-${tar.platform.replaceAll('/', '-')}.tar`);
      const state = await stateOf(destination, tar.descriptor, options.trustTarget === true);
      const replaces = state === 'other' ? [{ name: destination }] : [];
      return { ...tar, destination, present: state === 'held', replaces };
    }),
  );
  if (tarballs.length === 0) {
    throw nothingToLoad(archive.release.inventory, imagesFor(options.platforms), `dir:${directory}`);
  }
  const missing = tarballs.filter(({ present }) => !present);
  if (missing.length > 0) {
    assertWhole(archive, `dir:${directory}`);
    const size = missing.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    await assertRoom(directory, size, missing.map(({ destination }) => asideOf(destination))); // prettier-ignore
  }
  return createPlan(archive, 'directory', tarballs);
}

/** Plans loading the tarball of the Engine's own platform. It counts as present when the Engine has every image of it. */
export async function planDocker(
  archive: TrustedArchive,
  options: LoadTarsOptions & DockerOptions = {},
): Promise<TarballPlan> {
  const { release } = archive;
  const platform = formatPlatform(await dockerPlatform(options));
  const tars = await listTars(archive, options, (each) => isFor(each, [platform]));
  if (tars.length === 0) {
    const asked = options.platforms === undefined ? '' : ` among ${options.platforms.join(', ')}`;
    throw nothingToLoad(release.inventory, `images for ${platform}${asked}, the Engine's platform,`, 'docker-daemon:');
  }
  const tarballs = await Promise.all(tars.map((tar) => toPlannedImport(tar, release, options)));
  if (tarballs.some(({ present }) => !present)) assertWhole(archive, 'docker-daemon:');
  return createPlan(archive, 'docker', tarballs);
}

async function toPlannedImport(tar: ListedTar, release: TrustedRelease, options: DockerOptions): Promise<PlannedTar> {
  const requested = tar.references.map((reference) => ({
    reference,
    ids: idsOf(release, reference, tar.platform),
  }));
  // An image without a tag has no name in an Engine; it is found by what it is.
  const names = requested.flatMap(({ reference, ids }): readonly string[] =>
    reference.includes('@') ? ids : [reference],
  );
  const images = await inspectDockerImages(names, options);
  const present = requested.every(({ reference, ids }) =>
    reference.includes('@') ? ids.some((id) => images.has(id)) : ids.some((id) => id === images.get(reference)?.id),
  );
  const replaces = requested.flatMap(({ reference, ids }) => {
    const previous = images.get(reference)?.id;
    return previous === undefined || ids.some((id) => id === previous) ? [] : [{ name: reference, previous }];
  });
  return { ...tar, destination: 'the Docker Engine', present, replaces };
}

/** Images may name one platform in two ways; what either names is requested. */
function isFor(platform: string, requested: readonly string[]): boolean {
  return requested.some((each) => findPlatforms([platform], each).length > 0);
}

/**
 * Verifies the whole archive and then hands over the tarballs that are missing. A file gets its final name only when
 * it is complete, verified once more, and on disk.
 * @throws IntegrityError when a byte of the archive is wrong: nothing was handed over.
 */
export async function loadTars(
  plan: TarballPlan,
  options: LoadTarsOptions & DockerOptions = {},
): Promise<LoadTarsOutcome> {
  const missing = plan.tarballs.filter((tar) => !tar.present);
  if (missing.length === 0) return { copiedBytes: 0, payload: 'not read' };
  const archive = archiveOf(plan);
  await verifyPayload(archive, { signal: options.signal, onProgress: options.onVerified });
  let copiedBytes = 0;
  for (const tar of missing) {
    const content = verified(archive.fetchTarball(tar.member, options.signal), tar.descriptor, tar.member);
    const counted = counting(content, (bytes) => {
      copiedBytes += bytes;
      options.onBytes?.(tar, bytes);
    });
    if (plan.kind === 'docker') await loadIntoDocker(counted, options);
    else await placeTar(tar.destination, counted);
  }
  return { copiedBytes, payload: 'verified' };
}

async function listTars(
  archive: TrustedArchive,
  { platforms = archive.release.inventory.platforms, signal }: LoadTarsOptions,
  also: (platform: string) => boolean = () => true,
): Promise<readonly ListedTar[]> {
  const { release } = archive;
  const unknown = platforms.find((platform) => !isFor(platform, release.inventory.platforms));
  if (unknown !== undefined) {
    throw new UsageError('USAGE', `nothing for ${unknown} is carried`, {
      hint: `choose from ${release.inventory.platforms.join(', ')}`,
    });
  }
  const tarballs = await archive.listTarballs((platform) => isFor(platform, platforms) && also(platform), { signal });
  return tarballs.map((tar) => {
    const images = imagesOf(release, tar.platform);
    return { ...tar, references: images.map(({ reference }) => nameOf(reference)), images };
  });
}

/** The images that exist for a platform. */
function imagesOf({ inventory }: TrustedRelease, platform: string): PlannedTar['images'] {
  const find = manifestFinder(inventory.manifests, platform);
  return inventory.images
    .filter((image) => find(image) !== undefined)
    .map(({ reference, digest }) => ({ reference, digest }));
}

/** Importers know an image by its tag, where it has one. */
function nameOf(reference: string): string {
  const tagged = reference.replace(/@.*$/, '');
  return parseReference(tagged).tag === undefined ? reference : tagged;
}

/** Engines know images by config digest or by manifest digest, depending on their image store. */
function idsOf({ inventory }: TrustedRelease, name: string, platform: string): readonly Digest[] {
  const find = manifestFinder(inventory.manifests, platform);
  const image = inventory.images.find(({ reference }) => nameOf(reference) === name);
  const manifest = image && find(image);
  if (manifest === undefined) return [];
  return manifest.config === undefined ? [manifest.digest] : [manifest.digest, manifest.config];
}

/** Hidden names are not imported, so that no half-written file is seen. */
async function placeTar(path: string, content: Bytes): Promise<void> {
  await onDisk(`cannot write ${path}`, () => makeDirectory(dirname(path)));
  await placeFile(path, content);
}

/** A link is not the file: what it leads to could change once it was verified. */
async function stateOf(path: string, expected: Descriptor, trustsSize: boolean): Promise<'held' | 'other' | 'absent'> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return 'absent';
  if (!found.isFile() || found.size !== expected.size) return 'other';
  if (trustsSize) return 'held';
  try {
    const content = readChunks(path, { what: 'an image tarball', links: 'refuse' });
    for await (const _ of verified(content, expected, path));
    return 'held';
  } catch (error) {
    if (error instanceof IntegrityError && error.code === 'DIGEST_MISMATCH') return 'other';
    throw error;
  }
}

async function* counting(content: Bytes, onBytes: (bytes: number) => void): Bytes {
  for await (const chunk of content) {
    yield chunk;
    onBytes(chunk.length);
  }
}
