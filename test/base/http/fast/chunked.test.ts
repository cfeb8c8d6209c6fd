/** The framing of chunked bodies, however it is cut, and what breaks it. */
import { describe, expect, it } from 'vitest';
import { ChunkedBody } from '../../../../src/base/http/fast/chunked.ts';

/** Feeds the text in parts of this many bytes. */
function read(text: string, partBytes: number): { readonly content: string; readonly isDone: boolean } {
  const body = new ChunkedBody();
  const bytes = Buffer.from(text, 'latin1');
  let content = '';
  for (let at = 0; at < bytes.length; at += partBytes) {
    for (const part of body.contentOf(bytes.subarray(at, at + partBytes))) content += Buffer.from(part).toString();
  }
  return { content, isDone: body.isDone };
}

const ANY_CUT = [1, 2, 3, 5, 7, 1000];

describe('a chunked body', () => {
  it.each([
    ['of two chunks', '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n', 'hello world'],
    ['with extensions and capitals', 'A;name="x"\r\n0123456789\r\n0;last\r\n\r\n', '0123456789'],
    ['with trailers', '1\r\nx\r\n0\r\nx-sum: 1\r\ny: 2\r\n\r\n', 'x'],
    ['without content', '0\r\n\r\n', ''],
    ['whose content looks like framing', '7\r\n0\r\n\r\n5\r\r\n0\r\n\r\n', '0\r\n\r\n5\r'],
  ])('%s is read, wherever it is cut', (_, text, content) => {
    for (const partBytes of ANY_CUT) expect(read(text, partBytes)).toEqual({ content, isDone: true });
  });

  it('is not done before its last line', () => {
    const text = '5\r\nhello\r\n0\r\nx: y\r\n\r\n';
    for (let length = 0; length < text.length; length++) expect(read(text.slice(0, length), 4).isDone).toBe(false);
  });

  it.each([
    ['a size that is none', 'g\r\n'],
    ['no size', '\r\n'],
    ['a negative size', '-1\r\n'],
    ['a size with a sign', '+5\r\nhello\r\n'],
    ['a size beyond all measure', 'fffffffffffff\r\n'],
    ['a bare line feed', '5\nhello\r\n0\r\n\r\n'],
    ['a chunk longer than its size', '4\r\nhello\r\n0\r\n\r\n'],
    ['an endless line', `5;${'x'.repeat(5000)}\r\n`],
    ['an endless line that never ends', 'x'.repeat(5000)],
    ['endless trailers', `0\r\n${'x: y\r\n'.repeat(1000)}`],
    ['bytes behind the end', '0\r\n\r\nHTTP/1.1'],
  ])('with %s is refused', (_, text) => {
    for (const partBytes of ANY_CUT) expect(() => read(text, partBytes)).toThrow(expect.objectContaining({ code: 'ECONNRESET' }) as Error); // prettier-ignore
  });
});
