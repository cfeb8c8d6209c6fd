/** Asks a registry for a blob, from some byte on. */
import type { Descriptor } from '../../oci/descriptor.ts';
import { IntegrityError } from '../../errors.ts';
import type { Opened } from './blob-stream.ts';
import { notFound, type ManifestContext } from './manifests.ts';
import { refusal } from './transport.ts';

/**
 * Opens the blob; the slot it takes is given back by `release`.
 * @throws NotFoundError `NOT_FOUND`; IntegrityError `SIZE_MISMATCH` when the blob ends before the offset.
 */
export async function openBlob(context: ManifestContext, target: Descriptor, offset: number): Promise<Opened> {
  const { host, repository, scopes, signal } = context;
  const release = await host.reads.acquire(signal);
  try {
    const answer = await host.send({
      method: 'GET',
      kind: 'blob',
      to: `/v2/${repository}/blobs/${target.digest}`,
      scopes,
      headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
      signal,
    });
    const { asked, status, headers, body } = answer;
    const what = `${host.registry}/${repository}@${target.digest}`;
    if (status === 404) throw notFound(what, await refusal(answer));
    if (status === 416) {
      await answer.discard();
      throw new IntegrityError('SIZE_MISMATCH', `${what} is shorter than ${target.size} bytes`, {
        hint: 'the source is not what the manifest says, or it changed during the transfer',
      });
    }
    if (status !== 200 && status !== 206) throw await refusal(answer);
    return { asked, status, headers, chunks: body, release };
  } catch (error) {
    release();
    throw error;
  }
}
