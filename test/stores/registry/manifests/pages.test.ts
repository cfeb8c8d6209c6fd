/** Where a list goes on: the links of servers as they are written, and none to another host. */
import { expect, test } from 'vitest';
import { placeOf } from '../../../../src/base/http/location.ts';
import type { Answer } from '../../../../src/base/http/answer.ts';
import { nextPage } from '../../../../src/stores/registry/manifests/pages.ts';
import { REGISTRY } from '../../../../src/stores/registry/registry-refusal.ts';

const url = new URL('https://r.example/v2/a/tags/list?n=2');

function answerWith(link?: string): Answer {
  return {
    asked: { peer: REGISTRY, method: 'GET', url },
    place: placeOf(url),
    status: 200,
    headers: { link },
    body: (async function* () {})(),
    discard: () => Promise.resolve(),
  };
}

test.each([
  ['</v2/a/tags/list?n=2&last=b>; rel="next"', '/v2/a/tags/list?n=2&last=b'],
  ['<list?last=b>; rel=next', '/v2/a/tags/list?last=b'],
  ['<https://r.example/x>;rel="next"', '/x'],
  ['</first>; rel="first", </x>; title="t"; REL = "NEXT"', '/x'],
  ['</x>; rel="last next"', '/x'],
  ['</x>; rel=next; title=t', '/x'],
  ['</x>; rel=nextish', undefined],
  ['</x>; rel="prev"', undefined],
  ['</x>; rel="nextish"; rel="prev"', undefined],
  ['', undefined],
  [undefined, undefined],
])('%s', (link, expected) => {
  expect(nextPage(answerWith(link))?.target).toBe(expected);
});

test.each(['https://other.example/x', 'https://r.example:444/x'])('a list that goes on at %s is refused', (link) => {
  expect(() => nextPage(answerWith(`<${link}>; rel="next"`))).toThrow(
    `the list goes on at another host, ${new URL(link).host}`,
  );
});
