/** The images that run in a cluster now, as `kubectl get pods -A -o json` prints its pods. */
import { parseJson } from '../../base/json/parse-json.ts';
import { AirgapError, UsageError } from '../../errors.ts';
import { parseReference, withDefaultTag, type Reference } from '../../oci/reference.ts';
import { formatPath } from './image-places.ts';
import { isMapping } from './yaml-documents.ts';

/** Bytes of a list of pods: a cluster with ten thousand of them. */
export const MAX_PODS_BYTES: number = 256 * 1024 * 1024;
const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** One image, and the containers that run it. */
export interface RunningImage {
  /** Canonical. */
  readonly reference: Reference;
  /** `team/api-7d9f Pod spec.containers[0].image`. */
  readonly pods: readonly string[];
}

/**
 * Reads a list of pods.
 * @throws UsageError `INVALID_SPEC` for what is no such list.
 */
export function readRunningImages(text: string, fileName: string): readonly RunningImage[] {
  const items = itemsOf(text, fileName);
  const images = new Map<string, { reference: Reference; pods: string[] }>();
  for (const item of items) {
    if (!isMapping(item) || (item['kind'] !== undefined && item['kind'] !== 'Pod')) continue;
    const { metadata, spec } = item;
    if (!isMapping(spec)) continue;
    const { namespace, name } = isMapping(metadata) ? metadata : {};
    for (const list of LISTS) {
      const containers = Array.isArray(spec[list]) ? (spec[list] as readonly unknown[]) : [];
      for (const [index, container] of containers.entries()) {
        const reference = isMapping(container) ? toReference(container['image']) : undefined;
        if (reference === undefined) continue;
        const key = JSON.stringify(reference);
        const place = `${String(namespace)}/${String(name)} ${formatPath(['spec', list, index, 'image'])}`;
        images.set(key, { reference, pods: [...(images.get(key)?.pods ?? []), place] });
      }
    }
  }
  return [...images.values()];
}

function itemsOf(text: string, fileName: string): readonly unknown[] {
  let value: unknown;
  try {
    value = parseJson(text, { maxBytes: MAX_PODS_BYTES, reading: 'lenient' });
  } catch (error) {
    throw noList(fileName, error);
  }
  if (isMapping(value) && Array.isArray(value['items'])) return value['items'];
  throw noList(fileName);
}

function toReference(image: unknown): Reference | undefined {
  // A container may be started by the digest of its config alone, which names no repository.
  if (typeof image !== 'string' || /^sha256:[0-9a-f]{64}$/.test(image)) return undefined;
  try {
    return withDefaultTag(parseReference(image));
  } catch (error) {
    if (error instanceof AirgapError) return undefined;
    throw error;
  }
}

function noList(fileName: string, cause?: unknown): UsageError {
  return new UsageError('INVALID_SPEC', `${fileName} is no list of pods in JSON`, {
    hint: 'write it with: kubectl get pods -A -o json',
    cause,
  });
}
