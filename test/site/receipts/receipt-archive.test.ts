/** A receipt is of an archive when its digest is, and when it tells of the release that the archive holds. */
import { readdirSync, readlinkSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { assertReceiptFor } from '../../../src/site/receipts/receipt-archive.ts';
import type { ReadReceipt } from '../../../src/site/receipts/receipt.ts';
import { makeArchive } from '../../archive/verification/trusted-archive.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const release = { product: 'sample', channel: 'stable', version: '1.7.0' };
let digest: Digest;

beforeEach(async () => {
  digest = await makeArchive(temp.join('a.tar'), { sequence: 7, signers: ['release'] });
});

function receiptOf(told: object | undefined, of = digest): ReadReceipt {
  const entry = { archive: { digest: of }, ...(told === undefined ? {} : { release: told }) };
  return { name: 'receipt.json', entry } as unknown as ReadReceipt;
}

const check = (receipt: ReadReceipt): Promise<unknown> => assertReceiptFor(receipt, temp.join('a.tar'));

test('a receipt of this archive gives what the archive holds, whether or not it tells of the release', async () => {
  for (const told of [release, undefined]) {
    expect(await check(receiptOf(told))).toEqual({ path: temp.join('a.tar'), digest, release });
  }
});

test('a receipt of another archive is refused with both digests', async () => {
  const other = sha256('another');
  await expect(check(receiptOf(release, other))).rejects.toMatchObject({
    code: 'SUBJECT_MISMATCH',
    message: `receipt.json is about the archive ${other}, and ${temp.join('a.tar')} is ${digest}`,
    details: { expected: other, actual: digest },
  });
});

test.each(['product', 'channel', 'version'] as const)('one that tells of another %s is refused', async (field) => {
  const told = { ...release, [field]: 'other' };
  await expect(check(receiptOf(told))).rejects.toMatchObject({
    code: 'SUBJECT_MISMATCH',
    message: `receipt.json is about ${told.product} ${told.version} (${told.channel}), and ${temp.join('a.tar')} holds sample 1.7.0 (stable)`,
  });
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  expect(links).not.toContain(temp.join('a.tar'));
});
