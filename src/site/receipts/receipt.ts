/** The receipt of a load: what the site put on record, in a form that can be carried out, signed or not. Pure. */
import type { KeyObject } from 'node:crypto';
import { TrustError } from '../../errors.ts';
import { hexOf, sha256, type Digest } from '../../oci/digest.ts';
import { isLoading, LoadReceipt } from '../audit/entry-schema.ts';
import { MAX_LINE_BYTES } from '../audit/audit-chain.ts';
import { malformed, readSpelled, serializeLine } from '../../base/json/canonical-json.ts';
import { parseEnvelope, signersOf, type Envelope } from '../../trust/signatures/dsse.ts';
import { keyId } from '../../trust/keys/public-key.ts';

/** What a DSSE envelope around a receipt says its payload is. */
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
/** Bytes of a receipt: an entry in base64. */
export const MAX_RECEIPT_BYTES: number = 2 * MAX_LINE_BYTES;

/** The entry that ends a load that was complete. */
export type LoadEntry = LoadReceipt['predicate']['entry'];

/** A receipt as it claims to be. */
export interface ReadReceipt {
  /** What to call it in errors, such as its path. */
  readonly name: string;
  readonly entry: LoadEntry;
  /** sha256 of the line of the log. */
  readonly head: Digest;
  readonly envelope: Envelope;
}

/**
 * Makes a receipt without a signature.
 * @throws RangeError for an entry that ends no load
 */
export function createReceipt(entry: LoadEntry, head: Digest): Envelope {
  const { digest } = entry.archive;
  if (digest === undefined || !isLoaded(entry)) throw new RangeError('only a complete load has a receipt');
  const receipt: LoadReceipt = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'checksums.txt', digest: { sha256: hexOf(digest) } }],
    predicateType: 'https://airgap.hexabase.ai/load-receipt/v1',
    predicate: { head, entry },
  };
  return { payloadType: PAYLOAD_TYPE, payload: serializeLine(LoadReceipt.parse(receipt)), signatures: new Map() };
}

/**
 * Reads a receipt and holds its parts against each other. Whose it is, is not decided here.
 * @throws IntegrityError `MALFORMED`
 */
export function parseReceipt(bytes: Uint8Array, name: string): ReadReceipt {
  const envelope = parseEnvelope(bytes, name, { maxBytes: MAX_RECEIPT_BYTES, hint: HINT });
  if (envelope.payloadType !== PAYLOAD_TYPE) throw malformed(name, 'is not a receipt of a load', undefined, HINT);
  const read = readSpelled(LoadReceipt, envelope.payload, MAX_RECEIPT_BYTES, serializeLine);
  if (!('data' in read)) throw malformed(name, read.fault, read.cause, HINT);
  const { subject, predicate } = read.data;
  const { entry, head } = predicate;
  const isWhole =
    sha256(serializeLine(entry)) === head && entry.archive.digest === `sha256:${subject[0].digest.sha256}`;
  if (!isWhole || !isLoaded(entry)) throw malformed(name, 'contradicts itself', undefined, HINT);
  return { name, entry, head, envelope };
}

/**
 * Holds a receipt to the key of the site.
 * @throws TrustError `UNSIGNED`, `UNTRUSTED_SIGNER`, `SIGNATURE_INVALID`
 */
export function assertReceiptBy({ envelope, name }: ReadReceipt, key: KeyObject): void {
  if (signersOf(envelope, [key], name).size > 0) return;
  const signers = [...envelope.signatures.keys()];
  if (signers.length === 0) {
    throw new TrustError('UNSIGNED', `${name} is not signed`, {
      hint: 'anyone could have written it; ask the site for one made with --receipt-key, or compare it with their log',
    });
  }
  throw new TrustError('UNTRUSTED_SIGNER', `${name} is not signed by the key ${keyId(key)}`, {
    hint: `it names ${signers.join(', ')} as signer`,
  });
}

function isLoaded({ event, action }: LoadEntry): boolean {
  return event === 'completed' && isLoading(action);
}

const HINT = 'it was damaged or changed; get it again from the site';
