/** Platforms in their one canonical form. */
import { describe, expect, test } from 'vitest';
import {
  findPlatforms,
  formatPlatform,
  isPlatformText,
  isRealPlatform,
  matchesPlatform,
  normalizePlatform,
  parsePlatform,
  toPlatform,
} from '../../src/oci/platform.ts';

describe('platforms people write', () => {
  test.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/arm64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/v9', 'linux/arm64/v9'],
    ['linux/arm/v7', 'linux/arm/v7'],
    ['linux/arm/v6', 'linux/arm/v6'],
    ['linux/arm', 'linux/arm'],
    ['windows/amd64', 'windows/amd64'],
    ['linux/s390x', 'linux/s390x'],
  ])('%s is %s', (text, canonical) => {
    expect(formatPlatform(parsePlatform(text))).toBe(canonical);
    expect(isPlatformText(canonical)).toBe(true);
    expect(isPlatformText(text)).toBe(text === canonical);
    expect(toPlatform(canonical)).toEqual(parsePlatform(text));
  });

  test.each([
    ['', 'linux/amd64'],
    ['amd64', 'linux/amd64'],
    ['linux', 'linux/amd64'],
    ['linux/', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['Linux/amd64', 'linux/amd64'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armv7', 'linux/arm/v7'],
    ['linux/ppc64', 'linux/ppc64le'],
    ['linux/s390', 'linux/s390x'],
    ['linux/risc', 'linux/amd64'],
    ['linux/arm64/', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm64/v8/x', 'linux/arm64'],
    [' linux/amd64', 'linux/amd64'],
    ['linux/amd64\n', 'linux/amd64'],
    ['../../etc', 'linux/amd64'],
  ])('%j is refused, with %s as the nearest', (text, suggestion) => {
    expect(() => parsePlatform(text)).toThrow(
      expect.objectContaining({
        name: 'UsageError',
        code: 'INVALID_SPEC',
        hint: expect.stringContaining(`did you mean ${suggestion}?`) as string,
      }),
    );
  });
});

test('default variants mean the same as none', () => {
  const arm64 = { os: 'linux', architecture: 'arm64' };
  expect(matchesPlatform({ ...arm64, variant: 'v8' }, arm64)).toBe(true);
  expect(matchesPlatform(arm64, { ...arm64, variant: 'v8' })).toBe(true);
  expect(matchesPlatform({ ...arm64, variant: '' }, arm64)).toBe(true);
  expect(matchesPlatform({ ...arm64, variant: 'v9' }, arm64)).toBe(false);
  expect(
    matchesPlatform(
      { os: 'linux', architecture: 'arm', variant: 'v6' },
      { os: 'linux', architecture: 'arm', variant: 'v7' },
    ),
  ).toBe(false);
  expect(matchesPlatform({ os: 'windows', architecture: 'arm64' }, arm64)).toBe(false);
});

describe('for choosing, as containerd does,', () => {
  test.each([
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/7', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/armhf', 'linux/arm'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/aarch64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm64/v8.0', 'linux/arm64'],
    ['linux/arm64/v9.0', 'linux/arm64/v9'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/x86-64/v1', 'linux/amd64'],
    ['linux/x86_64/v3', 'linux/amd64/v3'],
    ['linux/i386', 'linux/386'],
    ['Linux/AMD64', 'linux/amd64'],
    ['macos/arm64', 'darwin/arm64'],
  ])('%s is %s', (one, other) => {
    expect(matchesPlatform(toPlatform(one), toPlatform(other))).toBe(true);
    expect(matchesPlatform(toPlatform(other), toPlatform(one))).toBe(true);
  });

  test.each([
    ['linux/arm', 'linux/arm/v6'],
    ['linux/arm', 'linux/arm64'],
    ['linux/arm/v7', 'linux/arm/v8'],
    ['linux/arm64', 'linux/arm64/v9'],
    ['linux/amd64', 'linux/amd64/v2'],
    ['linux/amd64', 'linux/386'],
    ['linux/ppc64', 'linux/ppc64le'],
  ])('%s is not %s', (one, other) => {
    expect(matchesPlatform(toPlatform(one), toPlatform(other))).toBe(false);
  });

  test('the very name goes before others that mean the same', () => {
    expect(findPlatforms(['linux/arm', 'linux/arm/v7', 'linux/arm/v6'], 'linux/arm/v7')).toEqual(['linux/arm/v7']);
    expect(findPlatforms(['linux/arm', 'linux/arm/v6'], 'linux/arm/v7')).toEqual(['linux/arm']);
    expect(findPlatforms(['linux/arm/v6'], 'linux/arm/v7')).toEqual([]);
  });

  test('what is written down keeps its words', () => {
    expect(formatPlatform({ os: 'linux', architecture: 'arm' })).toBe('linux/arm');
    expect(formatPlatform({ os: 'linux', architecture: 'aarch64' })).toBe('linux/aarch64');
  });
});

test('the version of an operating system is kept, but names no platform of its own', () => {
  const windows = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1' };
  expect(normalizePlatform(windows)).toEqual(windows);
  expect(formatPlatform(windows)).toBe('windows/amd64');
});

test('names that are not known here are platforms all the same, when they are plain', () => {
  expect(isPlatformText('plan9/mips64')).toBe(true);
  for (const text of [
    'a',
    'a/',
    '/a',
    'a/b/c',
    'a/b/v1/d',
    'A/b',
    'a b/c',
    '../x',
    'a/b-c',
    'linux/arm64/v8',
    'linux/amd64\n',
  ]) {
    expect(isPlatformText(text)).toBe(false);
  }
});

test('attestations have no platform', () => {
  expect(isRealPlatform({ os: 'unknown', architecture: 'unknown' })).toBe(false);
  expect(isRealPlatform({ os: '', architecture: '' })).toBe(false);
  expect(isRealPlatform(undefined)).toBe(false);
  expect(isRealPlatform({ os: 'linux', architecture: 'amd64' })).toBe(true);
});
