/** The benchmark's own small pusher, so that a corpus does not depend on the product that is measured with it. */
import { openAsBlob } from 'node:fs';

/** Repositories that hold a blob already, by its digest. */
export type Holders = Map<string, string>;

/** Uploads a file as a blob, or mounts it from a repository that has it. */
export async function pushBlob(
  host: string,
  repository: string,
  digest: string,
  content: string | Buffer,
  holders: Holders,
): Promise<void> {
  const holder = holders.get(digest);
  const query = holder === undefined ? '' : `?mount=${digest}&from=${holder}`;
  const opened = await fetch(`http://${host}/v2/${repository}/blobs/uploads/${query}`, { method: 'POST' });
  if (opened.status === 201) return;
  const location = await expectStatus(opened, 202);
  const url = new URL(location, `http://${host}`);
  url.searchParams.set('digest', digest);
  const body = typeof content === 'string' ? await openAsBlob(content) : new Uint8Array(content);
  await expectStatus(await fetch(url, { method: 'PUT', body }), 201);
  holders.set(digest, repository);
}

/** Stores a manifest under a tag or a digest. */
export async function pushManifest(
  host: string,
  repository: string,
  tagOrDigest: string,
  mediaType: string,
  bytes: Buffer,
): Promise<void> {
  const url = `http://${host}/v2/${repository}/manifests/${tagOrDigest}`;
  const headers = { 'content-type': mediaType };
  await expectStatus(await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) }), 201);
}

async function expectStatus(response: Response, status: number): Promise<string> {
  const text = await response.text();
  if (response.status !== status) throw new Error(`${response.url} answered ${response.status}: ${text}`);
  return response.headers.get('location') ?? '';
}
