/** Where nodes find what they know by its original name: redirects that follow from what was loaded. Pure. */
import { UsageError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';

/** One image, by the name that pods and charts have for it, and where it is. */
export interface MirroredImage {
  readonly original: Reference;
  readonly internal: Reference;
  /** Of what is there, where that is known. */
  readonly digest?: Digest | undefined;
}

/** How nodes reach the registry that holds the images. */
export interface MirrorAccess {
  /** It speaks HTTP. @defaultValue false */
  readonly plainHttp?: boolean | undefined;
  /** Its certificate is not verified. @defaultValue false */
  readonly insecure?: boolean | undefined;
  /** PEM file of its authorities, where nodes have it. */
  readonly caFile?: string | undefined;
}

/** A name, a registry or a repository, and everything below it, is at another place: `docker.io` → `registry.internal/docker.io`. */
export interface Redirect {
  readonly from: string;
  readonly to: string;
}

/** One original registry. */
export interface MirroredRegistry {
  readonly host: string;
  /** Of which the longest that fits counts; by `from`. */
  readonly redirects: readonly Redirect[];
  readonly images: readonly MirroredImage[];
}

/** What every dialect says in its own words. */
export interface MirrorMap {
  /** By name. */
  readonly registries: readonly MirroredRegistry[];
  readonly access: MirrorAccess;
  /** What files and objects are called that may have any name, one for each release of a site. */
  readonly name: string;
}

/** `registry/repository` of a reference. */
export function repositoryName({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

/**
 * Works out the fewest redirects under which every image is found: one for a registry whose repositories all keep their
 * paths, and one for each repository that does not.
 * @throws UsageError `USAGE` when one repository would be at two places, a tag changes on the way, or nothing is at
 *   another place than its name says.
 */
export function createMirrorMap(
  images: readonly MirroredImage[],
  { name, access }: Pick<MirrorMap, 'name' | 'access'>,
): MirrorMap {
  const moved = images.filter((image) => repositoryName(image.original) !== repositoryName(image.internal));
  if (moved.length === 0) {
    throw new UsageError('USAGE', 'every image is where its name says: there is nothing to configure', {
      hint: 'give the mapping of a load into a registry (--to docker://…)',
    });
  }
  for (const image of moved) assertTagKept(image);
  const byHost = Map.groupBy(moved, ({ original }) => original.registry);
  const registries = [...byHost].sort(byKey).map(([host, own]) => {
    const places = placesOf(own);
    const registry = { host, images: own };
    // Of the registry that holds the images, the rest is where its name says.
    const common = isItsOwnMirror(registry) ? undefined : commonPlace(places);
    return { ...registry, redirects: redirectsOf(host, places, common) };
  });
  return { registries, access, name };
}

/** Where a name is according to redirects; itself where none speaks of it. */
export function redirect(redirects: readonly Redirect[], name: string): string {
  const fitting = redirects.filter(({ from }) => name === from || name.startsWith(`${from}/`));
  const longest = fitting.sort((one, other) => other.from.length - one.from.length)[0];
  return longest === undefined ? name : `${longest.to}${name.slice(longest.from.length)}`;
}

/** Whether a registry holds its images itself, under other paths: what leads to it is then no place for redirects of all of it. */
export function isItsOwnMirror({ host, images }: Pick<MirroredRegistry, 'host' | 'images'>): boolean {
  return images.some(({ internal }) => internal.registry === host);
}

/** Repositories of one registry, in order, with their places. */
function placesOf(images: readonly MirroredImage[]): ReadonlyMap<string, string> {
  const places = new Map<string, string>();
  for (const { original, internal } of images) {
    const [known, place] = [places.get(original.repository), repositoryName(internal)];
    if (known !== undefined && known !== place) {
      throw new UsageError('USAGE', `${repositoryName(original)} is at two places: ${known} and ${place}`, {
        hint: 'give the mapping of one load into one registry',
      });
    }
    places.set(original.repository, place);
  }
  return new Map([...places].sort(byKey));
}

/** What comes in front of most paths; undefined where no path is kept. */
function commonPlace(places: ReadonlyMap<string, string>): string | undefined {
  const counts = new Map<string, number>();
  for (const [repository, place] of places) {
    if (!place.endsWith(`/${repository}`)) continue;
    const front = place.slice(0, -repository.length - 1);
    counts.set(front, (counts.get(front) ?? 0) + 1);
  }
  return [...counts].sort(([one, many], [other, more]) => more - many || (one < other ? -1 : 1))[0]?.[0];
}

/** A repository comes before those below it, which its redirect would take along. */
function redirectsOf(
  host: string,
  places: ReadonlyMap<string, string>,
  common: string | undefined,
): readonly Redirect[] {
  const redirects: Redirect[] = common === undefined ? [] : [{ from: host, to: common }];
  for (const [repository, to] of places) {
    const from = `${host}/${repository}`;
    if (redirect(redirects, from) !== to) redirects.push({ from, to });
  }
  return redirects;
}

function assertTagKept({ original, internal }: MirroredImage): void {
  const isKept = original.tag === undefined ? original.digest === internal.digest : original.tag === internal.tag;
  if (isKept) return;
  throw new UsageError('USAGE', `${formatReference(original)} has another tag at ${formatReference(internal)}`, {
    hint: 'mirrors keep tags; give the mapping of a load as it was written',
  });
}

function byKey([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
