/** What a lock says of its images that a person should know before they travel. */
import { createReach, rootsOf } from '../../content/graph-walk.ts';
import type { ReleaseLock } from './lock-schema.ts';

/**
 * Bytes of a manifest that every registry takes; of more, many refuse any.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
 */
const COMMON_MANIFEST_BYTES = 4 * 1024 * 1024;

/**
 * A sentence for each image whose registry did not answer all questions about its evidence, for each manifest that is for
 * another platform than its index says, and for each that many targets refuse for its size; for each chart that was not
 * rendered, the manifests that are missing therefore, and each suspect that was left out without a decision.
 */
export function describeWarnings({
  notEstablished = [],
  otherPlatforms = [],
  unrendered = [],
  unrenderedManifests = [],
  suspects = [],
  images = [],
  manifests = [],
  blobs = [],
}: Partial<
  Pick<
    ReleaseLock,
    | 'notEstablished'
    | 'otherPlatforms'
    | 'unrendered'
    | 'unrenderedManifests'
    | 'suspects'
    | 'images'
    | 'manifests'
    | 'blobs'
  >
>): readonly string[] {
  return [
    ...unrendered.map(
      (chart) => `${chart} was not rendered: what its templates name is carried only where it is declared or listed`,
    ),
    ...describeMissingManifests(unrenderedManifests),
    ...suspects.map(
      ({ reference, foundIn }) => `${reference} may be pulled and is NOT carried: it stands in ${foundIn[0] ?? ''}`,
    ),
    ...notEstablished.map(({ reference, doubts }) => {
      const more = doubts.length === 1 ? '' : ` (and ${doubts.length - 1} more)`;
      return `not all evidence for ${reference} could be established: ${doubts[0] ?? ''}${more}`;
    }),
    ...otherPlatforms.map(
      ({ reference, digest, index, config }) =>
        `${reference}: its index says ${index}, but ${digest} is for ${config} and may not run there`,
    ),
    ...describeLarge({ images, manifests, blobs }),
  ];
}

/** A sentence for directories of rendered manifests that are not carried, where there are any. */
function describeMissingManifests(directories: readonly string[]): readonly string[] {
  if (directories.length === 0) return [];
  const are = directories.length === 1 ? 'is' : 'are';
  return [
    `${directories.join(', ')} ${are} NOT in the archive: the release asks for ${directories.length === 1 ? 'it' : 'them'} (renderManifests), and charts were not rendered`,
  ];
}

function describeLarge(graph: Pick<ReleaseLock, 'images' | 'manifests' | 'blobs'>): readonly string[] {
  if (graph.manifests.every(({ size }) => size <= COMMON_MANIFEST_BYTES)) return [];
  const reach = createReach(graph);
  return graph.images.flatMap((image) =>
    reach(rootsOf(image))
      .manifests.filter(({ size }) => size > COMMON_MANIFEST_BYTES)
      .map(
        ({ digest, size }) =>
          `${image.reference}: the manifest ${digest} has ${size} bytes; many registries take 4 MiB at most and refuse it with 413`,
      ),
  );
}
