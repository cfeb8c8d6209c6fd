/** Asks a registry for a blob, from some byte on: over the fast path where the answer is plain, else the ordinary one. */
import { IntegrityError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Opened } from './blob-stream.ts';
import { protocolFailure } from './failure.ts';
import { isSameOrigin, resolveLocation } from './location.ts';
import { notFound, type ManifestContext } from './manifests.ts';
import { isRedirect, MAX_REDIRECTS } from './redirects.ts';
import { refusal, type Answer } from './transport.ts';

/**
 * Opens the blob; the slot it takes is given back by `release`.
 * @throws NotFoundError `NOT_FOUND`; IntegrityError `SIZE_MISMATCH` when the blob ends before the offset.
 */
export async function openBlob(context: ManifestContext, target: Descriptor, offset: number): Promise<Opened> {
  const { host, repository, scopes, signal } = context;
  const freeSlot = await host.reads.acquire(signal);
  try {
    const path = `/v2/${repository}/blobs/${target.digest}`;
    const headers: Readonly<Record<string, string>> = offset === 0 ? {} : { range: `bytes=${offset}-` };
    const answer =
      (await openFast(context, path, headers)) ??
      (await host.send({ method: 'GET', kind: 'blob', to: path, scopes, headers, signal }));
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

/** Follows redirects on fast connections; undefined where credentials are asked for or an answer is not plain. */
async function openFast(
  { host, scopes, signal }: ManifestContext,
  path: string,
  range: Readonly<Record<string, string>>,
): Promise<Answer | undefined> {
  let place = await host.place(path);
  let authorization = await host.authorization(scopes, signal);
  for (let hops = 0; ; hops++) {
    const headers = { ...range, ...(authorization === undefined ? {} : { authorization }) };
    const answer = await host.fast.get({ kind: 'blob', place, headers, signal });
    if (answer === undefined) return undefined;
    const location = isRedirect(answer.status) ? answer.headers['location'] : undefined;
    if (location === undefined && answer.status !== 401 && answer.status !== 403) return answer;
    await answer.discard();
    if (location === undefined) return undefined;
    if (hops >= MAX_REDIRECTS) throw protocolFailure(answer.asked, answer.status, 'redirects too often');
    const next = resolveLocation(place, location, 'a redirect');
    if (!isSameOrigin(place.url, next.url)) authorization = undefined;
    place = next;
  }
}
