/** Loads whole image tarballs of an archive: into a k3s or RKE2 image directory, or into a Docker Engine. */
import { constants } from 'node:fs';
import { lstat, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseChecksums } from '../../archive/layout/checksums.ts';
import type { ArchiveReader } from '../../archive/reader/reader.ts';
import type { Bytes } from '../../base/bytes.ts';
import { verified } from '../../content/verified.ts';
import { StoreError, UsageError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { findPlatforms, formatPlatform } from '../../oci/platform.ts';
import { parseReference } from '../../oci/reference.ts';
import { dockerPlatform, inspectDockerImages, type DockerOptions } from '../../stores/docker/engine.ts';
import { loadIntoDocker } from '../../stores/docker/load.ts';
import { placeFile } from '../../base/files/place-file.ts';
import type { TrustedRelease } from '../../archive/verification/trusted-archive.ts';
import { proveRelease } from '../../archive/verification/verified-archive.ts';

const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW;
const TAR = 'application/x-tar';

/** One image tarball and whether its target has it. */
export interface PlannedTar {
  /** `images/linux-amd64.tar` */
  readonly member: string;
  readonly platform: string;
  /** Where it goes: a path, or the Engine. */
  readonly destination: string;
  readonly descriptor: Descriptor;
  /** In the archive. */
  readonly offset: number;
  readonly references: readonly string[];
  /** The images of it, with what their references are at the source. */
  readonly images: readonly { readonly reference: string; readonly digest: Digest }[];
  readonly present: boolean;
}

/** Options of the functions here. */
export interface LoadTarsOptions {
  /** Only these of the archive's platforms. */
  readonly platforms?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** bytes of payload proved so far, and in all */
  readonly onProof?: ((done: number, total: number) => void) | undefined;
  /** bytes of a tarball that have moved */
  readonly onBytes?: ((tar: PlannedTar, bytes: number) => void) | undefined;
}

/** What {@link loadTars} did. */
export interface LoadTarsOutcome {
  readonly copiedBytes: number;
  readonly payload: 'proved' | 'not read';
}

/**
 * Plans one file per platform, `<name>-<version>-<platform>.tar`, in a directory that containerd-based distributions
 * import images from. A file that is there is hashed before it counts.
 * @see https://docs.k3s.io/installation/airgap
 */
export async function planDirectory(
  archive: ArchiveReader,
  release: TrustedRelease,
  directory: string,
  options: LoadTarsOptions = {},
): Promise<readonly PlannedTar[]> {
  const { name, version } = release.inventory;
  const tars = listTars(archive, release, options.platforms);
  return Promise.all(
    tars.map(async (tar) => {
      const destination = join(directory, `${name}-${version}-${tar.platform.replaceAll('/', '-')}.tar`);
      return { ...tar, destination, present: await holds(destination, tar.descriptor) };
    }),
  );
}

/** Plans loading the tarball of the Engine's own platform. It counts as present when the Engine has every image of it. */
export async function planDocker(
  archive: ArchiveReader,
  release: TrustedRelease,
  options: LoadTarsOptions & DockerOptions = {},
): Promise<readonly PlannedTar[]> {
  const platform = formatPlatform(await dockerPlatform(options));
  const tars = listTars(archive, release, options.platforms).filter((tar) => isFor(tar.platform, [platform]));
  if (tars.length === 0) {
    throw new UsageError('USAGE', `the archive has no images for this Docker Engine's platform, ${platform}`, {
      hint: `it carries ${release.inventory.platforms.join(', ')}`,
    });
  }
  return Promise.all(tars.map((tar) => toPlannedImport(tar, release, options)));
}

async function toPlannedImport(
  tar: Omit<PlannedTar, 'destination' | 'present'>,
  release: TrustedRelease,
  options: DockerOptions,
): Promise<PlannedTar> {
  const wanted = tar.references.map((reference) => ({
    reference,
    ids: idsOf(release, reference, tar.platform),
  }));
  // An image without a tag has no name in an Engine; it is found by what it is.
  const names = wanted.flatMap(({ reference, ids }): readonly string[] =>
    reference.includes('@') ? ids : [reference],
  );
  const images = await inspectDockerImages(names, options);
  const present = wanted.every(({ reference, ids }) =>
    reference.includes('@') ? ids.some((id) => images.has(id)) : ids.some((id) => id === images.get(reference)?.id),
  );
  return { ...tar, destination: 'the Docker Engine', present };
}

/** Images may name one platform in two ways; what either names is wanted. */
function isFor(platform: string, wanted: readonly string[]): boolean {
  return wanted.some((each) => findPlatforms([platform], each).length > 0);
}

/**
 * Proves the whole archive and then hands over the tarballs that are missing. A file gets its final name only when it
 * is complete, proved once more, and on disk.
 */
export async function loadTars(
  archive: ArchiveReader,
  release: TrustedRelease,
  plan: readonly PlannedTar[],
  kind: 'directory' | 'docker',
  options: LoadTarsOptions & DockerOptions = {},
): Promise<LoadTarsOutcome> {
  const missing = plan.filter((tar) => !tar.present);
  if (missing.length === 0) return { copiedBytes: 0, payload: 'not read' };
  await proveRelease(archive, release, { signal: options.signal, onProgress: options.onProof });
  let copiedBytes = 0;
  for (const tar of missing) {
    const content = verified(
      archive.stream(tar.offset, tar.descriptor.size, options.signal),
      tar.descriptor,
      tar.member,
    );
    const counted = counting(content, (bytes) => {
      copiedBytes += bytes;
      options.onBytes?.(tar, bytes);
    });
    if (kind === 'docker') await loadIntoDocker(counted, options);
    else await placeTar(tar.destination, counted);
  }
  return { copiedBytes, payload: 'proved' };
}

function listTars(
  archive: ArchiveReader,
  release: TrustedRelease,
  platforms: readonly string[] = release.inventory.platforms,
): Omit<PlannedTar, 'destination' | 'present'>[] {
  const unknown = platforms.find((platform) => !isFor(platform, release.inventory.platforms));
  if (unknown !== undefined) {
    throw new UsageError('USAGE', `nothing for ${unknown} is carried`, {
      hint: `choose from ${release.inventory.platforms.join(', ')}`,
    });
  }
  const digests = parseChecksums(archive.head.checksums);
  return archive.head.layout.members.flatMap(({ path, platform, offset, size }) => {
    const digest = digests.get(path);
    if (platform === undefined || digest === undefined || !isFor(platform, platforms)) return [];
    const descriptor = { mediaType: TAR, digest, size };
    const images = imagesOf(release, platform);
    const references = images.map(({ reference }) => nameOf(reference));
    return [{ member: path, platform, offset, descriptor, references, images }];
  });
}

/** The images that exist for a platform. */
function imagesOf({ inventory }: TrustedRelease, platform: string): PlannedTar['images'] {
  const here = new Set(
    inventory.manifests.filter((manifest) => manifest.platform === platform).map(({ digest }) => digest),
  );
  const children = new Map(inventory.manifests.map(({ digest, manifests }) => [digest, manifests ?? []]));
  return inventory.images
    .filter(({ digest }) => here.has(digest) || children.get(digest)?.some((child) => here.has(child)) === true)
    .map(({ reference, digest }) => ({ reference, digest }));
}

/** Importers know an image by its tag, where it has one. */
function nameOf(reference: string): string {
  const tagged = reference.replace(/@.*$/, '');
  return parseReference(tagged).tag === undefined ? reference : tagged;
}

/** Engines know images by config digest or by manifest digest, depending on their image store. */
function idsOf({ inventory }: TrustedRelease, name: string, platform: string): readonly Digest[] {
  const root = inventory.images.find(({ reference }) => nameOf(reference) === name)?.digest;
  const index = inventory.manifests.find(({ digest }) => digest === root);
  return inventory.manifests
    .filter(
      (manifest) =>
        manifest.platform === platform &&
        (manifest.digest === root || index?.manifests?.includes(manifest.digest) === true),
    )
    .flatMap(({ digest, config }) => (config === undefined ? [digest] : [digest, config]));
}

/** Hidden names are not imported, so nobody sees a half-written file. */
async function placeTar(path: string, content: Bytes): Promise<void> {
  await mkdir(dirname(path), { recursive: true }).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError('STORE_IO', `cannot write ${path}: ${why}`, { cause });
  });
  await placeFile(path, content);
}

/** A link is not the file: what it leads to could change once it was proved. */
async function holds(path: string, expected: Descriptor): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isFile() !== true || found.size !== expected.size) return false;
  try {
    await using file = await open(path, READ_FLAGS);
    const content = file.createReadStream({ highWaterMark: 256 * 1024, autoClose: false });
    for await (const _ of verified(content, expected, path));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'DIGEST_MISMATCH') return false;
    throw error;
  }
}

async function* counting(content: Bytes, onBytes: (bytes: number) => void): Bytes {
  for await (const chunk of content) {
    yield chunk;
    onBytes(chunk.length);
  }
}
