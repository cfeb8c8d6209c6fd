/** Where a file with an address on the web is fetched from. */
import { expect, test } from 'vitest';
import { parseMirror } from '../../../src/release/mapping/mirror-rule.ts';
import { webPlaceOf } from '../../../src/release/mapping/web-place.ts';

const RULES = ['charts.example=127.0.0.1:5000/web', 'other.example:8080=127.0.0.2:5000'].map(parseMirror);

test.each([
  ['https://plain.example/a/index.yaml?x=1', { host: 'plain.example', path: '/a/index.yaml?x=1', plainHttp: false }],
  ['http://127.0.0.1:8080/a', { host: '127.0.0.1:8080', path: '/a', plainHttp: true }],
  ['http://named.example/a', { host: 'named.example', path: '/a', plainHttp: true }],
  ['https://charts.example/a%20b.tgz?x', { host: '127.0.0.1:5000', path: '/web/a%20b.tgz?x' }],
  ['http://other.example:8080/a', { host: '127.0.0.2:5000', path: '/a' }],
])('%s', (address, place) => {
  expect(webPlaceOf(new URL(address), RULES, ['named.example'])).toEqual(place);
});

test('another machine is not spoken to without TLS unless it was named', () => {
  expect(() => webPlaceOf(new URL('http://plain.example:81/a'), RULES, ['named.example'])).toThrow(
    expect.objectContaining({
      code: 'USAGE',
      message: 'http://plain.example:81 would be spoken to without TLS',
      hint: 'write https://, or allow it with --plain-http-from plain.example:81',
    }) as Error,
  );
});
