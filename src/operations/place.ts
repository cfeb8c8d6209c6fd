/** Decides which components of a release go to which clusters of a fleet. Nothing is changed, and nothing is asked. */
import { extname } from 'node:path';
import { nearest } from '../base/suggestion.ts';
import { NotFoundError, UsageError } from '../errors.ts';
import { loadFleet, type Fleet } from '../fleet/fleet.ts';
import type { PlacedComponent } from '../fleet/placement/demand.ts';
import { placeComponents, type Placement } from '../fleet/placement/placement.ts';
import { formatPlatform } from '../oci/platform.ts';
import { readLock } from '../release/lock/lock.ts';
import { loadSpec } from '../release/spec/spec.ts';
import { inspectArchive } from './inspect.ts';

/** A release's name, its version, and its components with the platforms that all of their images have. */
interface PlacedRelease {
  readonly name: string;
  readonly version: string;
  readonly components: readonly PlacedComponent[];
}

/** What was decided. */
export interface ReleasePlacement {
  /** Its name. */
  readonly fleet: string;
  readonly release: { readonly name: string; readonly version: string };
  readonly placement: Placement;
}

/** Options of {@link placeRelease}. */
export interface PlaceOptions {
  /** A release.yaml, a lock or an archive, by its extension; an archive's head is read, and not verified. */
  readonly release: string;
  /** A fleet.yaml. */
  readonly fleet: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Places a release.
 * @throws NotFoundError `NOT_FOUND` when a file is not there.
 * @throws UsageError `INVALID_SPEC` for what is wrong with a file, and where fleet.yaml names a component that the release lacks.
 * @throws IntegrityError when the archive's head is not canonical.
 */
export async function placeRelease({
  release: path,
  fleet: fleetPath,
  signal,
}: PlaceOptions): Promise<ReleasePlacement> {
  const fleet = await loadFleet(fleetPath);
  const release = await readRelease(path, signal);
  insistOnNames(fleet, release);
  const { name, version, components } = release;
  return { fleet: fleet.name, release: { name, version }, placement: placeComponents(components, fleet) };
}

async function readRelease(path: string, signal: AbortSignal | undefined): Promise<PlacedRelease> {
  const extension = extname(path);
  if (extension === '.yaml' || extension === '.yml') {
    const { name, version, platforms, components } = await loadSpec(path);
    const common = platforms === 'all' ? undefined : platforms.map(formatPlatform);
    return {
      name,
      version,
      components: components.map(({ name: component, images }) => ({
        name: component,
        platforms: narrow(
          common,
          images.map((image) => image.platforms?.map(formatPlatform)),
        ),
      })),
    };
  }
  if (extension === '.json') {
    const lock = await readLock(path);
    if (lock === undefined) throw new NotFoundError('NOT_FOUND', `${path}: no such file`, { hint: 'airgap resolve' });
    const common = lock.platforms === 'all' ? undefined : lock.platforms;
    return {
      name: lock.name,
      version: lock.version,
      components: lock.components.map(({ name, images }) => ({
        name,
        platforms: narrow(
          common,
          images.map((image) => image.platforms),
        ),
      })),
    };
  }
  const { inventory, images } = await inspectArchive(path, { signal });
  const platforms = new Map(images.map((image) => [image.reference, image.platforms]));
  return {
    name: inventory.name,
    version: inventory.version,
    components: inventory.components.map(({ name, images: own }) => ({
      name,
      platforms: narrow(
        undefined,
        own.map((reference) => platforms.get(reference)),
      ),
    })),
  };
}

/** The platforms that are in every list; all of them where there is none. */
function narrow(
  common: readonly string[] | undefined,
  lists: readonly (readonly string[] | undefined)[],
): readonly string[] | undefined {
  return lists.reduce<readonly string[] | undefined>((left, list) => {
    if (list === undefined || list.length === 0) return left;
    return left === undefined ? list : left.filter((each) => list.includes(each));
  }, common);
}

/** A name that is mistyped would leave its component to the defaults, without a word. */
function insistOnNames(fleet: Fleet, { name: release, version, components }: PlacedRelease): void {
  const names = new Set(components.map(({ name }) => name));
  const items = [...fleet.placement].flatMap(([component, { near }]) => [
    ...unknown(component, fleet.locate(component, [])),
    ...(near === undefined ? [] : unknown(near.component, fleet.locate(component, ['near', 'component']))),
  ]);
  function unknown(name: string, at: string): readonly string[] {
    if (names.has(name)) return [];
    const meant = nearest(name, names);
    return [
      `${at}: ${release} ${version} has no component ${name}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
    ];
  }
  if (items.length === 0) return;
  const [first = '', ...others] = items;
  const message =
    others.length === 0 ? first : [`${items.length} components are not in the release`, ...items].join('\n  ');
  throw new UsageError('INVALID_SPEC', message, { hint: `the release has ${[...names].sort().join(', ')}` });
}
