/** Finds out what of an old list became what of a new one. */

/** What belongs together, and what is left on either side, each in the order of its list. */
export interface Pairing<T> {
  readonly pairs: readonly (readonly [T, T])[];
  readonly before: readonly T[];
  readonly after: readonly T[];
}

/**
 * Pairs by each key in turn what the keys before left over. Only what has a key alone on both sides is paired: which of
 * two images became which of three is not for this product to guess. Without a key an entry stays as it is.
 */
export function pairBy<T>(
  before: readonly T[],
  after: readonly T[],
  keys: readonly ((entry: T) => string | undefined)[],
): Pairing<T> {
  const pairs: (readonly [T, T])[] = [];
  let left: Pairing<T> = { pairs, before, after };
  for (const key of keys) {
    const [old, young] = [singles(left.before, key), singles(left.after, key)];
    const paired = new Set<T>();
    for (const [name, entry] of young) {
      const partner = old.get(name);
      if (partner === undefined || entry === undefined) continue;
      pairs.push([partner, entry]);
      paired.add(partner).add(entry);
    }
    const isLeft = (entry: T): boolean => !paired.has(entry);
    left = { pairs, before: left.before.filter(isLeft), after: left.after.filter(isLeft) };
  }
  return left;
}

/** Entries by their key; undefined where several have it. */
function singles<T>(entries: readonly T[], key: (entry: T) => string | undefined): ReadonlyMap<string, T | undefined> {
  const found = new Map<string, T | undefined>();
  for (const entry of entries) {
    const name = key(entry);
    if (name !== undefined) found.set(name, found.has(name) ? undefined : entry);
  }
  return found;
}
