/**
 * Archives of earlier releases that lie at hand and serve what a delta leaves out. Nothing in them is believed: content
 * is taken by its digest, and hashed before it is used.
 */
import type { Bytes } from '../../base/bytes.ts';
import type { CallOptions, FetchOptions } from '../../content/store.ts';
import { inContext, toInputError, UsageError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ContentSegment } from '../layout/archive-layout.ts';
import { openArchive, type ArchiveReader } from '../reader/reader.ts';
import { nameBases } from './base-names.ts';

/** Content in one of the bases. */
export interface BasePlace {
  readonly archive: ArchiveReader;
  readonly segment: ContentSegment;
}

/** Open archives, by what they hold. Disposing closes them. */
export class BaseArchives implements Disposable {
  /** In the order given. */
  readonly archives: readonly ArchiveReader[];

  /** Made by {@link openBaseArchives}. */
  constructor(archives: readonly ArchiveReader[]) {
    this.archives = archives;
  }

  /** Where the first of them has it. */
  find(digest: Digest): BasePlace | undefined {
    for (const archive of this.archives) {
      const segment = archive.placeOf(digest);
      if (segment !== undefined) return { archive, segment };
    }
    return undefined;
  }

  /** The content, **not yet verified**; undefined where none of them has it. */
  fetch(target: Descriptor, options?: FetchOptions): Bytes | undefined {
    return this.find(target.digest)?.archive.fetch(target, options);
  }

  [Symbol.dispose](): void {
    for (const archive of this.archives) archive[Symbol.dispose]();
  }
}

/** Options of {@link openBaseArchives}. */
export interface BaseOptions extends CallOptions {
  /** Directories that hold parts of them, beside their own. @defaultValue none */
  readonly parts?: readonly string[] | undefined;
}

/**
 * Opens archives that serve as bases. A delta is one too, for what it carries.
 * @throws UsageError when there is no such file, its head is not canonical, or it is cut short.
 */
export async function openBaseArchives(paths: readonly string[], options: BaseOptions = {}): Promise<BaseArchives> {
  using stack = new DisposableStack();
  const archives: ArchiveReader[] = [];
  for (const path of paths) archives.push(stack.use(await openBase(path, options)));
  stack.move();
  return new BaseArchives(archives);
}

/** A file that a person named beside the archive: what is wrong with its head says nothing of the archive. */
async function openBase(path: string, options: BaseOptions): Promise<ArchiveReader> {
  try {
    return await openArchive(path, { signal: options.signal, parts: options.parts });
  } catch (error) {
    throw inContext(toInputError(error), `--base ${path}`);
  }
}

/**
 * Gives a delta the archives that have what it leaves out. From then on it reads like the full archive.
 * @throws UsageError when the archive is no delta, or the bases have nothing that it leaves out.
 */
export async function attachBases(
  delta: ArchiveReader,
  paths: readonly string[],
  options: BaseOptions = {},
): Promise<void> {
  if (paths.length === 0) return;
  if (delta.head.partial === undefined) {
    throw new UsageError('USAGE', `${delta.path} is a full archive and needs no base`, {
      hint: 'leave --base out; it is for deltas',
    });
  }
  const bases = await openBaseArchives(paths, options);
  try {
    // One of several may well be of no use: which of them has what is not for a person to know.
    if ([...delta.omitted.keys()].every((digest) => bases.find(digest) === undefined)) {
      throw new UsageError('USAGE', `${paths.join(', ')}: nothing of what ${delta.path} leaves out is there`, {
        hint: `it is based on ${nameBases(delta.head.partial.bases)}`,
      });
    }
    delta.attach(bases);
  } catch (error) {
    bases[Symbol.dispose]();
    throw error;
  }
}
