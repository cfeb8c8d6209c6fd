/** What a dialect of mirror configuration is: the one map, in the words of one reader. */
import { formatReference } from '../../oci/reference.ts';
import type { MirroredRegistry, MirrorMap } from './mirror-map.ts';

/** One file of a configuration. */
export interface MirrorFile {
  /** Below the directory that the reader looks into, with forward slashes. */
  readonly path: string;
  readonly content: string;
}

/** An image that a dialect has no words for. */
export interface UnexpressedImage {
  readonly original: string;
  /** The rest of a sentence that begins with it. */
  readonly why: string;
}

/** A map in the words of a dialect. */
export interface MirrorFiles {
  /** By path; none where the dialect can say nothing of it. */
  readonly files: readonly MirrorFile[];
  readonly unexpressed: readonly UnexpressedImage[];
  /** What else has to be done, each a sentence. */
  readonly steps: readonly string[];
}

/** One dialect. */
export interface MirrorDialect {
  /** Who reads it, for help and messages. */
  readonly title: string;
  /** Where nodes have its files; absent for what no node reads. */
  readonly directory?: string;
  /**
   * A file of a node with this configuration in it: everything else in it stays. Absent for files that belong to one
   * configuration alone.
   * @throws UsageError `INVALID_SPEC` naming the file when it is not what its reader takes
   */
  merge?(existing: string, file: MirrorFile, path: string): string;
  write(map: MirrorMap): MirrorFiles;
}

/** What stands on top of files that may have comments. */
export const HEADING = '# Written by airgap mirror-config from what a load brought; write it anew after the next one.';

/** `https://registry.internal:5000`, or with `http` */
export function endpointOf(host: string, { plainHttp = false }: MirrorMap['access']): string {
  return `${plainHttp ? 'http' : 'https'}://${host}`;
}

/** The host of a place, and the path below it; empty for none. */
export function splitPlace(place: string): { readonly host: string; readonly path: string } {
  const slash = place.indexOf('/');
  return slash === -1 ? { host: place, path: '' } : { host: place.slice(0, slash), path: place.slice(slash + 1) };
}

/** Every host that images are at, in order. */
export function hostsOf({ registries }: MirrorMap): readonly string[] {
  const images = registries.flatMap((registry) => registry.images);
  return [...new Set(images.map(({ internal }) => internal.registry))].sort();
}

/** The images of a registry that is its own mirror, for dialects that can only send all of a registry elsewhere. */
export function ownImages({ host, images }: MirroredRegistry): readonly UnexpressedImage[] {
  return images.map(({ original, internal }) => ({
    original: formatReference(original),
    why: `is at ${formatReference(internal)}, in the registry that it names: all of ${host} would be looked for there`,
  }));
}
