/** Gzip that everyone can read and that never changes. */
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { stableGzip } from '../../../src/base/tar/stable-gzip.ts';
import { sha256 } from '../../../src/oci/digest.ts';

const TEXT = Buffer.from('aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbb hello hello hello\n'.repeat(50));

it('is gzip, with and without header fields', () => {
  const fancy = stableGzip(TEXT, { extra: Buffer.from('+x'), comment: 'Note' });
  expect(gunzipSync(stableGzip(TEXT)).equals(TEXT)).toBe(true);
  expect(gunzipSync(fancy).equals(TEXT)).toBe(true);
  expect(fancy.subarray(0, 19).toString('hex')).toBe('1f8b08140000000000ff02002b784e6f746500');
  expect(gunzipSync(stableGzip(Buffer.alloc(0))).length).toBe(0);
});

it('gives the same bytes on every machine', () => {
  expect(sha256(stableGzip(TEXT))).toBe('sha256:2cbe352222212fbf1132907eb79779e85c816379765cb82ff177feca8122c9ef');
});
