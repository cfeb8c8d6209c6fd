/** A release with one layer that takes more than a checkpoint, in the tarballs of two platforms. */
import { CHECKPOINT_BYTES } from '../../src/archive/writer/journal.ts';
import type { SampleLayer } from '../helpers/sample-layer.ts';
import { makeMultiPlatformImage } from '../helpers/sample-image.ts';
import { makeLargeLayer, makeRelease, type SampleRelease } from './sample-release.ts';

export const largeLayer: SampleLayer = makeLargeLayer(CHECKPOINT_BYTES + 3_000_000, 'large');

export function makeLargeRelease(): Promise<SampleRelease> {
  return makeRelease({
    images: { 'registry.example/large:1': makeMultiPlatformImage({ name: 'large', base: largeLayer }) },
  });
}
