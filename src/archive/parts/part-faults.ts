/** Says which parts of an archive are missing or bad: the bytes they hold, and whose images those are. */
import { createReach, rootsOf } from '../../content/graph-walk.ts';
import { IntegrityError, NotFoundError, StoreError, type AirgapError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ByteRange } from '../hashing/hash-thread.ts';
import type { KnownHead } from '../source/byte-source.ts';
import type { PlannedPart } from './found-parts.ts';

/** Names that one line shows of a list. */
const MAX_NAMED = 5;
const COPY_AGAIN = 'copy it again from its source, or name a directory that holds a good copy with --parts';
const BRING = 'bring what is missing, or name the directory that holds it with --parts; nothing was joined or changed';

/** The parts of an archive, as far as their faults go. */
export interface FaultyParts {
  /** Of the archive. */
  readonly path: string;
  /** bytes of them all */
  readonly size: number;
  readonly parts: readonly PlannedPart[];
  /** Those of the given parts, by index, that are not what the list says; all of them where it says nothing. */
  bad(indexes: readonly number[]): Promise<readonly number[]>;
}

/** The error for parts that are not there, or are of another length than they should be. */
export function absentParts({ path, parts }: Pick<FaultyParts, 'path' | 'parts'>, head?: KnownHead): AirgapError {
  const absent = parts.filter(({ copies }) => copies.length === 0);
  const items = absent.map((part) => {
    const [odd] = part.odd;
    const why = odd === undefined ? 'is missing' : `has ${odd.size} bytes in the place of ${part.size}`;
    return `${part.name} ${why} (${extent(part, head)})`;
  });
  const isMissing = absent.some(({ odd }) => odd.length === 0);
  const message = `${path} is not whole: ${absent.length} of its ${parts.length} parts cannot be used`;
  if (isMissing) return new NotFoundError('MISSING_CONTENT', message, { hint: BRING, items });
  return new IntegrityError('SIZE_MISMATCH', message, { hint: COPY_AGAIN, items });
}

/** The error for parts that together are shorter than the archive that their inventory describes. */
export function shortParts({ path, parts, size }: FaultyParts, head: KnownHead): AirgapError {
  const last = parts.at(-1);
  const rest = { offset: size, size: head.layout.size - size };
  const message = `${path} is not whole: its parts have ${size} of ${head.layout.size} bytes`;
  const short = shortened(parts, head);
  if (short.length === 0 && last?.size === parts[0]?.size) {
    const items = [`what follows ${last?.name ?? ''} is missing (${extent(rest, head)})`];
    return new NotFoundError('MISSING_CONTENT', message, { hint: BRING, items });
  }
  const items = short.length > 0 ? short : [`${last?.name ?? ''} ends before the archive does (${extent(rest, head)})`];
  return new IntegrityError('SIZE_MISMATCH', message, { hint: `a part was cut short: ${COPY_AGAIN}`, items });
}

/** Parts in the middle that are not as long as the first: `split` makes none, and other tools hardly do. */
function shortened(parts: readonly PlannedPart[], head?: KnownHead): readonly string[] {
  const [first] = parts;
  const uneven = parts.slice(0, -1).filter(({ size }) => size !== first?.size);
  return uneven.map((part) => {
    return `${part.name} has ${part.size} bytes, and ${first?.name ?? ''} ${first?.size ?? 0} (${extent(part, head)})`;
  });
}

/**
 * An error of reading or verifying an archive, with the parts that hold the bytes it is about.
 * @param damaged all stretches that are known to be wrong; where there are none, the error says where it is
 * @param head absent while nothing is believed: then no part is hashed
 */
export async function inParts(
  error: unknown,
  source: FaultyParts,
  damaged: readonly ByteRange[],
  head: KnownHead | undefined,
): Promise<unknown> {
  if (!(error instanceof IntegrityError || error instanceof StoreError)) return error;
  const { offset } = error.details;
  const ranges = damaged.length > 0 ? damaged : typeof offset === 'number' ? [{ offset, length: 1 }] : [];
  const indexes = [...source.parts.keys()].filter((index) =>
    ranges.some((range) => overlaps(source.parts[index] as PlannedPart, range)),
  );
  if (indexes.length === 0) return error;
  const bad = head === undefined ? indexes : await source.bad(indexes);
  const named = bad.map((index) => source.parts[index] as PlannedPart);
  const items = named.map((part) => `in the part ${part.name} (${extent(part, head)})`).concat(shortened(source.parts, head)); // prettier-ignore
  const options = { cause: error, hint: COPY_AGAIN, details: { ...error.details, part: named[0]?.name }, items };
  return error instanceof IntegrityError
    ? new IntegrityError(error.code, error.message, options)
    : new StoreError(error.code, error.message, options);
}

/** `bytes 100 to 199: images a, b; file c` */
function extent({ offset, size }: Pick<PlannedPart, 'offset' | 'size'>, head?: KnownHead): string {
  const bytes = size === 0 ? `from byte ${offset} on` : `bytes ${offset} to ${offset + size - 1}`;
  const held = head === undefined ? '' : heldIn(head, { offset, length: size });
  return held === '' ? bytes : `${bytes}: ${held}`;
}

/** The images and files that have content in a stretch. */
function heldIn({ inventory, layout }: KnownHead, range: ByteRange): string {
  const held = new Set<Digest>();
  for (const segment of layout.segments) {
    if (segment.kind !== 'content') continue;
    if (overlaps({ offset: segment.offset, size: segment.length }, range)) held.add(segment.digest);
  }
  const reach = createReach(inventory);
  const images = inventory.images.filter((image) => {
    const { manifests, blobs } = reach(rootsOf(image));
    return [...manifests, ...blobs].some(({ digest }) => held.has(digest));
  });
  const files = inventory.files.filter(({ digest }) => held.has(digest));
  return [some('image', images.map(({ reference }) => reference)), some('file', files.map(({ path }) => path))].filter(Boolean).join('; '); // prettier-ignore
}

function some(what: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const rest = names.length - MAX_NAMED;
  const shown = names.slice(0, MAX_NAMED).join(', ');
  return `${what}${names.length > 1 ? 's' : ''} ${shown}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function overlaps({ offset, size }: Pick<PlannedPart, 'offset' | 'size'>, range: ByteRange): boolean {
  return range.offset < offset + size && range.offset + range.length > offset;
}
