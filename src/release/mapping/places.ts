/** The names that things get at a target: one check over images, their evidence and charts, before anything moves. */
import { UsageError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';

/** Something that becomes visible under a name. */
export interface NamedThing {
  /** What messages call it: `registry.example/app:1`, `evidence for …`, `charts/app-1.0.0.tgz`. */
  readonly what: string;
  /** `registry.internal/registry.example/app:1` */
  readonly name: string;
  readonly digest: Digest;
}

/**
 * Makes sure that no two different things get one name: they would overwrite each other in turn, at every load.
 * @throws UsageError `USAGE` naming both.
 */
export function assertDistinctNames(things: readonly NamedThing[]): void {
  const taken = new Map<string, NamedThing>();
  for (const thing of things) {
    const other = taken.get(thing.name);
    if (other !== undefined && other.digest !== thing.digest) throw twoThings(other, thing);
    taken.set(thing.name, thing);
  }
}

function twoThings(one: NamedThing, other: NamedThing): UsageError {
  return new UsageError('USAGE', `${one.what} and ${other.what} would both become ${other.name}`, {
    hint: 'give one of them another place: load without --strip-registry, or with another prefix; else rename one of them in the release',
  });
}
