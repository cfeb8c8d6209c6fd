/** Whose a receipt is, as people and machines are told: nothing that was not verified is said to be so. */
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/oci/digest.ts';
import { evaluateReceipt, receiptDocument } from '../../src/report/receipt-lines.ts';
import { createReceipt, parseReceipt, type ReadReceipt } from '../../src/site/receipts/receipt.ts';
import { keyId } from '../../src/trust/keys/public-key.ts';
import { serializeEnvelope } from '../../src/trust/signatures/dsse.ts';
import { signEnvelope } from '../../src/trust/signing/envelope-signer.ts';
import { fixedKeyPair } from '../archive/forge.ts';
import { makeFacts } from '../site/audit/audit-entries.ts';
import { GENESIS, linkEntry } from '../../src/site/audit/audit-chain.ts';

const [site, other] = ['site', 'other'].map(fixedKeyPair) as [ReturnType<typeof fixedKeyPair>, ReturnType<typeof fixedKeyPair>]; // prettier-ignore
const facts = makeFacts(0, { event: 'completed', start: 1, archive: { path: 'a.tar', digest: sha256('a') } });
const { entry, head } = linkEntry(GENESIS, facts);
const unsigned = createReceipt(entry as Parameters<typeof createReceipt>[0], head.hash);
const read = (isSigned: boolean): ReadReceipt =>
  parseReceipt(serializeEnvelope(isSigned ? signEnvelope(unsigned, site.privateKey) : unsigned), 'receipt.json');
const siteId = keyId(site.publicKey);

describe('a receipt that is signed', () => {
  test('is so by the key that was given, and by no other', () => {
    expect(evaluateReceipt(read(true), site.publicKey)).toBe(`signed by ${siteId}`);
    expect(() => evaluateReceipt(read(true), other.publicKey)).toThrow(
      expect.objectContaining({ name: 'TrustError', code: 'UNTRUSTED_SIGNER' }) as Error,
    );
    expect(receiptDocument(read(true), site.publicKey)).toMatchObject({ signedBy: siteId, unchecked: [] });
  });

  test('only names its signer as long as no key is given', () => {
    expect(evaluateReceipt(read(true), undefined)).toContain(`UNCHECKED: names ${siteId} as signer`);
    expect(receiptDocument(read(true), undefined)).toMatchObject({ signedBy: null, unchecked: [siteId] });
  });
});

describe('a receipt that is not signed', () => {
  test('could be of anyone, and is of no key', () => {
    expect(evaluateReceipt(read(false), undefined)).toContain('NOT SIGNED');
    expect(() => evaluateReceipt(read(false), site.publicKey)).toThrow(
      expect.objectContaining({ name: 'TrustError', code: 'UNSIGNED' }) as Error,
    );
    expect(receiptDocument(read(false), undefined)).toEqual({ path: 'receipt.json', sequence: 1, hash: head.hash, signedBy: null, unchecked: [] }); // prettier-ignore
  });
});
