/** Takes the framing off a body of unknown length, without copying. */

/** Characters of one line of the framing, and of all trailers. */
const MAX_LINE_LENGTH = 4096;

/** @see https://www.rfc-editor.org/rfc/rfc9112#name-chunked-transfer-coding */
export class ChunkedBody {
  #state: 'size' | 'data' | 'data end' | 'trailer' | 'done' = 'size';
  /** Bytes of the current chunk that have not come. */
  #left = 0;
  #line = '';
  #trailerLength = 0;

  /** Whether the end of the body was read. */
  get isDone(): boolean {
    return this.#state === 'done';
  }

  /**
   * The content in the next part of what was received; the parts lie within it.
   * @throws Error with code `ECONNRESET` for broken framing, and for bytes behind the end.
   */
  *contentOf(received: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < received.length;) {
      if (this.#state === 'data') {
        const part = received.subarray(at, at + this.#left);
        at += part.length;
        this.#left -= part.length;
        if (this.#left === 0) this.#state = 'data end';
        yield part;
        continue;
      }
      if (this.#state === 'done') throw broken('more bytes came than announced');
      const feed = received.indexOf(0x0a, at);
      const end = feed < 0 ? received.length : feed + 1;
      if (end - at + this.#line.length > MAX_LINE_LENGTH) throw broken('a line of a chunked body is too long');
      this.#line += Buffer.from(received.buffer, received.byteOffset + at, end - at).toString('latin1');
      at = end;
      if (feed >= 0) this.#endLine();
    }
  }

  #endLine(): void {
    const line = this.#line;
    this.#line = '';
    if (!line.endsWith('\r\n')) throw broken('a line of a chunked body does not end in CRLF');
    const text = line.slice(0, -2);
    if (this.#state === 'size') {
      const digits = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(text)?.[1];
      if (digits === undefined) throw broken('a chunk has no size');
      this.#left = Number.parseInt(digits, 16);
      this.#state = this.#left === 0 ? 'trailer' : 'data';
    } else if (this.#state === 'data end') {
      if (text !== '') throw broken('a chunk is longer than its size');
      this.#state = 'size';
    } else {
      this.#trailerLength += line.length;
      if (this.#trailerLength > MAX_LINE_LENGTH) throw broken('the trailers of a chunked body are too long');
      if (text === '') this.#state = 'done';
    }
  }
}

function broken(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}
