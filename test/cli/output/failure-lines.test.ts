/** How failures are told: what, which, what next, and the exit code of each class. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { printFailure, type FailureOptions } from '../../../src/cli/output/failure-lines.ts';
import {
  AuthError,
  IntegrityError,
  NotFoundError,
  RegistryError,
  StoreError,
  TrustError,
  UsageError,
} from '../../../src/errors.ts';

function told(error: unknown, options: FailureOptions = {}): { text: string; exitCode: number } {
  const stderr = new PassThrough();
  const exitCode = printFailure(error, stderr, options);
  return { text: String(stderr.read()), exitCode };
}

test.each([
  [new UsageError('USAGE', 'x'), 2],
  [new AuthError('DENIED', 'x'), 4],
  [new IntegrityError('MALFORMED', 'x'), 3],
  [new TrustError('UNSIGNED', 'x'), 3],
  [new NotFoundError('NOT_FOUND', 'x'), 1],
  [new StoreError('NO_SPACE', 'x'), 1],
  [new RegistryError('x', { method: 'GET', url: 'http://r/', status: 500, errors: [], retryable: true }), 1],
  [new DOMException('x', 'AbortError'), 130],
  [new TypeError('x'), 1],
  ['a string', 1],
])('%s ends with %d', (error, exitCode) => {
  expect(told(error).exitCode).toBe(exitCode);
});

test('details are shown when the message does not say them already', () => {
  const error = new IntegrityError('DIGEST_MISMATCH', 'docs/a.md is wrong', {
    hint: 'copy it again',
    details: { member: 'docs/a.md', offset: 512, missing: undefined },
  });
  expect(told(error).text).toBe('error: docs/a.md is wrong\n  offset: 512\n  hint: copy it again\n');
  expect(JSON.parse(told(error, { json: true }).text)).toEqual({
    error: {
      code: 'DIGEST_MISMATCH',
      message: 'docs/a.md is wrong',
      hint: 'copy it again',
      details: { member: 'docs/a.md', offset: 512 },
    },
  });
});

test('further lines of a message are indented, and nothing of it is obeyed', () => {
  const error = new UsageError('INVALID_SPEC', 'a\nhint: run \x1b[2Jrm', { hint: 'real\nhint: forged' });
  expect(told(error).text).toBe('error: a\n  hint: run \\x1b[2Jrm\n  hint: real\\nhint: forged\n');
});

test('causes are told to those who ask', () => {
  const error = new StoreError('STORE_IO', 'cannot write', {
    cause: new Error('outer', { cause: new RangeError('in') }),
  });
  expect(told(error).text).toBe('error: cannot write\n');
  expect(told(error, { verbose: true }).text).toBe(
    'error: cannot write\n  cause: Error: outer\n  cause: RangeError: in\n',
  );
});

test('a failed system call is no bug, anything unknown is one', () => {
  const system = Object.assign(new Error('EACCES: permission denied, mkdir /x'), { code: 'EACCES', syscall: 'mkdir' });
  expect(told(system).text).toBe('error: EACCES: permission denied, mkdir /x\n');
  const { text } = told(new TypeError('x is not a function'));
  expect(text).toMatch(/^error: x is not a function\n {2}TypeError: x is not a function\n {2}at /);
  expect(text).toMatch(/ {2}hint: this is a bug in hexabase-airgap.*\n$/);
  expect(JSON.parse(told(new TypeError('x'), { json: true }).text)).toMatchObject({ error: { code: 'INTERNAL' } });
});

test('colour is for terminals', () => {
  const error = new UsageError('USAGE', 'x', { hint: 'y' });
  expect(told(error, { color: true }).text).toBe('\x1b[31merror:\x1b[39m x\n  \x1b[36mhint:\x1b[39m y\n');
});
