/** Containers within text: a pod that something makes from a configuration runs an image without a tag too. */
import type { YamlPath } from '../../base/yaml-source.ts';
import { AirgapError } from '../../errors.ts';
import { parseReference, withDefaultTag, type Reference } from '../../oci/reference.ts';
import { isMapping } from '../resources/yaml-documents.ts';
import { isPlaceholder } from './image-text.ts';

const LIST = /^(c|.*C)ontainers$/;

/** The images of the containers that a mapping lists. */
export function imagesOfPod(
  mapping: Readonly<Record<string, unknown>>,
): readonly { readonly reference: Reference; readonly at: YamlPath }[] {
  return Object.entries(mapping).flatMap(([key, items]) => {
    if (!LIST.test(key) || !Array.isArray(items)) return [];
    return items.flatMap((item: unknown, index) => {
      const reference = isMapping(item) ? toReference(item['image']) : undefined;
      return reference === undefined ? [] : [{ reference, at: [key, index, 'image'] }];
    });
  });
}

function toReference(image: unknown): Reference | undefined {
  if (typeof image !== 'string' || image === '' || isPlaceholder(image)) return undefined;
  try {
    return withDefaultTag(parseReference(image));
  } catch (error) {
    if (error instanceof AirgapError) return undefined;
    throw error;
  }
}
