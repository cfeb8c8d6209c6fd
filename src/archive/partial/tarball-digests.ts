/** The digests of image tarballs that exist nowhere: of the full archive, while its delta is written. */
import { createHash } from 'node:crypto';
import type { Bytes } from '../../base/bytes.ts';
import type { CallOptions, Source } from '../../content/store.ts';
import { verified } from '../../content/verified.ts';
import { StoreError } from '../../errors.ts';
import { digestOf, type Digest } from '../../oci/digest.ts';
import type { ArchiveLayout, ContentSegment } from '../layout/archive-layout.ts';
import { isImageTarPath } from '../layout/image-tar.ts';
import { laidOutBytes } from './laid-out-bytes.ts';
import { omittedBy, type PartialDocument } from './partial-document.ts';

const PROGRESS_BYTES = 64 * 1024 * 1024;
const ANY_TYPE = 'application/octet-stream';

/** Options of {@link hashTarballs}. */
export interface HashTarballsOptions extends CallOptions {
  /** Gives what is left out. */
  readonly omitted?: Pick<Source, 'fetch' | 'name'> | undefined;
  /** Called now and then: bytes hashed so far, and in all. */
  readonly onHashed?: ((done: number, total: number) => void) | undefined;
}

/**
 * Hashes every image tarball of a full archive, in its order. What is carried is taken as it was verified; what is left
 * out is verified here, since `checksums.txt` vouches for it.
 * @throws StoreError `MISSING_CONTENT` when something is left out and nothing gives it.
 * @throws IntegrityError when what is given has another digest. @throws whatever a source throws.
 */
export async function hashTarballs(
  fullLayout: ArchiveLayout,
  carried: Pick<Source, 'fetch'>,
  partial: PartialDocument,
  { omitted, signal, onHashed }: HashTarballsOptions,
): Promise<readonly Digest[]> {
  const leftOut = omittedBy(partial);
  const fetch = async function* ({ digest, length }: ContentSegment): Bytes {
    const descriptor = { mediaType: ANY_TYPE, digest, size: length };
    if (!leftOut.has(digest)) yield* carried.fetch(descriptor, { signal });
    else if (omitted !== undefined) yield* verified(omitted.fetch(descriptor, { signal }), descriptor, omitted.name);
    else throw new StoreError('MISSING_CONTENT', `${digest} is left out, and no base gives it`);
  };
  const digests: Digest[] = [];
  const tars = fullLayout.members.filter(({ path }) => isImageTarPath(path));
  const total = tars.reduce((sum, { size }) => sum + size, 0);
  let [done, told] = [0, 0];
  for (const member of tars) {
    const hash = createHash('sha256');
    const bytes = laidOutBytes(fullLayout, member, {
      fetch,
      open: () => {
        throw new RangeError('a tarball has no slots');
      },
    });
    for await (const chunk of bytes) {
      signal?.throwIfAborted();
      hash.update(chunk);
      done += chunk.length;
      if (done - told < PROGRESS_BYTES && done < total) continue;
      onHashed?.((told = done), total);
    }
    digests.push(digestOf(hash));
  }
  return digests;
}
