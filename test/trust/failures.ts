/** What a refusal looks like, for `toThrow`. */
import { expect } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';

/** Matches an error by class, code, and texts its message and hint contain. */
export function failure(name: string, code: ErrorCode, message = '', hint?: string): Error {
  const texts: Record<string, unknown> = { message: expect.stringContaining(message) };
  if (hint !== undefined) texts['hint'] = expect.stringContaining(hint);
  return expect.objectContaining({ name, code, ...texts }) as Error;
}
