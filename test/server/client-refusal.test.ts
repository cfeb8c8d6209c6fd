/** What clients see of a refusal: the status that the specification gives each code, one JSON shape, and no path of this machine. */
import { expect, test } from 'vitest';
import { StoreError } from '../../src/errors.ts';
import { Refusal, toErrorBody, toRefusal, type RefusalCode } from '../../src/server/client-refusal.ts';

/** @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints */
test.each<[number, readonly RefusalCode[]]>([
  [400, ['BLOB_UPLOAD_INVALID', 'DIGEST_INVALID', 'MANIFEST_BLOB_UNKNOWN', 'MANIFEST_INVALID', 'NAME_INVALID']],
  [400, ['SIZE_INVALID', 'PAGINATION_NUMBER_INVALID']],
  [404, ['BLOB_UNKNOWN', 'BLOB_UPLOAD_UNKNOWN', 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN']],
  [405, ['UNSUPPORTED']],
  [416, ['RANGE_INVALID']],
  [429, ['TOOMANYREQUESTS']],
  [500, ['UNKNOWN']],
])('%i is the status of %j', (status, codes) => {
  for (const code of codes) expect([code, new Refusal(code, 'why').status]).toEqual([code, status]);
});

test('the place that refuses may give another status, headers and circumstances', () => {
  const refusal = new Refusal('MANIFEST_INVALID', 'too long', {
    status: 413,
    headers: { Allow: 'GET' },
    detail: { n: 1 },
  });
  expect(refusal).toMatchObject({ status: 413, headers: { Allow: 'GET' } });
  expect(JSON.parse(toErrorBody(refusal).toString())).toEqual({
    errors: [{ code: 'MANIFEST_INVALID', message: 'too long', detail: { n: 1 } }],
  });
  expect(JSON.parse(toErrorBody(new Refusal('UNKNOWN', 'why')).toString())).toEqual({
    errors: [{ code: 'UNKNOWN', message: 'why', detail: null }],
  });
});

test('what was thrown becomes an answer: a refusal is one, a full disk is 507, all else 500 without its words', () => {
  const refusal = new Refusal('NAME_INVALID', 'why');
  expect(toRefusal(refusal)).toBe(refusal);
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
  for (const error of [full, new StoreError('NO_SPACE', '/srv/registry is full')]) {
    expect(toRefusal(error)).toMatchObject({
      code: 'UNKNOWN',
      status: 507,
      message: 'the disk of the registry is full',
    });
  }
  for (const error of [new Error('EIO: /srv/registry/blobs'), new StoreError('STORE_IO', '/srv/registry'), '/srv']) {
    const { code, status, message } = toRefusal(error);
    expect([code, status]).toEqual(['UNKNOWN', 500]);
    expect(message).not.toContain('/srv');
  }
});
