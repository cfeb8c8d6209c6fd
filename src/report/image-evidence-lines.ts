/** Why each image of an archive is there, and what was left out, as lines. */
import type { ImageEvidence } from '../archive/inventory/image-evidence.ts';
import { formatCount, shortDigest } from './format.ts';

/** A paragraph for each image; what is not carried comes last. */
export function describeImageEvidence(evidence: ImageEvidence | undefined): readonly string[] {
  if (evidence === undefined) return ['this archive does not say why its images are there'];
  const { images, dismissed, suspects, unrendered, unrenderedManifests = [], renderer } = evidence;
  const places = (foundIn: readonly string[]): readonly string[] => foundIn.map((place) => `  in ${place}`);
  return [
    ...images.flatMap(({ reference, digest, foundIn, accepted, signedBy = [] }) => [
      `${reference} ${shortDigest(digest)}`,
      ...places(foundIn),
      ...(accepted === undefined ? [] : [`  accepted by ${accepted.by}${because(accepted.reason)}`]),
      ...signedBy.map((by) => `  signed by ${by}, as the release demands`),
    ]),
    ...dismissed.flatMap(({ reference, by, reason, foundIn }) => [
      `NOT CARRIED ${reference}: dismissed by ${by}${because(reason)}`,
      ...places(foundIn),
    ]),
    ...suspects.flatMap(({ reference, foundIn }) => [
      `NOT CARRIED ${reference}: may be pulled, and nothing was decided about it`,
      ...places(foundIn),
    ]),
    ...unrendered.map((chart) => `${chart} was not rendered: what its templates name is not known`),
    ...describeMissingManifests(unrenderedManifests),
    `${formatCount(images.length, 'image')}, ${dismissed.length} dismissed, ${suspects.length} not decided` +
      (renderer === undefined ? '' : `; charts rendered by ${renderer.name} ${renderer.version}`),
  ];
}

/** A line for each directory of rendered manifests that the release asks for and that is not there. */
export function describeMissingManifests(directories: readonly string[]): readonly string[] {
  return directories.map(
    (directory) => `NOT CARRIED ${directory}: the release asks for it (renderManifests), and charts were not rendered`,
  );
}

function because(reason: string | undefined): string {
  return reason === undefined || reason === '' ? '' : `: ${reason}`;
}
