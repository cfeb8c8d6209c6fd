/** Asks a registry for a blob, from some byte on. */
import { IntegrityError } from '../../../errors.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import type { Opened } from './blob-stream.ts';
import { placeOf } from '../../../base/http/location.ts';
import { isLocalHost } from '../../../base/http/network-policy.ts';
import { notFound, type ManifestContext } from '../manifests/repository-manifests.ts';
import { refusal } from '../registry-refusal.ts';

/** Addresses of one foreign blob that are tried. */
const MAX_FOREIGN_URLS = 8;

/** What to send to get the bytes from `offset` up to `end` of a blob: nothing for all of it. */
function rangeHeaders({ size }: Descriptor, offset: number, end: number): Readonly<Record<string, string>> {
  if (offset === 0 && end === size) return {};
  return { range: `bytes=${offset}-${end === size ? '' : end - 1}` };
}

/**
 * Opens the blob; the slot it takes is given back by `release`.
 * @throws NotFoundError `NOT_FOUND`; IntegrityError `SIZE_MISMATCH` when the blob ends before the offset.
 */
export async function openBlob(
  context: ManifestContext,
  target: Descriptor,
  offset: number,
  end: number,
): Promise<Opened> {
  const { host, repository, scopes, signal } = context;
  const freeSlot = await host.reads.acquire(signal);
  try {
    const path = `/v2/${repository}/blobs/${target.digest}`;
    const headers = rangeHeaders(target, offset, end);
    const answer = await host.send({ method: 'GET', kind: 'blob', to: path, scopes, headers, isBulk: true, signal });
    const { asked, status, body } = answer;
    const what = `${host.registry}/${repository}@${target.digest}`;
    if (status === 404) throw notFound(what, await refusal(answer));
    if (status === 416) {
      await answer.discard();
      throw new IntegrityError('SIZE_MISMATCH', `${what} is shorter than ${target.size} bytes`, {
        hint: 'the source is not what the manifest says, or it changed during the transfer',
      });
    }
    if (status !== 200 && status !== 206) throw await refusal(answer);
    const release = async (): Promise<void> => {
      freeSlot();
      await answer.discard();
    };
    return { asked, status, headers: answer.headers, chunks: body, release };
  } catch (error) {
    freeSlot();
    throw error;
  }
}

/**
 * Opens a blob that registries may not store at one of the addresses its descriptor names: https only, never this
 * machine, without credentials.
 * @throws what the last address answered.
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#properties
 */
export async function openForeign(
  context: ManifestContext,
  target: Descriptor,
  offset: number,
  end: number,
): Promise<Opened> {
  const { host, signal } = context;
  const headers = rangeHeaders(target, offset, end);
  let failure: unknown = notFound(target.digest);
  for (const address of (target.urls ?? []).slice(0, MAX_FOREIGN_URLS)) {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined || url.protocol !== 'https:' || isLocalHost(url.hostname)) continue;
    try {
      const answer = await host.client.request({
        method: 'GET',
        kind: 'blob',
        place: placeOf(url),
        headers,
        isBulk: true,
        signal,
      });
      const { asked, status, body } = answer;
      if (status === 200 || status === 206) {
        return { asked, status, headers: answer.headers, chunks: body, release: () => answer.discard() };
      }
      failure = await refusal(answer);
    } catch (error) {
      signal?.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}
