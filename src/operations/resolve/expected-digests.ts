/** Holds images to what the charts that declare them say they are. */
import { IntegrityError } from '../../errors.ts';
import type { PinnedImage } from './pin.ts';
import type { RequestedImage } from './requested.ts';

/**
 * Whether an image is what the chart that declares it says, platform by platform.
 * @throws IntegrityError `DIGEST_MISMATCH` naming the image, the platform, and the file that says otherwise.
 */
export function assertExpected({ lock, expected }: RequestedImage, { digest, part, platform }: PinnedImage): void {
  const children = part.manifests.find((manifest) => manifest.digest === digest)?.manifests ?? [];
  for (const { platform: wanted, digest: pinned, by } of expected) {
    const child = children.find((each) => each.platform === wanted)?.digest;
    const actual = child ?? (platform === wanted ? digest : undefined);
    if (actual === undefined || actual === pinned || digest === pinned) continue;
    throw new IntegrityError('DIGEST_MISMATCH', `${lock.reference}: ${wanted} is ${actual}, but ${by} says ${pinned}`, {
      hint: 'the tag was moved since the chart was made: pin the image in the chart’s values, or ask its maker for a new Images.lock',
      details: { reference: lock.reference, platform: wanted, expected: pinned, actual },
    });
  }
}
