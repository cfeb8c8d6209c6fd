/** Layers that a delta leaves out and nothing at hand has, and the error that names them. */
import { NotFoundError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ArchiveReader } from '../reader/reader.ts';
import { omittable, type PartialBase } from './partial-document.ts';

/** Layers that an error shows one by one. */
const MAX_SHOWN = 50;

/** A layer that a delta leaves out. */
export interface LackingLayer {
  /** What it is asked for by. */
  readonly digest: Digest;
  /** bytes */
  readonly size: number;
  /** The release that has it, by the word of the delta. */
  readonly base: Pick<PartialBase, 'name' | 'version'>;
}

/** What an archive leaves out and none of its bases has; nothing of a full archive. */
export function lackingOf(archive: Pick<ArchiveReader, 'head' | 'omitted' | 'baseOf'>): readonly LackingLayer[] {
  if (archive.omitted.size === 0) return [];
  const sizes = omittable(archive.head.inventory);
  return [...archive.omitted].flatMap(([digest, { name, version }]) =>
    archive.baseOf(digest) === undefined ? [{ digest, size: sizes.get(digest) ?? 0, base: { name, version } }] : [],
  );
}

/** @param where what does not have them: `registry.internal:5000 lacks` */
export function missingLayers(layers: readonly LackingLayer[], where: string, hint: string): NotFoundError {
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  const shown = layers.slice(0, MAX_SHOWN);
  const more = layers.length - shown.length;
  return new NotFoundError(
    'MISSING_CONTENT',
    `${where} ${layers.length} layer(s) with ${bytes} bytes that the delta leaves out:`,
    {
      items: [
        ...shown.map(({ digest, size, base }) => `${digest} (${size} bytes) of ${base.name} ${base.version}`),
        ...(more > 0 ? [`and ${more} more`] : []),
      ],
      hint,
      details: { layers: layers.length, bytes },
    },
  );
}
