/** Values of unknown shape, and label selectors as Kubernetes reads them. */
import { expect, test } from 'vitest';
import { entriesAt, itemsAt, selects, showValue, textOf, valueAt } from '../../src/compliance/values.ts';

const labels = { app: 'api', tier: 'web' };
const expression = (operator: string, key: unknown, values?: readonly string[]) => ({
  matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }],
});

test.each([
  ['nothing', {}, true],
  ['no selector', undefined, true],
  ['a label that is there', { matchLabels: { app: 'api' } }, true],
  ['a label with another value', { matchLabels: { app: 'db' } }, false],
  ['one of two labels that is not there', { matchLabels: { app: 'api', zone: 'a' } }, false],
  ['In, and it is', expression('In', 'app', ['db', 'api']), true],
  ['In, and it is not', expression('In', 'app', ['db']), false],
  ['In, of a label that is not there', expression('In', 'zone', ['a']), false],
  ['NotIn, and it is', expression('NotIn', 'app', ['api']), false],
  ['NotIn, of a label that is not there', expression('NotIn', 'zone', ['a']), true],
  ['Exists, and it does', expression('Exists', 'tier'), true],
  ['Exists, and it does not', expression('Exists', 'zone'), false],
  ['DoesNotExist, and it does', expression('DoesNotExist', 'tier'), false],
  ['DoesNotExist, and it does not', expression('DoesNotExist', 'zone'), true],
  ['an operator that there is not', expression('Like', 'app', ['api']), false],
  ['a key that is no text', expression('Exists', 7), false],
])('a selector with %s', (_, selector, isSelected) => {
  expect(selects(selector, labels)).toBe(isSelected);
});

test('what is not there, or is something else, is nothing', () => {
  const value = { a: [{ b: 1 }], c: 'text' };
  expect(valueAt(value, ['a', 0, 'b'])).toBe(1);
  expect(valueAt(value, ['a', 'b'])).toBeUndefined();
  expect(valueAt(value, ['toString'])).toBeUndefined();
  expect(valueAt(value, ['c', 0])).toBeUndefined();
  expect([itemsAt(value, ['a']).length, itemsAt(value, ['c']).length]).toEqual([1, 0]);
  expect([entriesAt(value, []).length, entriesAt(value, ['a']).length]).toEqual([2, 0]);
  expect([textOf(7), textOf(true), textOf('a'), textOf({}), textOf(undefined)]).toEqual(['7', 'true', 'a', '', '']);
});

test('a value is shown in at most sixty characters', () => {
  expect(showValue('a'.repeat(60))).toBe('a'.repeat(60));
  expect(showValue('a'.repeat(61))).toBe(`${'a'.repeat(57)}…`);
  expect([showValue({ a: 1 }), showValue(undefined)]).toEqual(['{"a":1}', 'nothing']);
});
