/** What becomes of a registry's refusal: its words, and what they mean to those who read no codes. */
import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../../src/errors.ts';
import { answerFailure, REGISTRY } from '../../../src/stores/registry/registry-refusal.ts';

const asked = { peer: REGISTRY, method: 'PUT', url: new URL('https://r.example/v2/a/manifests/1') };

function failureOf(status: number, ...codes: readonly string[]): RegistryError {
  const body = Buffer.from(JSON.stringify({ errors: codes.map((code) => ({ code, message: 'no' })) }));
  const error = answerFailure(asked, status, {}, body);
  expect(error).toBeInstanceOf(RegistryError);
  return error as RegistryError;
}

describe('a refusal', () => {
  it.each(['MANIFEST_BLOB_UNKNOWN', 'MANIFEST_UNKNOWN', 'MANIFEST_INVALID', 'BLOB_UNKNOWN', 'NOT_FOUND'])(
    'with %s says that content is missing',
    (code) => {
      expect(failureOf(404, 'OTHER', code).failure).toMatchObject({ missesContent: true, retryable: false });
    },
  );

  it('with anything else does not', () => {
    expect(failureOf(404, 'NAME_UNKNOWN', 'DENIED').failure.missesContent).toBeUndefined();
    expect(failureOf(413).failure.missesContent).toBeUndefined();
  });

  it.each([
    [400, true],
    [416, true],
    [422, true],
    [413, undefined],
    [404, undefined],
    [500, undefined],
  ])('with %i says that content may be wrong: %s', (status, expected) => {
    expect(failureOf(status).failure.doubtsContent).toBe(expected);
  });

  it.each([408, 429, 499, 500, 502, 503, 504, 522])('with %i is worth another try', (status) => {
    expect(failureOf(status).failure.retryable).toBe(true);
  });

  it.each([400, 404, 405, 409, 411, 413, 415, 416, 501])('with %i is not', (status) => {
    expect(failureOf(status).failure.retryable).toBe(false);
  });
});
