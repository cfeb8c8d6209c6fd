/** What a registry really serves, asked for over plain HTTP and compared byte by byte. */
import { expect } from 'vitest';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { askPlainly } from '../../helpers/plain-http.ts';
import { contentOf, type SampleNode } from '../../helpers/sample-image.ts';

const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const ACCEPT = MANIFEST_TYPES.join(', ');

/** An answer with its whole body. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly bytes: Buffer;
}

/** Gets a manifest by tag or digest, or a blob by digest. */
export async function get(
  url: string,
  repository: string,
  kind: 'manifests' | 'blobs',
  name: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const address = `${url}/v2/${repository}/${kind}/${name}`;
  const { status, headers: said, bytes } = await askPlainly('GET', address, { accept: ACCEPT, ...headers });
  return { status, type: said['content-type'] ?? '', bytes };
}

/** Repositories of a registry. */
export async function catalog(url: string): Promise<readonly string[]> {
  const { bytes } = await askPlainly('GET', `${url}/v2/_catalog?n=1000`);
  return (JSON.parse(bytes.toString()) as { repositories: string[] | null }).repositories ?? [];
}

/** Tags of a repository; none when there is no such repository. */
export async function tagsOf(url: string, repository: string): Promise<readonly string[]> {
  const { status, bytes } = await askPlainly('GET', `${url}/v2/${repository}/tags/list`);
  return status === 200 ? ((JSON.parse(bytes.toString()) as { tags?: string[] | null }).tags ?? []) : [];
}

/** Every `repository:tag` there is, of repositories that begin so. */
export async function allTags(url: string, prefix = ''): Promise<readonly string[]> {
  const repositories = (await catalog(url)).filter((name) => name.startsWith(prefix));
  const tags = await Promise.all(
    repositories.map(async (name) => (await tagsOf(url, name)).map((tag) => `${name}:${tag}`)),
  );
  return tags.flat().sort();
}

/**
 * Insists that a repository serves a node and all it reaches under their own digests and types, byte-identical, and
 * the node itself under `name`.
 */
export async function expectServes(url: string, repository: string, node: SampleNode, name?: string): Promise<void> {
  if (name !== undefined) {
    const named = await get(url, repository, 'manifests', name);
    expect([named.status, sha256(named.bytes)]).toEqual([200, node.descriptor.digest]);
  }
  for (const [digest, { descriptor, bytes }] of contentOf(node)) {
    const kind = MANIFEST_TYPES.includes(descriptor.mediaType) ? 'manifests' : 'blobs';
    const answer = await get(url, repository, kind, digest);
    expect([repository, digest, answer.status]).toEqual([repository, digest, 200]);
    expect(answer.bytes.equals(bytes)).toBe(true);
    if (kind === 'manifests') expect(answer.type).toBe(descriptor.mediaType);
  }
}

/** Follows a tag to everything it reaches and proves each digest: an existing tag is never incomplete. */
export async function expectComplete(url: string, repository: string, tag: string): Promise<void> {
  const seen = new Set<string>();
  const follow = async (name: string, expected?: Digest): Promise<void> => {
    if (seen.has(name)) return;
    seen.add(name);
    const { status, bytes } = await get(url, repository, 'manifests', name);
    expect([repository, tag, name, status]).toEqual([repository, tag, name, 200]);
    if (expected !== undefined) expect(sha256(bytes)).toBe(expected);
    const manifest = JSON.parse(bytes.toString()) as {
      manifests?: { digest: Digest }[];
      config?: { digest: Digest };
      layers?: { digest: Digest }[];
    };
    for (const child of manifest.manifests ?? []) await follow(child.digest, child.digest);
    for (const blob of [...(manifest.layers ?? []), ...(manifest.config === undefined ? [] : [manifest.config])]) {
      if (seen.has(blob.digest)) continue;
      seen.add(blob.digest);
      const answer = await get(url, repository, 'blobs', blob.digest);
      expect([repository, tag, blob.digest, answer.status]).toEqual([repository, tag, blob.digest, 200]);
      expect(sha256(answer.bytes)).toBe(blob.digest);
    }
  };
  await follow(tag);
}

/** {@link expectComplete} for every tag there is; returns how many there were. */
export async function expectAllTagsComplete(url: string, prefix = ''): Promise<number> {
  const tags = await allTags(url, prefix);
  for (const tag of tags) {
    const at = tag.lastIndexOf(':');
    await expectComplete(url, tag.slice(0, at), tag.slice(at + 1));
  }
  return tags.length;
}
