/** JSON that two readers could read differently is not read at all. */
import { describe, expect, test } from 'vitest';
import { parseManifest } from '../../../src/oci/manifest.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/media-types.ts';
import { findMisspeltKey, JsonFault, parseJson, type JsonOptions } from '../../../src/base/json/parse-json.ts';
import { parseLock } from '../../../src/release/lock/lock.ts';
import { parseIndexFile } from '../../../src/stores/layout/index-file.ts';

const LIMIT = { maxBytes: 16 * 1024 * 1024 };
const parseStrictJson = (bytes: Uint8Array): unknown => parseJson(bytes, LIMIT);
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const keyed = (count: number): string =>
  JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, at])));

describe('JSON is refused for', () => {
  test.each([
    ['a key twice', '{"a":1,"a":1}'],
    ['a key twice, once in escapes', '{"layers":[],"l\\u0061yers":[]}'],
    ['a key twice with white space between', '{"a" \n:1, "a"\t:2}'],
    ['a key twice, deep inside', '{"x":[{"y":{"a":1,"b":[],"a":2}}]}'],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}'],
    ['a byte order mark', '\uFEFF{}'],
    ['text behind the end', '{}{}'],
    ['a NUL behind the end', '{}\0'],
    ['101 levels', nested(101)],
    ['a million levels that close', nested(1_000_000)],
    ['a million levels that do not', '[{"a":'.repeat(1_000_000)],
    ['a string that does not end', '{"a":"b\\"'],
    ['a comment', '{/*"a":1*/}'],
    ['a bracket too many', '[]]'],
    ['nothing', ''],
  ])('%s', (_, text) => {
    expect(() => parseStrictJson(Buffer.from(text))).toThrow(JsonFault);
  });

  test.each([[[0xff]], [[0x22, 0xc0, 0xaf, 0x22]], [[0x22, 0xed, 0xa0, 0x80, 0x22]]])('bytes %j, no UTF-8', (bytes) => {
    expect(() => parseStrictJson(Buffer.from(bytes))).toThrow('is not UTF-8 text');
  });
});

test.each([
  '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
  '{"a":"a","b":"a\\":","c":["a","a","{","}"]}',
  '{"a":1,"A":2}',
  nested(100),
  ' [ ] ',
  '"text"',
])('%s is read as always', (text) => {
  expect(parseStrictJson(Buffer.from(text))).toEqual(JSON.parse(text));
});

describe('a document is refused', () => {
  test.each<[string, string, Partial<JsonOptions>, string]>([
    ['that is one byte too long', '[1,2]', { maxBytes: 4 }, 'is longer than 4 bytes'],
    ['with one value too many', '[1,2,3]', { maxValues: 2 }, 'has more than 2 values'],
    ['with one level too many', '[[[]]]', { maxDepth: 2 }, 'is nested too deep'],
    ['with 65 keys where values are counted', keyed(65), { maxValues: 1000 }, 'has an object of more than 64 keys'],
    ['with a fraction where digits are asked for', '[5.0]', { plainNumbers: true }, 'not written in digits alone'],
    ['with an exponent where digits are asked for', '[5e0]', { plainNumbers: true }, 'not written in digits alone'],
    ['with a byte order mark, even where equal keys are taken', '\uFEFF{}', { reading: 'lenient' }, 'byte order mark'],
    ['with 101 levels, even where equal keys are taken', nested(101), { reading: 'lenient' }, 'nested too deep'],
  ])('%s', (_, text, options, fault) => {
    expect(() => parseJson(text, { ...LIMIT, ...options })).toThrow(fault);
  });

  test('with the place of the fault where the parser tells it, and never with its text, which may be a secret', () => {
    expect(() => parseJson('{\n "auth": "hunter2" "b": 1 }', LIMIT)).toThrow(/^is not JSON \(line 2 column 20\)$/);
    expect(() => parseJson('{\n "auth": hunter2 }', LIMIT)).toThrow(/^is not JSON$/);
  });
});

describe('a document is read', () => {
  test.each<[string, string, Partial<JsonOptions>]>([
    ['of exactly the bytes that are allowed', '[1,2]', { maxBytes: 5 }],
    ['of exactly the values that are allowed', '[1,2]', { maxValues: 2 }],
    ['of exactly the levels that are allowed', '[[]]', { maxDepth: 2 }],
    ['with 65 keys where values are not counted', keyed(65), {}],
    ['with digits in a string', '["-5.0"]', { plainNumbers: true }],
  ])('%s', (_, text, options) => {
    expect(parseJson(text, { ...LIMIT, ...options })).toEqual(JSON.parse(text));
  });

  test('leniently as Go reads it: the last of equal keys counts, and no byte is a reason to refuse', () => {
    const bytes = Buffer.concat([Buffer.from('{"a":1,"a":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    expect(parseJson(bytes, { ...LIMIT, reading: 'lenient' })).toEqual({ a: '\uFFFD' });
  });
});

test('__proto__ is a key like any other and changes no object', () => {
  const value = parseStrictJson(Buffer.from('{"__proto__":{"polluted":true}}'));
  expect(Object.hasOwn(value as object, '__proto__')).toBe(true);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test.each([
  ['Layers', true],
  ['LAYERS', true],
  ['layerſ', true],
  ['laYers', true],
  ['layers', false],
  ['layer', false],
])('whether Go reads %j as layers: %s', (key, isMisspelt) => {
  expect(findMisspeltKey({ [key]: 1 }, ['layers']) !== undefined).toBe(isMisspelt);
});

describe('a manifest is refused', () => {
  const config = { mediaType: MediaType.config, digest: sha256('config'), size: 6 };
  const other = sha256('other');
  const text = (layer: string, rest = ''): string =>
    `{"schemaVersion":2,"mediaType":"${MediaType.manifest}","config":${JSON.stringify(config)},"layers":[${layer}]${rest}}`;
  const good = `{"mediaType":"x","digest":"${other}","size":1}`;
  const parse = (json: string): unknown => parseManifest(Buffer.from(json), undefined, 'x');

  test('only when something is wrong with it', () => {
    expect(parse(text(good))).toMatchObject({ layers: [{ digest: other }] });
    expect(parse(text(good, ',"annotations":{"a":"1","A":"2"}'))).toMatchObject({ annotations: { a: '1', A: '2' } });
  });

  test.each([
    ['layers twice', text(good, ',"layers":[]')],
    ['layers twice, once in escapes', text(good, ',"l\\u0061yers":[]')],
    ['a digest twice', text(`{"mediaType":"x","digest":"${other}","digest":"${sha256('a')}","size":1}`)],
    ['a digest in Go’s spelling beside the real one', text(`{"mediaType":"x","digest":"${other}","Digest":"${sha256('a')}","size":1}`)],
    ['a size with a long s', text(`{"mediaType":"x","digest":"${other}","size":1,"ſize":9}`)],
    ['a config in another case inside of a descriptor', text(good).replace('"size":6', '"size":6,"SIZE":7')],
    ['a platform in another case', text(`{"mediaType":"x","digest":"${other}","size":1,"platform":{"os":"linux","architecture":"amd64","OS":"windows"}}`)],
    ['a byte order mark', `\uFEFF${text(good)}`],
    ['an unsafe size', text(good.replace('"size":1', '"size":9007199254740993'))],
    ['depth', text(good, `,"annotations":{"a":${nested(1_000_000)}}`)],
  ])('for %s', (_, json) => {
    expect(() => parse(json)).toThrow(expect.objectContaining({ code: 'MALFORMED' }));
  }); // prettier-ignore
});

test('a lock and the index of a layout with a key twice are refused', () => {
  expect(() => parseLock('{"lockVersion":1,"lockVersion":1}', 'release.lock.json')).toThrow(
    /repeats the key "lockVersion"/,
  );
  expect(() => parseIndexFile(Buffer.from('{"schemaVersion":2,"manifests":[],"manifests":[]}'), 'x')).toThrow(
    expect.objectContaining({ code: 'MALFORMED' }),
  );
});
