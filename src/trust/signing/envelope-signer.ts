/** Signs DSSE envelopes with a key in memory and nothing else: what the secure side needs, without networked code. */
import { sign, type KeyObject } from 'node:crypto';
import { addSignature, preAuthenticationEncoding, type Envelope } from '../signatures/dsse.ts';
import { algorithmOf, publicKeyOf } from '../keys/public-key.ts';

/**
 * Adds a signature, verified.
 * @throws UsageError on a key of a kind we do not sign with.
 */
export function signEnvelope(envelope: Envelope, privateKey: KeyObject): Envelope {
  const hash = algorithmOf(privateKey) === 'ed25519' ? null : 'sha256';
  const data = preAuthenticationEncoding(envelope.payloadType, envelope.payload);
  return addSignature(envelope, publicKeyOf(privateKey), sign(hash, data, { key: privateKey, dsaEncoding: 'der' }));
}
