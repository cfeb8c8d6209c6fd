/** In what an object that is there differs from what it would become: places and values, those of Secrets hidden. Pure. */
import { isMapping } from '../../kubernetes/resources/yaml-documents.ts';
import type { ClusterObject } from '../../kubernetes/cluster/cluster-object.ts';
import { formatPath } from '../../kubernetes/resources/image-places.ts';

/** What the server keeps for itself. */
const SERVER_FIELDS = new Set([
  'managedFields',
  'resourceVersion',
  'generation',
  'uid',
  'creationTimestamp',
  'selfLink',
]);
const HIDDEN = '(hidden)';
const MAX_VALUE = 200;

/** One place that differs; absent values are undefined. */
export interface Difference {
  /** `spec.replicas` */
  readonly path: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** The differences, in the order of the object. */
export function differencesOf(before: ClusterObject, after: ClusterObject): readonly Difference[] {
  const isSecret = after.kind === 'Secret';
  const differences: Difference[] = [];
  const show = (value: unknown, path: readonly (string | number)[]): string | undefined => {
    if (value === undefined) return undefined;
    // An annotation may hold a copy of the whole object.
    const isHidden = isSecret && (path[0] === 'data' || path[0] === 'stringData' || path[1] === 'annotations');
    return isHidden ? HIDDEN : (JSON.stringify(value) ?? '').slice(0, MAX_VALUE);
  };
  const compare = (one: unknown, other: unknown, path: readonly (string | number)[]): void => {
    if (path.length === 1 && path[0] === 'status') return;
    if (path.length === 2 && path[0] === 'metadata' && SERVER_FIELDS.has(String(path[1]))) return;
    if (isMapping(one) && isMapping(other)) {
      for (const key of new Set([...Object.keys(one), ...Object.keys(other)]))
        compare(one[key], other[key], [...path, key]);
      return;
    }
    if (Array.isArray(one) && Array.isArray(other) && one.length === other.length) {
      for (const [index, item] of one.entries()) compare(item, other[index], [...path, index]);
      return;
    }
    if (JSON.stringify(one) === JSON.stringify(other)) return;
    differences.push({ path: formatPath(path), from: show(one, path), to: show(other, path) });
  };
  compare(before, after, []);
  return differences;
}
