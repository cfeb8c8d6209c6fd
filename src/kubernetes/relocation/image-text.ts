/** Puts other images in the place of those that a text names, however they are spelled in it. */
import { AirgapError } from '../../errors.ts';
import { formatReference, parseReference, withDefaultTag } from '../../oci/reference.ts';

/** Where an image is to be pulled from, by its canonical reference: `docker.io/library/app:1`. */
export type ImagePlaces = ReadonlyMap<string, string>;

/** Longer runs of characters are no references. */
const MAX_LENGTH = 512;
/** Runs of the characters that references are made of. */
const TOKEN = /[A-Za-z0-9][A-Za-z0-9._\-:/@]*[A-Za-z0-9]|[A-Za-z0-9]/g;
/** Transports that tools write in front of an image. */
const TRANSPORT = /^(?:docker|oci):\/\//;

/** The canonical form of what a text spells; undefined where it is no reference. */
export function canonicalImage(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  try {
    return formatReference(withDefaultTag(parseReference(text.replace(TRANSPORT, ''))));
  } catch (error) {
    if (error instanceof AirgapError) return undefined;
    throw error;
  }
}

/** The same whole text with its image replaced, its transport kept; undefined where the image has no place. */
export function relocateWhole(text: string, places: ImagePlaces): string | undefined {
  const trimmed = text.trim();
  const canonical = canonicalImage(trimmed);
  const place = canonical === undefined ? undefined : places.get(canonical);
  return place === undefined ? undefined : `${TRANSPORT.exec(trimmed)?.[0] ?? ''}${place}`;
}

/**
 * The text with every occurrence of these images replaced.
 * @param images canonical; others are left alone, even where they have a place
 */
export function relocateWithin(text: string, images: ReadonlySet<string>, places: ImagePlaces): string {
  return text.replaceAll(TOKEN, (token) => {
    const [, transport = '', rest = token] = /^((?:docker|oci):\/\/)(.*)$/.exec(token) ?? [];
    const canonical = canonicalImage(rest);
    const place = canonical !== undefined && images.has(canonical) ? places.get(canonical) : undefined;
    return place === undefined ? token : `${transport}${place}`;
  });
}
