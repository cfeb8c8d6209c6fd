/** A load that would bring nothing is no success: it says what was asked for and what the archive offers. */
import type { Inventory } from '../../archive/inventory/inventory-schema.ts';
import { UsageError } from '../../errors.ts';

/** @param asked What the target takes: `images or charts for linux/arm64`. */
export function nothingToLoad({ images, files, platforms }: Inventory, asked: string, target: string): UsageError {
  const offered =
    images.length === 0 ? 'no images' : `${images.length} images, for ${platforms.join(', ') || 'no platform'}`;
  return new UsageError('USAGE', `nothing to load into ${target}: ${asked} were asked for, and the archive has none`, {
    hint: `it has ${offered}, and ${files.length} files; \`inspect\` lists them, and \`extract\` writes files to a directory`,
  });
}

/** `images for linux/arm64`. */
export function imagesFor(platforms: readonly string[] | undefined): string {
  return platforms === undefined ? 'images' : `images for ${platforms.join(', ')}`;
}
