/** Heads of the fast paths: what is written, what is read, and all that is left to the general path. */
import { describe, expect, it } from 'vitest';
import { formatHead, MAX_HEAD_BYTES, parseHead, type Head } from '../../../../src/base/http/fast/http-head.ts';

function read(...lines: readonly string[]): Head | 'incomplete' | 'unfit' {
  return parseHead(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
}

describe('the head of a request', () => {
  it('is its line and its headers', () => {
    expect(formatHead('GET', '/a?b=%2F~', { host: 'r:5000', 'X-Y1': 'a b' })).toBe(
      'GET /a?b=%2F~ HTTP/1.1\r\nhost: r:5000\r\nX-Y1: a b\r\n\r\n',
    );
  });

  it.each(['', 'a', '*', '/a b', '/a\r\nx: y', '/ä', '/\x7f'])('is not made for the target %j', (target) => {
    expect(formatHead('GET', target, {})).toBeUndefined();
  });

  it.each([
    ['x y', 'a'],
    ['', 'a'],
    ['x:', 'a'],
    ['x', 'a\r\nb: c'],
    ['x', 'a\tb'],
    ['x', 'ä'],
  ])('is not made with the header %j: %j', (name, value) => {
    expect(formatHead('GET', '/', { [name]: value })).toBeUndefined();
  });
});

describe('the head of an answer', () => {
  it('is read with its length, and its own size', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:\t b \r\nx-a:c\r\n\r\n';
    expect(parseHead(Buffer.from(`${text}hello`))).toEqual({
      status: 200,
      headers: { 'content-length': '5', 'x-a': 'b, c' },
      length: 5,
      isChunked: false,
      keepsAlive: true,
      size: text.length,
    });
  });

  it.each<[readonly string[], Partial<Head>]>([
    [['HTTP/1.1 200'], { status: 200, length: undefined, isChunked: false, keepsAlive: false }],
    [['HTTP/1.1 100 Continue'], { status: 100 }],
    [['HTTP/1.1 204 No Content'], { length: 0, keepsAlive: true }],
    [['HTTP/1.1 304 x', 'content-length: 7'], { length: 0 }],
    [['HTTP/1.1 200 x', 'transfer-encoding: Chunked'], { length: undefined, isChunked: true, keepsAlive: true }],
    [['HTTP/1.1 200 x', 'content-length: 0', 'connection: close'], { length: 0, keepsAlive: false }],
    [['HTTP/1.1 200 x', 'content-length: 0', 'connection: x, CLOSE ,y'], { keepsAlive: false }],
    [['HTTP/1.1 200 x', 'content-length: 0', 'connection: closed'], { keepsAlive: true }],
    [['HTTP/1.1 200 x', 'content-length: 999999999999999'], { length: 999999999999999 }],
  ])('%j', (lines, expected) => {
    expect(read(...lines)).toMatchObject(expected);
  });

  it.each([
    ['HTTP/1.0 200 OK'],
    ['HTTP/2 200'],
    ['HTTP/1.1 99 x'],
    ['HTTP/1.1 099 x'],
    ['HTTP/1.1 2000 x'],
    ['HTTP/1.1 200 x', 'no header'],
    ['HTTP/1.1 200 x', ' folded: line'],
    ['HTTP/1.1 200 x', 'a b: c'],
    ['HTTP/1.1 200 x', 'a: b\0'],
    ['HTTP/1.1 200 x', 'content-length: 5', 'content-length: 5'],
    ['HTTP/1.1 200 x', 'content-length: -5'],
    ['HTTP/1.1 200 x', 'content-length: 1000000000000000'],
    ['HTTP/1.1 200 x', 'content-length: 5', 'transfer-encoding: chunked'],
    ['HTTP/1.1 200 x', 'transfer-encoding: gzip, chunked'],
    ['HTTP/1.1 200 x', 'transfer-encoding: gzip'],
    ['HTTP/1.1 204 x', 'transfer-encoding: gzip'],
  ])('%j is unfit', (...lines) => {
    expect(read(...lines)).toBe('unfit');
  });

  it('has two hundred headers at most', () => {
    const lines = (count: number): string[] => [
      'HTTP/1.1 204',
      ...Array.from({ length: count }, (_, nth) => `a${nth}: b`),
    ];
    expect(read(...lines(200))).toMatchObject({ status: 204 });
    expect(read(...lines(201))).toBe('unfit');
  });

  it('is waited for up to 32 KiB, its end included', () => {
    expect(MAX_HEAD_BYTES).toBe(32 * 1024);
    const head = (size: number): Buffer => Buffer.from('HTTP/1.1 204\r\na: '.padEnd(size - 4, 'b') + '\r\n\r\n');
    expect(parseHead(head(MAX_HEAD_BYTES))).toMatchObject({ size: MAX_HEAD_BYTES });
    expect(parseHead(head(MAX_HEAD_BYTES + 1))).toBe('unfit');
    expect(parseHead(head(MAX_HEAD_BYTES).subarray(0, -1))).toBe('incomplete');
    expect(parseHead(Buffer.alloc(0))).toBe('incomplete');
  });
});
