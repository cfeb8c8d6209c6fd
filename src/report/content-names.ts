/** What people call a piece of content: the image or the file it belongs to, and not its digest. */
import { createReach, rootsOf, type GraphPart } from '../content/graph-walk.ts';
import type { GraphImage } from '../content/content-graph.ts';
import type { Digest } from '../oci/digest.ts';

/** Content whose pieces can be named: a lock, an inventory, or a part of one. */
export interface NamedContent extends GraphPart {
  readonly images: readonly GraphImage[];
  readonly files?: readonly { readonly path: string; readonly digest: Digest }[] | undefined;
}

/**
 * Names every piece of content by what it belongs to: `control-plane:1.5.0`, `charts/app-1.0.0.tgz`; what more than one
 * image has in common is `control-plane:1.5.0 and 4 more`.
 */
export function nameContents(content: NamedContent): ReadonlyMap<Digest, string> {
  const reach = createReach(content);
  const users = new Map<Digest, { readonly first: string; others: number }>();
  for (const image of content.images) {
    const { manifests, blobs } = reach(rootsOf(image));
    for (const { digest } of [...manifests, ...blobs]) {
      const known = users.get(digest);
      if (known === undefined) users.set(digest, { first: shortName(image.reference), others: 0 });
      else known.others += 1;
    }
  }
  return new Map([
    ...[...users].map(([digest, { first, others }]): [Digest, string] => [
      digest,
      others === 0 ? first : `${first} and ${others} more`,
    ]),
    ...(content.files ?? []).map(({ path, digest }): [Digest, string] => [digest, path]),
  ]);
}

/** `registry.example:5000/team/app:1.0` → `app:1.0`; an image without a tag by the beginning of its digest. */
function shortName(reference: string): string {
  const [name = '', digest] = (reference.split('/').at(-1) ?? reference).split('@');
  return name.includes(':') || digest === undefined ? name : `${name}@${digest.slice(0, 19)}`;
}
