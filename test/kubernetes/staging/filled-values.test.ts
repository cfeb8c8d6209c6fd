/** Placeholders are filled with what the site gives, what the cluster keeps, or what is made; what is missing is named. */
import { expect, test } from 'vitest';
import {
  fillText,
  fillValues,
  parseSiteValues,
  placeholdersOf,
} from '../../../src/kubernetes/staging/filled-values.ts';

const none = { given: new Map<string, string>(), kept: new Map<string, string>(), generate: [] };
const base64 = (text: string): string => Buffer.from(text).toString('base64');

test('the names that manifests ask for, each once and sorted', () => {
  expect(placeholdersOf(['a: ${SITE_B} ${SITE_A_BASE64}', 'b: ${SITE_B} ${HOME} ${SITE_}'])).toEqual([
    'SITE_A_BASE64',
    'SITE_B',
  ]);
});

test('a file of values is read line by line; a mistake is named by its line and not by its value', () => {
  const values = parseSiteValues('# note\n\nSITE_A=x=y\r\nSITE_B_BASE64=eA==\nSITE_C=\n', 'v.env');
  expect([...values]).toEqual([['SITE_A', 'x=y'], ['SITE_B_BASE64', 'eA==']]); // prettier-ignore
  for (const [text, message] of [
    ['nonsense', 'v.env:1: is no line SITE_NAME=value'],
    ['\nSITE_A_BASE64=geheim', 'v.env:2: SITE_A_BASE64 is no base64'],
    ['SITE_A=geh eim', 'v.env:1: SITE_A has other characters'],
  ] as const) {
    expect(() => parseSiteValues(text, 'v.env')).toThrow(message);
    expect(() => parseSiteValues(text, 'v.env')).not.toThrow('geh');
  }
});

test('what is given goes before what is kept, and a name and its base64 are one value', () => {
  const names = ['SITE_A', 'SITE_A_BASE64', 'SITE_B_BASE64'];
  const kept = new Map([['SITE_A', 'old'], ['SITE_B_BASE64', base64('kept')]]); // prettier-ignore
  const given = new Map([['SITE_A_BASE64', base64('new')]]);
  expect([...fillValues(names, { ...none, given, kept })]).toEqual([
    ['SITE_A', 'new'],
    ['SITE_A_BASE64', base64('new')],
    ['SITE_B_BASE64', base64('kept')],
  ]);
});

test('a value is made only where there is none, the same for both of its names', () => {
  const names = ['SITE_A', 'SITE_A_BASE64', 'SITE_B'];
  const kept = new Map([['SITE_B', 'b']]);
  const filled = fillValues(names, { ...none, kept, generate: ['SITE_A', 'SITE_B'] });
  expect(filled.get('SITE_A')).toMatch(/^[A-Za-z0-9]{43}=$/);
  expect(filled.get('SITE_A_BASE64')).toBe(base64(filled.get('SITE_A') ?? ''));
  expect(filled.get('SITE_B')).toBe('b');
  const again = fillValues(names, { ...none, kept, generate: ['SITE_A'] });
  expect(again.get('SITE_A')).not.toBe(filled.get('SITE_A'));
});

test('what has no value is named, and so is a name that nothing asks for', () => {
  expect(() => fillValues(['SITE_A', 'SITE_B'], none)).toThrow('were not given\n  SITE_A\n  SITE_B');
  expect(() => fillValues(['SITE_A'], { ...none, generate: ['SITE_X'] })).toThrow('no placeholder SITE_X');
});

test('texts are filled, and what is no placeholder stays', () => {
  expect(fillText('a: ${SITE_A} ${HOME} ${SITE_B}', new Map([['SITE_A', '$&']]))).toBe('a: $& ${HOME} ${SITE_B}');
});
