/** What a site's rule may demand of a value: a table of operators, each with the values it takes and what it says. */
import { parseLinearPattern } from './linear-pattern.ts';
import { UsageError } from '../../errors.ts';
import { compareQuantities } from '../../kubernetes/resources/quantity.ts';
import { isScalar, showValue, textOf } from '../values.ts';

/** The names of the operators. */
export const OPERATORS = [
  'exists',
  'absent',
  'equals',
  'notEquals',
  'in',
  'notIn',
  'matches',
  'notMatches',
  'min',
  'max',
] as const;
/** One of them. */
export type Operator = (typeof OPERATORS)[number];

/** Text, a number or a yes or no, as YAML has it. */
export type Scalar = string | number | boolean;

/** What is demanded of a value. */
export interface ValueTest {
  /** In words that stand before "is demanded": `at most 4Gi`. */
  readonly wanted: string;
  /** Whether what stands there is as demanded. */
  readonly isMet: (value: unknown) => boolean;
  /** Whether it is as demanded that nothing stands there. */
  readonly isMetByNothing: boolean;
}

/** Characters of a value that is held against an expression; a longer one meets no demand. */
const MAX_MATCHED = 65_536;

/**
 * Reads an operator with its value. Scalars are compared as text, so that `true` and `"true"` are one.
 * @throws UsageError `INVALID_SPEC` where the value is none that the operator takes.
 */
export function createTest(operator: Operator, value: Scalar | readonly Scalar[] | undefined): ValueTest {
  switch (operator) {
    case 'exists':
      return taking('nothing', value, { wanted: 'a value', isMet: () => true, isMetByNothing: false });
    case 'absent':
      return taking('nothing', value, { wanted: 'nothing', isMet: () => false, isMetByNothing: true });
    case 'equals':
      return amongTest([scalar(value)], true);
    case 'notEquals':
      return amongTest([scalar(value)], false);
    case 'in':
      return amongTest(scalars(value), true);
    case 'notIn':
      return amongTest(scalars(value), false);
    case 'matches':
      return patternTest(scalar(value), true);
    case 'notMatches':
      return patternTest(scalar(value), false);
    case 'min':
      return amountTest(scalar(value), 'at least', (order) => order >= 0);
    case 'max':
      return amountTest(scalar(value), 'at most', (order) => order <= 0);
  }
}

function amongTest(texts: readonly string[], isAmong: boolean): ValueTest {
  const listed = texts.map((text) => (text === '' ? '""' : showValue(text))).join(' or ');
  return {
    wanted: isAmong ? listed : `something else than ${listed}`,
    isMet: (found) => (isScalar(found) ? texts.includes(textOf(found)) === isAmong : !isAmong),
    isMetByNothing: !isAmong,
  };
}

function patternTest(source: string, isMatch: boolean): ValueTest {
  const pattern = parseLinearPattern(source);
  return {
    wanted: `${isMatch ? 'text that matches' : 'nothing that matches'} ${source}`,
    isMet: (found) => {
      const text = textOf(found);
      return isScalar(found) && text.length <= MAX_MATCHED && pattern(text) === isMatch;
    },
    isMetByNothing: !isMatch,
  };
}

function amountTest(limit: string, words: string, isMet: (order: number) => boolean): ValueTest {
  compareQuantities(limit, limit);
  return {
    wanted: `${words} ${limit}`,
    isMet: (found) => {
      try {
        return isMet(compareQuantities(textOf(found), limit));
      } catch (error) {
        if (error instanceof UsageError) return false;
        throw error;
      }
    },
    isMetByNothing: false,
  };
}

function taking(_: 'nothing', value: unknown, test: ValueTest): ValueTest {
  if (value === undefined) return test;
  throw new UsageError('INVALID_SPEC', 'takes no value', { hint: 'leave out value, or use equals' });
}

function scalar(value: Scalar | readonly Scalar[] | undefined): string {
  if (isScalar(value)) return textOf(value);
  throw new UsageError('INVALID_SPEC', 'takes one value: text, a number, true or false', {
    hint: Array.isArray(value) ? 'use in or notIn for a list' : 'write it as value',
  });
}

function scalars(value: Scalar | readonly Scalar[] | undefined): readonly string[] {
  if (Array.isArray(value) && value.length > 0) return value.map(textOf);
  throw new UsageError('INVALID_SPEC', 'takes a list of values', { hint: 'write value: [one, other]' });
}
