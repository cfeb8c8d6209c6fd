/** Tags of a target that name something else than before: what they named, and whether that was newer. */
import { parseJson } from '../base/json/parse-json.ts';
import { isIndex, MAX_MANIFEST_BYTES, parseManifest } from '../oci/manifest.ts';
import type { Digest } from '../oci/digest.ts';
import type { PendingCopy, PendingTag } from './plan.ts';
import type { CallOptions, Source } from './store.ts';
import { readVerified } from './verified.ts';

/** A tag that moves. */
export interface TagMove {
  /** `registry.internal/team/app:1.0` */
  readonly name: string;
  readonly digest: Digest;
  readonly previous: Digest;
  /** When the image was made that the tag names from now on, as its config says; absent where it says nothing. */
  readonly created?: string | undefined;
  readonly previousCreated?: string | undefined;
  /** Whether the tag goes back to an older image. */
  readonly isDowngrade: boolean;
}

/** Digests of this many images are looked up for one move: an index leads to its first child. */
const MAX_DEPTH = 3;

/** Finds the tags that move. What the images' times are is asked of either side, and left out where it is not to be had. */
export async function findTagMoves(pending: PendingCopy, options: CallOptions = {}): Promise<readonly TagMove[]> {
  const sources = new Map(pending.manifests.map(({ transfer }) => [transfer.descriptor.digest, transfer.source]));
  const moves: TagMove[] = [];
  for (const { assignment, previous } of pending.tags) {
    if (previous === undefined) continue;
    const { digest } = assignment.descriptor;
    const source = sources.get(digest) ?? assignment.target;
    const created = await createdOf(source, digest, options);
    const previousCreated = await createdOf(assignment.target, previous, options);
    moves.push({
      name: nameOf(assignment),
      digest,
      previous,
      ...(created === undefined ? {} : { created: created.toISOString() }),
      ...(previousCreated === undefined ? {} : { previousCreated: previousCreated.toISOString() }),
      isDowngrade: created !== undefined && previousCreated !== undefined && created < previousCreated,
    });
  }
  return moves;
}

/** A layout's tags are whole references, and a registry's are those of a repository. */
function nameOf({ target, tag }: PendingTag['assignment']): string {
  return `${target.name}:${tag}`;
}

/** When an image was made; of an index, its first. A remark is not worth a failure: what cannot be read says nothing. */
async function createdOf(source: Source, root: Digest, options: CallOptions): Promise<Date | undefined> {
  try {
    let digest = root;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const descriptor = await source.resolve(digest, options);
      const manifest = parseManifest(await readVerified(source, descriptor, options), descriptor.mediaType, digest);
      if (!isIndex(manifest)) return readCreated(await readVerified(source, manifest.config, options));
      const [first] = manifest.manifests;
      if (first === undefined) return undefined;
      digest = first.digest;
    }
  } catch {
    options.signal?.throwIfAborted();
  }
  return undefined;
}

/** @see https://github.com/opencontainers/image-spec/blob/main/config.md#properties */
function readCreated(config: Buffer): Date | undefined {
  const json = parseJson(config, { maxBytes: MAX_MANIFEST_BYTES, reading: 'lenient' });
  const created = typeof json === 'object' && json !== null && 'created' in json ? json.created : undefined;
  const time = typeof created === 'string' ? Date.parse(created) : Number.NaN;
  // Reproducible builds give every image one time, which says nothing of their order.
  return Number.isNaN(time) || time <= 0 ? undefined : new Date(time);
}
