/** Errors keep what a person needs, and map to the one exit-code table. */
import { describe, expect, test } from 'vitest';
import {
  AirgapError,
  AuthError,
  CheckError,
  exitCodeOf,
  IntegrityError,
  isAbort,
  NotFoundError,
  IncompleteError,
  RegistryError,
  StoreError,
  TrustError,
  UsageError,
} from '../src/errors.ts';

const failure = { method: 'GET', url: 'https://r.example/v2/', status: 503, errors: [], retryable: true };

describe('exit codes', () => {
  test.each<[number, unknown]>([
    [2, new UsageError('USAGE', 'x')],
    [3, new IntegrityError('MALFORMED', 'x')],
    [3, new TrustError('UNSIGNED', 'x')],
    [4, new AuthError('DENIED', 'x')],
    [1, new NotFoundError('NOT_FOUND', 'x')],
    [1, new StoreError('LOCKED', 'x')],
    [1, new RegistryError('x', failure)],
    [5, new IncompleteError('INCOMPLETE', 'x')],
    [6, new CheckError('CHECK_FAILED', 'x')],
    [1, new Error('a bug')],
    [1, 'a text'],
    [1, undefined],
    [1, { name: 'AbortError' }],
    [130, new DOMException('x', 'AbortError')],
    [1, new DOMException('x', 'TimeoutError')],
  ])('%i for %s', (code, error) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  test('of an aborted signal is that of an interruption, even as the cause of a failed operation', () => {
    const signal = AbortSignal.abort();
    expect(() => signal.throwIfAborted()).toThrow();
    expect(isAbort(signal.reason)).toBe(true);
    expect(isAbort(new StoreError('STORE_IO', 'x', { cause: signal.reason }))).toBe(false);
  });
});

test('classes keep their names, causes, hints and details', () => {
  const cause = new Error('disk');
  for (const Class of [AirgapError, UsageError, AuthError, IntegrityError, TrustError, NotFoundError, StoreError]) {
    const error = new Class('STORE_IO', 'message', { cause, hint: 'do this', details: { path: '/x' } });
    expect(error).toBeInstanceOf(AirgapError);
    expect(error).toMatchObject({
      name: Class.name,
      code: 'STORE_IO',
      message: 'message',
      cause,
      hint: 'do this',
      details: { path: '/x' },
    });
    expect(String(error)).toBe(`${Class.name}: message`);
    expect(Object.keys(error)).not.toContain('name');
  }
  const plain = new StoreError('STORE_IO', 'message');
  expect(plain).toMatchObject({ hint: undefined, details: {} });
  expect('cause' in plain).toBe(false);
});

test('what a registry said stays with the error', () => {
  const error = new RegistryError('refused', failure, { hint: 'later' });
  expect(error).toMatchObject({ name: 'RegistryError', code: 'REGISTRY', failure, hint: 'later' });
});
