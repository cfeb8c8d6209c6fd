/** Says whether the files of a node are those of a configuration, and whether every image is where they lead. */
import { forEachConcurrently } from '../../base/limit.ts';
import { AirgapError, NotFoundError } from '../../errors.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import type { Digest } from '../../oci/digest.ts';
import type { MirroredImage } from '../../kubernetes/mirrors/mirror-map.ts';
import type { Source } from '../../content/store.ts';

/** Requests at the same time. */
const CONCURRENCY = 8;

/** What became of looking one image up. */
export interface CheckedImage {
  readonly original: string;
  readonly internal: string;
  /** `not asked` where the registry did not answer for another one. */
  readonly state: 'there' | 'not there' | 'another one' | 'no answer' | 'not asked';
  /** Of what is there. */
  readonly digest?: Digest;
}

/** All images, and why the registry did not answer where it did not. */
export interface CheckedImages {
  readonly images: readonly CheckedImage[];
  readonly failure: AirgapError | undefined;
}

/**
 * Asks for every image where it has to be, with one request each. A registry that does not answer, or not to this
 * account, is asked no more.
 * @param open The repository of a reference.
 * @throws the reason of the signal
 */
export async function checkImages(
  images: readonly MirroredImage[],
  open: (reference: Reference) => Source,
  signal: AbortSignal,
): Promise<CheckedImages> {
  const checked = new Map<MirroredImage, Pick<CheckedImage, 'state' | 'digest'>>();
  let failure: AirgapError | undefined;
  await forEachConcurrently(
    images,
    CONCURRENCY,
    async (image, inner) => {
      if (failure !== undefined) return;
      try {
        checked.set(image, await lookUp(image, open, inner));
      } catch (error) {
        if (!(error instanceof AirgapError)) throw error;
        failure ??= error;
        checked.set(image, { state: 'no answer' });
      }
    },
    signal,
  );
  const named = images.map((image) => ({
    original: formatReference(image.original),
    internal: formatReference(image.internal),
    ...(checked.get(image) ?? { state: 'not asked' as const }),
  }));
  return { images: named, failure };
}

async function lookUp(
  { internal, digest }: MirroredImage,
  open: (reference: Reference) => Source,
  signal: AbortSignal,
): Promise<Pick<CheckedImage, 'state' | 'digest'>> {
  try {
    const found = await open(internal).resolve(internal.tag ?? internal.digest ?? 'latest', { signal });
    const isRight = digest === undefined || digest === found.digest;
    return { state: isRight ? 'there' : 'another one', digest: found.digest };
  } catch (error) {
    if (error instanceof NotFoundError) return { state: 'not there' };
    throw error;
  }
}
