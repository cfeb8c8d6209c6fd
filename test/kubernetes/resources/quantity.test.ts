/** Amounts and spans of time are read exactly, or refused. */
import { expect, test } from 'vitest';
import {
  compareQuantities,
  formatByteQuantity,
  formatMilli,
  formatSpan,
  parseByteQuantity,
  parseDuration,
  parseMilli,
} from '../../../src/kubernetes/resources/quantity.ts';

test.each([
  ['4', 4000],
  ['0', 0],
  ['1500m', 1500],
  ['0.25', 250],
  ['1.0001', 1001],
  ['2k', 2_000_000],
])('%s is %d thousandths', (text, amount) => {
  expect(parseMilli(text)).toBe(amount);
});

test.each([
  ['64Gi', 64 * 1024 ** 3],
  ['1.5Ki', 1536],
  ['500M', 500_000_000],
  ['7Pi', 7 * 1024 ** 5],
  ['100m', 1],
])('%s is %d bytes', (text, amount) => {
  expect(parseByteQuantity(text)).toBe(amount);
});

test.each(['', '-1', '1e3', '64GB', '1 Gi', '.5', '9Pi'])('%j is refused', (text) => {
  expect(() => parseByteQuantity(text)).toThrow(/no quantity of Kubernetes|larger than can be counted/);
});

test('what is written is read again', () => {
  for (const text of ['4', '1500m', '0']) expect(formatMilli(parseMilli(text))).toBe(text);
  for (const text of ['64Gi', '1536Mi', '1025', '0']) expect(formatByteQuantity(parseByteQuantity(text))).toBe(text);
  for (const text of ['1h30m', '72h', '90s', '0s'])
    expect(parseDuration(formatSpan(parseDuration(text)))).toBe(parseDuration(text));
  expect(parseDuration('1h30m')).toBe(5_400_000);
});

test.each(['', 'h', '1d', '30m1h', '-1h', '1.5h'])('%j is no span of time', (text) => {
  expect(() => parseDuration(text)).toThrow(/is no span of time/);
});

test.each([
  ['500m', '0.5', 0],
  ['1Gi', '1024Mi', 0],
  ['1G', '1Gi', -1],
  ['2', '1999m', 1],
  ['100Pi', '99Pi', 1],
  ['0.000000001', '0', 1],
])('%s against %s is %d', (one, other, order) => {
  expect(compareQuantities(one, other)).toBe(order);
});
