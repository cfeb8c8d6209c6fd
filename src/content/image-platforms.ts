/** What the manifests of an image are for: as its index says, as their configs say, and which of them are chosen. */
import { IntegrityError, NotFoundError, StoreError } from '../errors.ts';
import { Annotation, type Descriptor } from '../oci/descriptor.ts';
import type { Index, Manifest } from '../oci/manifest.ts';
import { isImageConfigType, isManifestType } from '../oci/media-types.ts';
import {
  findPlatforms,
  formatPlatform,
  isRealPlatform,
  parseConfigPlatform,
  toPlatformText,
  type Platform,
} from '../oci/platform.ts';

/** What is chosen of an image. */
export interface PlatformChoice {
  /** Platforms to carry in canonical form (`linux/amd64`), or all that the image has. */
  readonly platforms: readonly string[] | 'all';
  /** What messages call the image. */
  readonly reference: string;
}

/** The children of the chosen platforms, with the attestations about them. @throws NotFoundError when one is not offered. */
export function selectChildren(
  index: Index,
  platforms: readonly string[] | 'all',
  reference: string,
): readonly Descriptor[] {
  for (const child of index.manifests) {
    if (!isManifestType(child.mediaType)) {
      throw new StoreError('UNSUPPORTED', `${reference}: its index names a child of type ${child.mediaType}`);
    }
  }
  if (platforms === 'all') return index.manifests;
  const offered = index.manifests.filter((child) => isRealPlatform(child.platform));
  const names = offered.map((child) => formatPlatform(child.platform as Platform));
  const taken = new Set<string>();
  for (const requested of platforms) {
    const found = findPlatforms(names, requested);
    if (found.length === 0) throw missingPlatform(reference, requested, offered);
    for (const name of found) taken.add(name);
  }
  const chosen = new Set<string>(
    offered.filter((_, index) => taken.has(names[index] ?? '')).map(({ digest }) => digest),
  );
  const carried = (child: Descriptor): boolean => {
    const describes = child.annotations?.[Annotation.dockerReferenceDigest];
    if (describes !== undefined) return chosen.has(describes);
    return isRealPlatform(child.platform) ? taken.has(formatPlatform(child.platform)) : true;
  };
  return index.manifests.filter(carried);
}

/** Whether an index marks a child as a statement about another. */
export function isAttestation({ annotations = {} }: Descriptor): boolean {
  return Object.hasOwn(annotations, Annotation.dockerReferenceType);
}

/**
 * A manifest's platform stands in its index or, for a single manifest, only in its config. Undefined for what runs
 * nowhere, and for names that no tool would understand: such a manifest is carried without a platform.
 */
export async function platformOf(
  node: Descriptor,
  manifest: Manifest | undefined,
  read: (blob: Descriptor) => Promise<Buffer>,
  options: PlatformChoice,
): Promise<string | undefined> {
  if (manifest === undefined) return undefined;
  if (!isImageConfigType(manifest.config.mediaType)) return undefined;
  if (node.platform !== undefined) return toPlatformText(node.platform);
  const bytes = await read(manifest.config);
  try {
    return parseConfigPlatform(bytes);
  } catch {
    throw new IntegrityError('MALFORMED', `${options.reference}: image config ${manifest.config.digest} is not JSON`);
  }
}

/** @throws NotFoundError when a single image is not for all chosen platforms. */
export function requirePlatform(platform: string | undefined, { platforms, reference }: PlatformChoice): void {
  if (platform === undefined || platforms === 'all') return;
  const missing = platforms.find((requested) => findPlatforms([platform], requested).length === 0);
  if (missing === undefined) return;
  throw new NotFoundError('NOT_FOUND', `${reference} has no ${missing}: it is a single image for ${platform}`, {
    hint: `give this image \`platforms: [${platform}]\` in release.yaml`,
  });
}

function missingPlatform(reference: string, requested: string, offered: readonly Descriptor[]): NotFoundError {
  const names = [...new Set(offered.map((child) => formatPlatform(child.platform as Platform)))].sort();
  return new NotFoundError('NOT_FOUND', `${reference} has no ${requested}; it offers ${names.join(', ') || 'none'}`, {
    hint: 'give this image its own `platforms` in release.yaml, or drop the platform from the release',
  });
}
