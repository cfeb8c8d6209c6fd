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

  it.each([
    [400, 'Client sent an HTTP request to an HTTPS server.', /speaks TLS at this port/],
    [400, '<html>The plain HTTP request was sent to HTTPS port</html>', /speaks TLS at this port/],
    [400, 'bad', undefined],
    [500, 'Client sent an HTTP request to an HTTPS server.', /run the same command again later/],
    [400, '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}', /wants everything a manifest names to be there first/],
    [404, '', /check the repository name/],
    [413, '', /limits the size of manifests, often to 4 MiB; ask its operator/],
    [507, '', /disk of the registry is full/],
    [429, '', /throttles: log in for a higher limit, lower --concurrency/],
    [503, '', /in trouble; run the same command again later/],
    [418, '', undefined],
  ])('with %i and %j has its next step', (status, body, hint) => {
    const error = answerFailure(asked, status, {}, Buffer.from(body));
    if (hint === undefined) expect(error.hint).toBeUndefined();
    else expect(error.hint).toMatch(hint);
  });

  it('with 413 of a blob speaks of uploads', () => {
    const url = new URL('https://registry.example/v2/a/b/blobs/uploads/1');
    const { hint } = answerFailure({ ...asked, url }, 413, {}, Buffer.alloc(0));
    expect(hint).toContain('limits the size of uploads; ask its operator');
  });

  it.each([
    ['not JSON', ''],
    ['null', ''],
    ['5', ''],
    ['{}', ''],
    ['{"errors":"many"}', ''],
    ['{"errors":[null,5,{},{"code":5}]}', ''],
    ['{"errors":[{"code":"DENIED","message":"why"}]}', ' (DENIED: why)'],
    ['{"errors":[{"code":"A"},{"message":"b"}]}', ' (A; UNKNOWN: b)'],
    ['{"errors":[{"code":"A","message":5,"detail":"d"}]}', ' (A: d)'],
    ['{"details":"incorrect"}', ' (UNKNOWN: incorrect)'],
    ['{"error":"invalid_grant"}', ' (UNKNOWN: invalid_grant)'],
    ['[{"code":"A"}]', ''],
  ])('that says %s is repeated as "%s"', (body, said) => {
    const { message } = answerFailure(asked, 409, {}, Buffer.from(body));
    expect(message).toBe(`PUT https://r.example/v2/a/manifests/1 answered 409${said}`);
  });

  it('repeats twenty errors at most', () => {
    const codes = Array.from({ length: 21 }, (_, nth) => `E${nth}`);
    expect(failureOf(409, ...codes).failure.errors.map(({ code }) => code)).toEqual(codes.slice(0, 20));
  });

  it('says when to come again', () => {
    const error = answerFailure(asked, 503, { 'retry-after': '7' }, Buffer.of()) as RegistryError;
    expect(error.failure.retryAfterMs).toBe(7000);
  });

  it.each([408, 429, 499, 500, 502, 503, 504, 522])('with %i is worth another try', (status) => {
    expect(failureOf(status).failure.retryable).toBe(true);
  });

  it('with 405 says what may be read-only', () => {
    expect(failureOf(405, 'UNSUPPORTED').hint).toContain('read-only');
  });

  it.each([400, 404, 405, 409, 411, 413, 415, 416, 501])('with %i is not', (status) => {
    expect(failureOf(status).failure.retryable).toBe(false);
  });
});
