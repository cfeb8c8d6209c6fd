/** Places in resources as a person writes them: `spec.workers[*].image`, `spec.*.image`, `metadata.annotations["a.b/c"]`. */
import type { YamlPath } from '../../base/yaml-source.ts';
import { UsageError } from '../../errors.ts';
import { isMapping } from './yaml-documents.ts';

const MAX_LENGTH = 512;
/** A key, `*`, `[*]`, `[0]` or `["any key"]`, with the dot that stands before all but the first. */
const STEP = /(?:^|\.)([A-Za-z0-9_$/-]+|\*)|\[(\*|[0-9]{1,6})\]|\["([^"\\]{1,256})"\]/y;

/** One step: a key, the place in a list, or any of what is there. */
type Step =
  | { readonly key: string | number }
  /** Of a list `items`, of a mapping `values`. */
  | { readonly any: 'items' | 'values' };

/** A path that was read. */
export interface PlacePath {
  readonly text: string;
  readonly steps: readonly Step[];
}

/**
 * Reads the path of a place: keys with dots between them, `[*]` for every item of a list, `*` for every value of a
 * mapping, `["…"]` for keys with other characters.
 * @throws UsageError `INVALID_SPEC`
 */
export function parsePlacePath(text: string): PlacePath {
  const steps: Step[] = [];
  STEP.lastIndex = 0;
  while (text.length <= MAX_LENGTH && STEP.lastIndex < text.length) {
    const found = STEP.exec(text);
    if (found === null) break;
    const [, key, index, quoted] = found;
    if (key !== undefined) steps.push(key === '*' ? { any: 'values' } : { key });
    else if (index !== undefined) steps.push(index === '*' ? { any: 'items' } : { key: Number(index) });
    else steps.push({ key: quoted ?? '' });
    if (STEP.lastIndex === text.length) return { text, steps };
  }
  throw new UsageError('INVALID_SPEC', 'is no path to a place in a resource', {
    hint: 'write spec.image, spec.workers[*].image or metadata.annotations["acme.io/image"]',
  });
}

/** A place that a release names beside those of the table: whatever stands there is pulled. */
export interface PlaceRule {
  readonly kind: string;
  /** Any where absent. */
  readonly apiVersion?: string | undefined;
  readonly path: PlacePath;
}

/** Every place of a resource that a path leads to, and what stands there. */
export function findAt(value: unknown, { steps }: PlacePath): readonly { path: YamlPath; value: unknown }[] {
  return steps.reduce<readonly { path: YamlPath; value: unknown }[]>(
    (places, step) =>
      places.flatMap(({ path, value: held }) =>
        childrenOf(held, step).map(([key, value]) => ({ path: [...path, key], value })),
      ),
    [{ path: [], value }],
  );
}

/**
 * Every place that a path speaks of, also where nothing stands: a key that is missing is a place without a value. Of `[*]`
 * and `*` only what is there is one, so that a path into an absent list speaks of nothing.
 */
export function placesAt(value: unknown, { steps }: PlacePath): readonly { path: YamlPath; value: unknown }[] {
  return steps.reduce<readonly { path: YamlPath; value: unknown }[]>(
    (places, step) =>
      places.flatMap(({ path, value: held }) => {
        const found = childrenOf(held, step);
        const missing = 'key' in step && found.length === 0 ? ([[step.key, undefined]] as const) : [];
        return [...found, ...missing].map(([key, inner]) => ({ path: [...path, key], value: inner }));
      }),
    [{ path: [], value }],
  );
}

function childrenOf(held: unknown, step: Step): readonly (readonly [string | number, unknown])[] {
  if ('any' in step) {
    if (step.any === 'items') return Array.isArray(held) ? [...held.entries()] : [];
    return isMapping(held) ? Object.entries(held) : [];
  }
  const { key } = step;
  if (Array.isArray(held)) return typeof key === 'number' && key < held.length ? [[key, held[key] as unknown]] : [];
  return isMapping(held) && Object.hasOwn(held, key) ? [[key, held[key]]] : [];
}
