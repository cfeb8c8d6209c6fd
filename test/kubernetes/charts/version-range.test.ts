/** Ranges of versions: what Helm's library allows, pre-releases and all. */
import { describe, expect, test } from 'vitest';
import { compareVersions, parseVersion, type Version } from '../../../src/kubernetes/charts/semantic-version.ts';
import { isVersionRange, parseVersionRange } from '../../../src/kubernetes/charts/version-range.ts';

const version = (text: string): Version => parseVersion(text) ?? expect.fail(`${text} is no version`);

describe('a range', () => {
  test.for([
    ['', '0.0.1 1.2.3', '1.0.0-rc.1'],
    ['*', '0.0.1 1.2.3', '1.0.0-rc.1'],
    ['1.2.3', '1.2.3 v1.2.3 1.2.3+build.7', '1.2.4 1.2.3-rc.1'],
    ['=1.2.3', '1.2.3', '1.2.4'],
    ['1.2', '1.2.0 1.2.9', '1.3.0 1.1.9'],
    ['1', '1.0.0 1.9.9', '2.0.0 0.9.0'],
    ['1.x', '1.0.0 1.9.9', '2.0.0 0.9.0'],
    ['1.2.X', '1.2.0 1.2.9', '1.3.0'],
    ['^1.2', '1.2.0 1.9.0', '2.0.0 1.1.9 1.3.0-rc.1'],
    ['^0.2.3', '0.2.3 0.2.9', '0.3.0 0.2.2'],
    ['^0.0.3', '0.0.3', '0.0.4'],
    ['^0.0', '0.0.0 0.0.9', '0.1.0'],
    ['^0', '0.0.0 0.9.9', '1.0.0'],
    ['~1.2.3', '1.2.3 1.2.9', '1.3.0 1.2.2'],
    ['~1', '1.0.0 1.9.0', '2.0.0'],
    ['~>1.2', '1.2.0 1.2.5', '1.3.0'],
    ['>=1', '1.0.0 2.0.0', '0.9.9'],
    ['=>1', '1.0.0', '0.9.9'],
    ['>1.2', '1.3.0 2.0.0', '1.2.9 1.2.0'],
    ['>1', '2.0.0', '1.9.9'],
    ['>1.2.3', '1.2.4', '1.2.3'],
    ['<=1.2', '1.2.9 1.0.0', '1.3.0'],
    ['<=1', '1.9.9', '2.0.0'],
    ['<2', '1.9.9', '2.0.0'],
    ['!=1.2.3', '1.2.4', '1.2.3'],
    ['!=1.2', '1.3.0', '1.2.7'],
    ['!=1', '2.0.0', '1.2.7'],
    ['>=1.2, <2', '1.2.0 1.9.0', '2.0.0'],
    ['>= 1.2 < 2', '1.2.0 1.9.0', '2.0.0'],
    ['1.2 - 2.0.0', '1.2.0 2.0.0', '2.0.1 1.1.9'],
    ['^1 || ^3', '1.5.0 3.1.0', '2.0.0'],
    ['>=1.2-0', '1.2.0 1.3.0-rc.1 1.2.0-alpha', '1.1.9'],
    ['^1.2.0-beta.2', '1.2.0-beta.2 1.2.0-beta.11 1.2.0 1.4.0-x', '1.2.0-beta.1 2.0.0'],
    ['>=1-0 <2', '1.5.0-rc.1', '2.0.0'],
  ])('%s allows %s and not %s', ([range = '', allowed = '', refused = '']) => {
    const parsed = parseVersionRange(range) ?? expect.fail('is no range');
    const verdicts = (texts: string): string[] => texts.split(' ').filter((text) => parsed.allows(version(text)));
    expect(verdicts(allowed)).toEqual(allowed.split(' '));
    expect(verdicts(refused)).toEqual([]);
  });

  test.for(['latest', '1.2.3.4', '>=', '^^1', '1 ||| 2', '1.2.3-01', '>=>=1'])('%s is none', (text) => {
    expect(isVersionRange(text)).toBe(false);
  });
});

test('versions are ordered as semver orders them, with numbers of any size', () => {
  const ordered = '0.9.9 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0 1.0.1 10.0.0 9007199254740993.0.0';
  const texts = ordered.split(' ');
  expect([...texts].reverse().sort((a, b) => compareVersions(version(a), version(b)))).toEqual(texts);
  expect(compareVersions(version('9007199254740993.0.0'), version('9007199254740992.0.0'))).toBe(1);
  expect(compareVersions(version('1.0.0+a'), version('v1.0.0+b'))).toBe(0);
});
