/** DSSE: several signatures over one typed payload, so that a signature made for one kind of document fits no other. */
import type { KeyObject } from 'node:crypto';
import { TrustError } from '../../errors.ts';
import { DsseEnvelope } from '../documents/trust-document-schema.ts';
import { malformed, parseCanonically, serializeCanonically } from '../../base/json/canonical-json.ts';
import { isSignature } from '../keys/key-signature.ts';
import { keyId } from '../keys/public-key.ts';

/** Bytes of one envelope: room for ten thousand revocations of each kind. */
const MAX_ENVELOPE_BYTES = 4 * 1024 * 1024;
const MAX_SIGNATURE_BYTES = 512;

/** A payload with its signatures; nothing of it is trusted yet. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  /** By key id, sorted. */
  readonly signatures: ReadonlyMap<string, Buffer>;
}

/**
 * What is signed: the payload with its type and both lengths.
 * @see https://github.com/secure-systems-lab/dsse/blob/master/protocol.md#signature-definition
 */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** The one spelling of an envelope. */
export function serializeEnvelope({ payloadType, payload, signatures }: Envelope): Buffer {
  const sorted = [...signatures].sort(([a], [b]) => (a < b ? -1 : 1));
  const envelope: DsseEnvelope = {
    payloadType,
    payload: payload.toString('base64'),
    signatures: sorted.map(([keyid, sig]) => ({ keyid, sig: sig.toString('base64') })),
  };
  return serializeCanonically(envelope);
}

/** How an envelope is read. */
export interface EnvelopeOptions {
  /** @defaultValue enough for a trust document */
  readonly maxBytes?: number | undefined;
  /** The next step when it is damaged. @defaultValue that of a trust document */
  readonly hint?: string | undefined;
}

/**
 * Reads an envelope spelled exactly as {@link serializeEnvelope} spells it.
 * @throws IntegrityError `MALFORMED`, also when one key signed twice
 */
export function parseEnvelope(
  bytes: Uint8Array,
  name: string,
  { maxBytes = MAX_ENVELOPE_BYTES, hint }: EnvelopeOptions = {},
): Envelope {
  const { payloadType, payload, signatures } = parseCanonically(DsseEnvelope, bytes, name, maxBytes, hint);
  const envelope: Envelope = {
    payloadType,
    payload: Buffer.from(payload, 'base64'),
    signatures: new Map(signatures.map(({ keyid, sig }) => [keyid, Buffer.from(sig, 'base64')])),
  };
  for (const sig of envelope.signatures.values()) {
    if (sig.length > MAX_SIGNATURE_BYTES) throw malformed(name, 'has an oversized signature', undefined, hint);
  }
  // Base64 has several spellings of the same bytes; a repeated key is lost in the map, an order in sorting.
  if (!serializeEnvelope(envelope).equals(bytes)) throw malformed(name, 'is not in canonical form', undefined, hint);
  return envelope;
}

/**
 * Adds a signature after it was verified; one by the same key is replaced.
 * @throws TrustError `SIGNATURE_INVALID`
 */
export function addSignature(envelope: Envelope, publicKey: KeyObject, signature: Buffer): Envelope {
  const id = keyId(publicKey);
  if (!isSignedBy(envelope, publicKey, signature)) {
    throw new TrustError('SIGNATURE_INVALID', `the new signature of key ${id} does not verify`);
  }
  return { ...envelope, signatures: new Map([...envelope.signatures, [id, signature]]) };
}

/**
 * The keys among the given ones that signed the envelope: distinct keys, by their fingerprints, whatever the envelope
 * calls them. Signatures of other keys are passed over.
 * @throws TrustError `SIGNATURE_INVALID` when one of the given keys is said to have signed and did not: that is no accident.
 */
export function signersOf(envelope: Envelope, keys: readonly KeyObject[], name: string): ReadonlySet<string> {
  const signers = new Set<string>();
  for (const key of keys) {
    const id = keyId(key);
    const signature = envelope.signatures.get(id);
    if (signature === undefined || signers.has(id)) continue;
    if (!isSignedBy(envelope, key, signature)) {
      throw new TrustError('SIGNATURE_INVALID', `the signature of key ${id} on ${name} does not verify`, {
        hint: 'it was damaged or changed; get it again from its maker',
      });
    }
    signers.add(id);
  }
  return signers;
}

function isSignedBy({ payloadType, payload }: Envelope, key: KeyObject, signature: Buffer): boolean {
  return isSignature(preAuthenticationEncoding(payloadType, payload), key, signature);
}
