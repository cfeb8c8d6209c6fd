/** Bodies of answers: read whole within a bound, as JSON, or as an explanation. */
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../../src/base/bytes.ts';
import { HttpError } from '../../../src/errors.ts';
import {
  encodingOf,
  isStreamed,
  readBody,
  readExplanation,
  readJson,
  type Answer,
} from '../../../src/base/http/answer.ts';
import { placeOf } from '../../../src/base/http/location.ts';
import type { Peer } from '../../../src/base/http/network-failure.ts';

const PEER: Peer = {
  name: 'the store',
  specification: 'its specification',
  failure: (message, failure, options) => new HttpError('REGISTRY', message, failure, options),
};
const url = new URL('https://r.example/');

function answerOf(
  chunks: readonly (string | Error)[],
  headers: Answer['headers'] = {},
): Answer & { readonly given: number } {
  let given = 0;
  async function* body(): Bytes {
    const lent = Buffer.alloc(100_000);
    for (const chunk of chunks) {
      if (chunk instanceof Error) throw chunk;
      given++;
      yield lent.subarray(0, lent.write(chunk));
      lent.fill(0);
    }
  }
  return {
    asked: { peer: PEER, method: 'GET', url },
    place: placeOf(url),
    status: 200,
    headers,
    body: body(),
    discard: () => Promise.resolve(),
    get given() {
      return given;
    },
  };
}

it('a body is kept though its chunks are only lent, up to its bound', async () => {
  expect((await readBody(answerOf(['ab', 'c']), 3)).toString()).toBe('abc');
  const over = answerOf(['ab', 'cd', 'e']);
  await expect(readBody(over, 3)).rejects.toThrow('the answer is over 3 bytes');
  expect(over.given).toBe(2);
  await expect(readBody(answerOf(['a', new Error('cut')]), 3)).rejects.toThrow('cut');
});

it.each([
  [undefined, undefined],
  ['', undefined],
  [' Identity ', undefined],
  [' GZIP', 'gzip'],
])('the encoding %j is %s', (value, expected) => {
  expect(encodingOf({ headers: { 'content-encoding': value } })).toBe(expected);
});

describe('JSON', () => {
  it.each([
    ['{"a":1}', {}],
    ['no JSON at all', {}],
    [' \n [1]', { 'content-encoding': 'gzip' }],
    ['{}', { 'content-encoding': 'br' }],
  ])('%j with %j is passed on', async (text, headers) => {
    expect((await readJson(answerOf([text], headers), 100)).toString()).toBe(text);
  });

  it.each(['\x1f\x8b', '"text"', ''])('%j that is said to be encoded is refused', async (text) => {
    await expect(readJson(answerOf([text], { 'content-encoding': 'gzip' }), 100)).rejects.toThrow(
      'Content-Encoding gzip',
    );
  });
});

it('an explanation ends at 64 KiB, and is nothing where it breaks off', async () => {
  const long = answerOf(['x'.repeat(60_000), 'y'.repeat(5_536), 'z']);
  expect(await readExplanation(long)).toHaveLength(65_536);
  expect(long.given).toBe(2);
  const short = answerOf(['x'.repeat(60_000), 'y'.repeat(5_535), 'z']);
  expect(await readExplanation(short)).toHaveLength(65_536);
  expect(await readExplanation(answerOf(['why', new Error('cut')]))).toHaveLength(0);
  expect((await readExplanation(answerOf(['why', '!']))).toString()).toBe('why!');
});

it('only what is neither bytes nor nothing is a stream', () => {
  expect(
    [undefined, Buffer.of(1), { length: 0, chunks: (async function* () {})() }].map((body) => isStreamed(body)),
  ).toEqual([false, false, true]);
});
