/** Tokens that are kept: for which needs, until when, and how many. */
import { expect, test } from 'vitest';
import { KeptTokens, type KeptToken } from '../../../../src/stores/registry/auth/kept-tokens.ts';
import type { RepositoryScope } from '../../../../src/stores/registry/auth/scope.ts';

const reading = (repository: string): readonly RepositoryScope[] => [{ repository, actions: ['pull'] }];
const writing = (repository: string): readonly RepositoryScope[] => [{ repository, actions: ['pull', 'push'] }];

function tokenOf(value: string, renewAtMs = 1000): KeptToken {
  return { value, renewAtMs, refreshToken: undefined, scopes: [] };
}

test('a token serves the needs it was asked for, until it is to be renewed', () => {
  const tokens = new KeptTokens();
  tokens.keep(reading('a'), tokenOf('t'));
  expect(tokens.usable(reading('a'), 999)?.value).toBe('t');
  expect(tokens.usable(reading('a'), 1000)).toBeUndefined();
  expect(tokens.get(reading('a'))?.value).toBe('t');
  expect(tokens.usable(reading('b'), 0)).toBeUndefined();
  expect(tokens.usable(writing('a'), 0)).toBeUndefined();
  tokens.forget(reading('a'));
  expect(tokens.usable(reading('a'), 0)).toBeUndefined();
});

test('one for writing serves those who read, and no request about two repositories', () => {
  const tokens = new KeptTokens();
  tokens.keep(writing('a'), tokenOf('w'));
  expect(tokens.usable(reading('a'), 0)?.value).toBe('w');
  expect(tokens.usable(writing('a'), 0)?.value).toBe('w');
  expect(tokens.usable([...reading('a'), ...reading('b')], 0)).toBeUndefined();
  expect(tokens.usable([], 0)).toBeUndefined();
  tokens.keep([...writing('a'), ...reading('b')], tokenOf('pair'));
  expect(tokens.usable([...writing('a'), ...reading('b')], 0)?.value).toBe('pair');
  // An old one for reading does not hide a good one for writing.
  tokens.keep(reading('a'), tokenOf('old', 10));
  expect(tokens.usable(reading('a'), 10)?.value).toBe('w');
});

test('the oldest goes first, and a new token for the same needs makes them the newest', () => {
  const tokens = new KeptTokens(2);
  tokens.keep(reading('a'), tokenOf('a1'));
  tokens.keep(reading('b'), tokenOf('b'));
  tokens.keep(reading('a'), tokenOf('a2'));
  expect(tokens.get(reading('b'))?.value).toBe('b');
  tokens.keep(reading('c'), tokenOf('c'));
  expect(['a', 'b', 'c'].map((name) => tokens.get(reading(name))?.value)).toEqual(['a2', undefined, 'c']);
});
