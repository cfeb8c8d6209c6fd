/** Reads the manifest a name stands for, in one request where the source can do that. */
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { canFetchManifest, type CallOptions, type Source } from './store.ts';
import { readVerified } from './verified.ts';

/**
 * Adds the bytes behind a tag or a digest to `contents` and returns their descriptor.
 * @throws NotFoundError `NOT_FOUND`
 */
export async function fetchNamed(
  source: Source,
  tagOrDigest: string,
  contents: Map<Digest, Buffer>,
  options: CallOptions = {},
): Promise<Descriptor> {
  if (canFetchManifest(source)) {
    const { descriptor, bytes } = await source.fetchManifest(tagOrDigest, options);
    contents.set(descriptor.digest, bytes);
    return descriptor;
  }
  const descriptor = await source.resolve(tagOrDigest, options);
  contents.set(descriptor.digest, await readVerified(source, descriptor, options));
  return descriptor;
}
