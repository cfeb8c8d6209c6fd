/** `index.json` of a layout: which tag names which content. Entries of other tools are kept as they are. */
import * as z from 'zod';
import { IntegrityError, StoreError } from '../../errors.ts';
import { Annotation, type Descriptor } from '../../oci/descriptor.ts';
import { isDigest, type Digest } from '../../oci/digest.ts';
import { MediaType } from '../../oci/media-types.ts';
import { jsonFaultOf, parseJson } from '../../base/json/parse-json.ts';

/** Bytes of `index.json` that are read. */
export const MAX_INDEX_BYTES: number = 32 * 1024 * 1024;
const MAX_ENTRIES = 100_000;

/** @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md#indexjson-file */
const IndexFile = z.looseObject({
  schemaVersion: z.literal(2),
  manifests: z
    .array(
      z.looseObject({
        mediaType: z.string().max(255),
        // Not a Digest: an entry in another algorithm is no reason to refuse its neighbours.
        digest: z.string().max(300),
        size: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
        annotations: z.record(z.string(), z.string()).nullish(),
      }),
    )
    .max(MAX_ENTRIES)
    .nullish(),
});
/** The parsed file; unknown keys are kept. */
export type IndexFile = z.infer<typeof IndexFile>;
type Entry = NonNullable<IndexFile['manifests']>[number];

/** What a new layout starts with. */
export const EMPTY_INDEX: IndexFile = { schemaVersion: 2, mediaType: MediaType.index, manifests: [] };

/**
 * Reads `index.json`.
 * @throws IntegrityError `MALFORMED`
 */
export function parseIndexFile(bytes: Uint8Array, what: string): IndexFile {
  let json: unknown;
  try {
    json = parseJson(bytes, { maxBytes: MAX_INDEX_BYTES });
  } catch (error) {
    throw new IntegrityError('MALFORMED', `${what}: index.json ${jsonFaultOf(error)}`);
  }
  const parsed = IndexFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new IntegrityError('MALFORMED', `${what}: index.json: ${issue?.path.join('.')}: ${issue?.message}`);
}

/** All entries whose digest can be checked. */
export function entriesOf(index: IndexFile): readonly Descriptor[] {
  return (index.manifests ?? []).flatMap(({ mediaType, digest, size, annotations }) =>
    isDigest(digest) ? [{ mediaType, digest, size, annotations: annotations ?? undefined }] : [],
  );
}

/**
 * The content a tag names: by reference name, else by containerd's name.
 * @throws StoreError `UNSUPPORTED` when the tag names several images.
 */
export function findTag(index: IndexFile, tag: string, what: string): Descriptor | undefined {
  const entries = entriesOf(index);
  const named = (key: string): readonly Descriptor[] => entries.filter((entry) => entry.annotations?.[key] === tag);
  const byName = named(Annotation.refName);
  const matches = byName.length > 0 ? byName : named(Annotation.containerdImageName);
  const [first] = matches;
  if (matches.some((match) => match.digest !== first?.digest)) {
    throw new StoreError('UNSUPPORTED', `${what}: ${tag} names ${matches.length} different images`, {
      hint: `name one by its digest: ${matches.map((match) => match.digest).join(', ')}`,
    });
  }
  return first;
}

/** The entry of a digest, under whatever tag. */
export function findDigest(index: IndexFile, digest: Digest): Descriptor | undefined {
  return entriesOf(index).find((entry) => entry.digest === digest);
}

/** The same index with the tag on this content and nowhere else; sorted, so that the order of tagging leaves no trace. */
export function withTag(index: IndexFile, target: Descriptor, tag: string): IndexFile {
  const entry: Entry = {
    mediaType: target.mediaType,
    digest: target.digest,
    size: target.size,
    annotations: {
      ...(isFullReference(tag) ? { [Annotation.containerdImageName]: tag } : {}),
      [Annotation.refName]: tag,
    },
  };
  const others = (index.manifests ?? []).filter(
    ({ annotations }) =>
      annotations?.[Annotation.refName] !== tag && annotations?.[Annotation.containerdImageName] !== tag,
  );
  const manifests = [...others, entry].sort((a, b) => compare(nameOf(a), nameOf(b)));
  return { ...index, manifests };
}

function nameOf(entry: Entry): string {
  return entry.annotations?.[Annotation.refName] ?? '';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether the text starts with a registry host, as a tag alone or a short name does not. */
function isFullReference(tag: string): boolean {
  const [host = '', ...path] = tag.split('/');
  return path.length > 0 && (host === 'localhost' || /[.:]/.test(host));
}
