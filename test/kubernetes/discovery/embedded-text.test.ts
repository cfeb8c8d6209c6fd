/** Which texts are read as YAML or JSON themselves, and what of them is kept. */
import { expect, test } from 'vitest';
import { readEmbedded } from '../../../src/kubernetes/discovery/embedded-text.ts';

test.each([
  ['{"image": "app:1"}', [{ image: 'app:1' }]],
  [' [{"image": "app:1"}]', [[{ image: 'app:1' }]]],
  ['a: 1\n---\nb: 2\n', [{ a: 1 }, { b: 2 }]],
  ['spec: {containers: [{image: "app:1"}]}', [{ spec: { containers: [{ image: 'app:1' }] } }]],
  ['base: &base {image: "app:1"}\nmore:\n  <<: *base\n', [{ base: { image: 'app:1' }, more: { image: 'app:1' } }]],
  ['a sentence: with a colon', []],
  ['one line\nanother line\n', []],
  ['{{ template }}\n', []],
  ['#!/bin/sh\nif [ -n "$A" ]; then\n\techo a: b: c\nfi\n', []],
])('%j', (text, values) => {
  expect(readEmbedded(text)).toEqual(values);
});
