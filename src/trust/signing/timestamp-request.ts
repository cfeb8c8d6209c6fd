/** Asks for an RFC 3161 timestamp, and checks that the answer is about what was asked. Pure: sending is left to others. */
import { createHash, randomInt } from 'node:crypto';
import { StoreError } from '../../errors.ts';
import { derInteger, derNull, derObjectIdentifier, derOctetString, derSequence } from '../keys/der.ts';
import { parseToken, type Token } from '../signatures/timestamp.ts';

const VERSION = 1;
/** As large as a random number may be that is still exact. */
const MAX_NONCE = 2 ** 48 - 1;
/** @see https://www.rfc-editor.org/rfc/rfc5754#section-2.2 */
const SHA256 = '2.16.840.1.101.3.4.2.1';
/** Fields of a token before those that may be missing. */
const FIXED_FIELDS = 5;

/** A question, and what is needed to check its answer. */
export interface TimestampRequest {
  /** `TimeStampReq` in DER. */
  readonly query: Buffer;
  readonly nonce: number;
}

/**
 * A request about the bytes of a signature. The authority's certificate is not asked for: a verifier has it pinned.
 * @see https://www.rfc-editor.org/rfc/rfc3161#section-2.4.1
 */
export function createTimestampRequest(signature: Buffer): TimestampRequest {
  const nonce = randomInt(1, MAX_NONCE);
  const imprint = createHash('sha256').update(signature).digest();
  const algorithm = derSequence(derObjectIdentifier(SHA256), derNull());
  const query = derSequence(derInteger(VERSION), derSequence(algorithm, derOctetString(imprint)), derInteger(nonce));
  return { query, nonce };
}

/**
 * Checks an answer as far as one can who has no authority pinned: granted, about this signature, to this question, and
 * such that Sigstore's verifiers can read it.
 * @param name of the authority, for errors
 * @throws StoreError `STORE_IO`
 * @see https://www.rfc-editor.org/rfc/rfc3161#section-2.4.2
 */
export function checkTimestampAnswer(
  answer: Buffer,
  signature: Buffer,
  { nonce }: TimestampRequest,
  name: string,
): void {
  const token = parseToken(answer);
  const fault = token === undefined ? 'is not a timestamp in DER' : faultOf(token, signature, nonce);
  if (fault === undefined) return;
  throw new StoreError('STORE_IO', `the answer of ${name} ${fault}`, {
    hint: 'nothing was signed; ask another timestamp authority, or give no --timestamp-url',
  });
}

function faultOf(token: Token, signature: Buffer, nonce: number): string | undefined {
  try {
    if (token.status > 1n) return `is a refusal (PKIStatus ${token.status})`;
    const { tstInfo } = token;
    const optional = tstInfo.root.subs.slice(FIXED_FIELDS);
    if (!optional.some((field) => field.toDER().equals(derInteger(nonce)))) return 'is to another question';
    if (Number.isNaN(tstInfo.genTime.getTime())) return 'names no time';
    try {
      tstInfo.verify(signature);
    } catch {
      return 'is about something else';
    }
    return undefined;
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : 'malformed'}`;
  }
}
