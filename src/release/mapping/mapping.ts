/** Where an image's reference goes at the secure side: original → internal, unique by construction. */
import { UsageError } from '../../errors.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import type { GraphImage } from '../../content/content-graph.ts';

/** How internal references are formed. */
export interface MappingRule {
  /** `registry.internal.corp`, `127.0.0.1:5000` */
  readonly host: string;
  /** Path below the host that everything goes under; empty for none. */
  readonly prefix: string;
  /** Leave the original registry host out of the path; collisions are refused. @defaultValue false */
  readonly stripRegistry?: boolean | undefined;
  /** Segments of a path that the registry takes: what is beyond is joined to the last by `-`. @defaultValue any number */
  readonly maxDepth?: number | undefined;
  /** Paths below the prefix, by original repository (`registry.example/team/app`); they go before all other rules. */
  readonly names?: ReadonlyMap<string, string> | undefined;
}

/** One image to map. */
export type MappableImage = Pick<GraphImage, 'reference' | 'digest'>;

/** One line of `mapping.txt`. */
export interface Mapping {
  readonly original: string;
  readonly internal: Reference;
}

/** Longest repository path registries take. */
const MAX_REPOSITORY_BYTES = 255;

/**
 * Maps references to their internal places: `host[/prefix]/<original registry>/<repository>:<tag>`, or without the
 * original registry when `stripRegistry` is set, under fewer segments with `maxDepth`, or under a name of `names`. An image known by digest alone stays so. Two references of one image,
 * `app:1` and `app:1@sha256:…`, share a place.
 * @throws UsageError `USAGE` naming both references when two images would share one place, or two repositories one,
 *   unless `stripRegistry` says that they may.
 */
export function mapReferences(images: readonly MappableImage[], rule: MappingRule): readonly Mapping[] {
  const taken = new Map<string, MappableImage>();
  const repositories = new Map<string, string>();
  return images.map((image) => {
    const original = parseReference(image.reference);
    const internal = mapReference(original, rule);
    const source = `${original.registry}/${original.repository}`;
    const sharing = repositories.get(internal.repository) ?? source;
    // Two applications in one repository would be told apart by tags that neither of them chose.
    if (sharing !== source && isUnwanted(rule)) throw sharedRepository(sharing, source, internal);
    repositories.set(internal.repository, source);
    const place = formatReference(internal);
    const other = taken.get(place);
    if (other !== undefined && other.digest !== image.digest) {
      throw collision(image.reference, other.reference, place, rule);
    }
    taken.set(place, image);
    if (internal.repository.length > MAX_REPOSITORY_BYTES) {
      throw new UsageError('USAGE', `${place} has a path of more than ${MAX_REPOSITORY_BYTES} characters`, {
        hint: 'choose a shorter prefix, --strip-registry, or a name of its own in a --name-map',
      });
    }
    return { original: image.reference, internal };
  });
}

/** `original=internal`, one a line. */
export function formatMapping(mappings: readonly Mapping[]): string {
  return mappings.map(({ original, internal }) => `${original}=${formatReference(internal)}\n`).join('');
}

/** A path of at most so many segments; the last one holds what would be beyond. */
export function foldPath(path: string, maxDepth: number | undefined): string {
  const segments = path.split('/');
  if (maxDepth === undefined || segments.length <= maxDepth) return path;
  return [...segments.slice(0, maxDepth - 1), segments.slice(maxDepth - 1).join('-')].join('/');
}

function mapReference({ registry, repository, tag, digest }: Reference, rule: MappingRule): Reference {
  const { host, prefix, stripRegistry, maxDepth, names } = rule;
  const named = names?.get(`${registry}/${repository}`);
  const segments = named === undefined ? [stripRegistry === true ? '' : toPathSegment(registry), repository] : [named];
  const full = [prefix, ...segments].filter((segment) => segment !== '').join('/');
  const path = named === undefined ? foldPath(full, maxDepth) : full;
  if (tag !== undefined) return { registry: host, repository: path, tag };
  return { registry: host, repository: path, ...(digest === undefined ? {} : { digest }) };
}

/** A host as one path segment: `registry.example:5000` → `registry.example_5000`, `[::1]:5000` → `0-0-0-0-0-0-0-1_5000`. */
function toPathSegment(registry: string): string {
  const [, address, port = ''] = /^\[([^\]]+)\](.*)$/.exec(registry) ?? [];
  const host = address === undefined ? registry : `${toGroups(address)}${port}`;
  return host
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '_')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
}

/** All eight groups of an IPv6 address: of the short form, `::1` and `1::` would become one name. */
function toGroups(address: string): string {
  // A grammar of references takes more than there are addresses.
  if (!URL.canParse(`http://[${address}]/`)) return address;
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [left = [], right] = canonical.split('::').map((side) => (side === '' ? [] : side.split(':')));
  if (right === undefined) return left.join('-');
  return [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right].join('-');
}

/** Without the registry in the path, repositories of one path are meant to be one. */
function isUnwanted({ maxDepth, names, stripRegistry }: MappingRule): boolean {
  return maxDepth !== undefined || names !== undefined || stripRegistry !== true;
}

function sharedRepository(one: string, other: string, { registry, repository }: Reference): UsageError {
  return new UsageError('USAGE', `${one} and ${other} would both become ${registry}/${repository}`, {
    hint: 'give one of them a name of its own in a --name-map',
  });
}

function collision(original: string, other: string, place: string, { stripRegistry }: MappingRule): UsageError {
  const why =
    stripRegistry === true
      ? 'leave --strip-registry out, so that the original registry stays in the path'
      : 'rename one of them in the release';
  return new UsageError('USAGE', `${other} and ${original} would both become ${place}`, { hint: why });
}
