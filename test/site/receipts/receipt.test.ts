/** Receipts: what a site states of a load, and how it is told from what anybody could have written. */
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/oci/digest.ts';
import { GENESIS, linkEntry } from '../../../src/site/audit/audit-chain.ts';
import { serializeLine } from '../../../src/base/json/canonical-json.ts';
import { serializeEnvelope, type Envelope } from '../../../src/trust/signatures/dsse.ts';
import { parseTrustFile } from '../../../src/trust/documents/trust-document.ts';
import { signEnvelope } from '../../../src/trust/signing/envelope-signer.ts';
import { assertReceiptBy, createReceipt, parseReceipt, type LoadEntry } from '../../../src/site/receipts/receipt.ts';
import { parseStatement } from '../../../src/trust/provenance/statement.ts';
import { makeFacts } from '../audit/audit-entries.ts';
import { failure } from '../../trust/failures.ts';
import { pairOf, seal } from '../../trust/documents/trust-documents.ts';

const linked = linkEntry(GENESIS, makeFacts(3));
const entry = linked.entry as LoadEntry;
const unsigned = createReceipt(entry, linked.head.hash);
const signed = signEnvelope(unsigned, pairOf('site').privateKey);
const read = (envelope: Envelope): ReturnType<typeof parseReceipt> =>
  parseReceipt(serializeEnvelope(envelope), 'receipt.json');

describe('a receipt', () => {
  test.each(['site', 'other-site'])('is read back, and is by the key that signed it: %s', (name) => {
    const receipt = read(signEnvelope(unsigned, pairOf(name).privateKey));
    expect(receipt).toMatchObject({ name: 'receipt.json', entry, head: linked.head.hash });
    expect(() => assertReceiptBy(receipt, pairOf(name).publicKey)).not.toThrow();
  });

  test('is an in-toto statement about the archive', () => {
    expect(JSON.parse(unsigned.payload.toString())).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'checksums.txt', digest: { sha256: sha256('3').slice('sha256:'.length) } }],
      predicateType: 'https://airgap.hexabase.ai/load-receipt/v1',
    });
  });

  test('without a signature is nobody’s', () => {
    expect(() => assertReceiptBy(read(unsigned), pairOf('site').publicKey)).toThrow(
      failure('TrustError', 'UNSIGNED', 'receipt.json is not signed', 'anyone could have written it'),
    );
  });

  test('by another key is not the site’s', () => {
    expect(() => assertReceiptBy(read(signed), pairOf('stranger').publicKey)).toThrow(
      failure('TrustError', 'UNTRUSTED_SIGNER', 'is not signed by the key'),
    );
  });

  test('whose signature was taken from another receipt is refused', () => {
    const other = linkEntry(linked.head, makeFacts(4));
    const forged = { ...createReceipt(other.entry as LoadEntry, other.head.hash), signatures: signed.signatures };
    expect(() => assertReceiptBy(read(forged), pairOf('site').publicKey)).toThrow(
      failure('TrustError', 'SIGNATURE_INVALID'),
    );
  });

  test('is only for a load that is complete', () => {
    for (const changes of [{ event: 'failed' }, { action: 'verify' }, { archive: { path: 'x' } }] as const) {
      const made = linkEntry(GENESIS, makeFacts(3, changes));
      expect(() => createReceipt(made.entry as LoadEntry, made.head.hash)).toThrow(RangeError);
    }
  });
});

describe('what is refused as a receipt', () => {
  const payload = (changes: object): Envelope => {
    const statement = JSON.parse(unsigned.payload.toString()) as object;
    return { ...unsigned, payload: serializeLine({ ...statement, ...changes }) };
  };
  const failed = linkEntry(GENESIS, makeFacts(3, { event: 'failed' }));

  test.each([
    ['a trust document', seal(Buffer.from('{}\n'), ['site'])],
    ['a statement of another kind', payload({ predicateType: 'https://slsa.dev/provenance/v1' })],
    ['about another archive', payload({ subject: [{ name: 'checksums.txt', digest: { sha256: 'a'.repeat(64) } }] })],
    ['about two archives', payload({ subject: [1, 2].map(() => ({ name: 'checksums.txt', digest: { sha256: 'a'.repeat(64) } })) })], // prettier-ignore
    ['with the hash of another line', payload({ predicate: { head: sha256('x'), entry } })],
    ['with an entry that was changed', payload({ predicate: { head: linked.head.hash, entry: { ...entry, target: 'x' } } })], // prettier-ignore
    ['of a load that failed', payload({ predicate: { head: failed.head.hash, entry: failed.entry } })],
    ['in another spelling', { ...unsigned, payload: Buffer.from(JSON.stringify(JSON.parse(unsigned.payload.toString()), null, 1)) }], // prettier-ignore
    ['that is no JSON', { ...unsigned, payload: Buffer.from('receipt') }],
  ])('one %s', (_, envelope) => {
    expect(() => read(envelope)).toThrow(failure('IntegrityError', 'MALFORMED', 'receipt.json', 'from the site'));
  });

  test('any file that is none', () => {
    expect(() => parseReceipt(Buffer.from('{}'), 'receipt.json')).toThrow(failure('IntegrityError', 'MALFORMED'));
  });

  test('and a receipt is refused in the place of a trust document, and of provenance', () => {
    expect(() => parseTrustFile(serializeEnvelope(signed), '1.trust.json')).toThrow(
      failure('IntegrityError', 'MALFORMED'),
    );
    expect(() => parseStatement(signed.payloadType, signed.payload, 'provenance')).toThrow(
      failure('TrustError', 'SUBJECT_MISMATCH', 'https://airgap.hexabase.ai/load-receipt/v1'),
    );
  });
});
