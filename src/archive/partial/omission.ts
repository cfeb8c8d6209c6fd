/** Chooses what a delta leaves out: layers that an earlier release brought to the very repositories that need them. */
import { createReach, rootsOf } from '../../content/graph-walk.ts';
import type { ContentGraph } from '../../content/content-graph.ts';
import { parseReference } from '../../oci/reference.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import { serializeInventory } from '../inventory/inventory.ts';
import type { Inventory } from '../inventory/inventory-schema.ts';
import { omittable, type PartialBase, type PartialDocument } from './partial-document.ts';

/**
 * What a delta of a release leaves out where these releases are loaded, each piece in the name of the first that has it.
 * A registry keeps layers by repository: what only another repository has is carried, so that a site which has loaded
 * the base has all that is left out where it is asked for.
 */
export function chooseOmissions(inventory: Inventory, bases: readonly Inventory[]): PartialDocument {
  const places = repositoriesOf(inventory);
  const left = new Set(omittable(inventory).keys());
  const chosen = new Map<Digest, PartialBase>();
  for (const base of bases) {
    const has = repositoriesOf(base);
    const omitted = [...left].filter((digest) =>
      [...(places.get(digest) ?? [])].some((repository) => has.get(digest)?.has(repository) === true),
    );
    for (const digest of omitted) left.delete(digest);
    const id = sha256(serializeInventory(base));
    if (omitted.length > 0) chosen.set(id, { name: base.name, version: base.version, inventory: id, omitted: omitted.sort() }); // prettier-ignore
  }
  const sorted = [...chosen.values()].sort((a, b) => (a.inventory < b.inventory ? -1 : 1));
  return { formatVersion: 1, bases: sorted };
}

/** In which repositories of the connected side each piece of content is. */
function repositoriesOf(graph: ContentGraph): ReadonlyMap<Digest, ReadonlySet<string>> {
  const places = new Map<Digest, Set<string>>();
  const reach = createReach(graph);
  for (const image of graph.images) {
    const { registry, repository } = parseReference(image.reference);
    for (const { digest } of reach(rootsOf(image)).blobs) {
      const known = places.get(digest) ?? new Set();
      places.set(digest, known.add(`${registry}/${repository}`));
    }
  }
  return places;
}
