/** Byte ranges of a request for a blob. */

/** Inclusive positions, as in `Content-Range`. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

const SINGLE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * Reads a `Range` header against content of `length` bytes. A header that asks for several ranges, another unit or
 * nonsense is ignored, as HTTP has it, and gives `undefined`: the whole content is meant.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-14.2
 */
export function parseRange(header: string | undefined, length: number): ByteRange | 'unsatisfiable' | undefined {
  const [, from, to] = SINGLE.exec(header?.replaceAll(' ', '') ?? '') ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  if (from === '') {
    const requested = Math.min(Number(to), length);
    return requested === 0 ? 'unsatisfiable' : { first: length - requested, last: length - 1 };
  }
  const first = Number(from);
  const last = to === '' ? length - 1 : Math.min(Number(to), length - 1);
  return first > last ? 'unsatisfiable' : { first, last };
}

const CHUNK = /^(?:bytes )?(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/;

/**
 * Reads the `Content-Range` of an upload chunk: `<first>-<last>`, and the HTTP form some clients send.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-a-blob-in-chunks
 */
export function parseChunkRange(header: string): ByteRange | undefined {
  const [, from, to] = CHUNK.exec(header) ?? [];
  if (from === undefined || to === undefined) return undefined;
  const range = { first: Number(from), last: Number(to) };
  return range.first > range.last ? undefined : range;
}
