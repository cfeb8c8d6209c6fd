/** Images: that what runs is what was released. */
import { AirgapError } from '../../errors.ts';
import { findImages, type ResourceImage } from '../../kubernetes/resources/images.ts';
import type { KubernetesResource } from '../../kubernetes/resources/yaml-documents.ts';
import { formatReference } from '../../oci/reference.ts';
import { violationAt, type Evaluation, type Rule } from '../rule.ts';
import type { Subject } from '../subject.ts';

export const IMAGE_RULES: readonly Rule[] = [
  {
    id: 'image-no-latest',
    title: 'No image is named by the tag latest',
    severity: 'high',
    serves: ['CIS Kubernetes Benchmark, image provenance'],
    shows: 'Each image that a manifest names has a tag other than latest, or a digest.',
    cannotShow: 'That another tag is not moved; only a digest, or an archive, holds it.',
    evaluate: (subject) =>
      evaluateImages(subject, ({ reference: { tag, digest } }) =>
        tag === 'latest' && digest === undefined ? 'is named by the tag latest, or by none' : undefined,
      ),
  },
  {
    id: 'image-pinned',
    title: 'Every image is named by digest, or travels with the release',
    severity: 'high',
    serves: ['CIS Kubernetes Benchmark, image provenance', 'SLSA, verification of artifacts'],
    shows: 'Each image that a manifest names has a digest, or is one of the images that the signed release pins.',
    cannotShow: 'That the registry of the site serves what was loaded into it.',
    evaluate: (subject) =>
      evaluateImages(subject, ({ reference }) =>
        reference.digest !== undefined || subject.isCarried(reference)
          ? undefined
          : `${formatReference(reference)} has no digest, and no release carries it`,
      ),
  },
];

function evaluateImages({ resources }: Subject, faultOf: (image: ResourceImage) => string | undefined): Evaluation {
  const found = resources.flatMap((resource) => imagesOf(resource).map((image) => ({ resource, image })));
  return {
    looked: found.length,
    violations: found.flatMap(({ resource, image }) => {
      const message = faultOf(image);
      return message === undefined ? [] : [violationAt(resource, image.path, message)];
    }),
  };
}

/** An image that is no reference is pulled by no kubelet; a live object may hold one. */
function imagesOf(resource: KubernetesResource): readonly ResourceImage[] {
  try {
    return findImages(resource);
  } catch (error) {
    if (error instanceof AirgapError && error.code === 'INVALID_REFERENCE') return [];
    throw error;
  }
}
