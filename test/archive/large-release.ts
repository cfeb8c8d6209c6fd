/** A release with one layer that takes more than a checkpoint, in the tarballs of two platforms. */
import { CHECKPOINT_BYTES } from '../../src/archive/writer/journal.ts';
import type { SampleLayer } from '../helpers/sample-layer.ts';
import { makeMultiPlatformImage } from '../helpers/sample-image.ts';
import { makeLargeLayer, makeRelease, type SampleRelease } from './sample-release.ts';

/** Makes a release whose {@link LargeRelease.layer} takes one checkpoint and 3 MB more. */
export async function makeLargeRelease(checkpointBytes: number = CHECKPOINT_BYTES): Promise<LargeRelease> {
  const layer = makeLargeLayer(checkpointBytes + 3_000_000, 'large');
  const image = makeMultiPlatformImage({ name: 'large', base: layer });
  return { layer, ...(await makeRelease({ images: { 'registry.example/large:1': image } })) };
}

/** A release and its large layer. */
export interface LargeRelease extends SampleRelease {
  readonly layer: SampleLayer;
}
