/** Signs without a key that anybody keeps: Fulcio certifies one that lives for a moment, and Rekor logs what it signed. */
import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { InternalError, RekorWitness } from '@sigstore/sign';
import { parseJson } from '../../base/json/parse-json.ts';
import { abortable } from '../../base/abortable.ts';
import { FulcioAnswer } from './signing-service-schema.ts';
import type { Timestamper } from './bundling.ts';
import { createCertificateSigner, type CertificateSignerParts, type CertifiedKey } from './certificate-signer.ts';
import type { Authorities } from '../signatures/pinned-root.ts';
import type { ReleaseSigner } from './signer.ts';
import { getIdentityToken, type TokenSource } from './identity-token.ts';
import {
  askService,
  below,
  MAX_ANSWER_BYTES,
  reasonOf,
  serviceFailure,
  type ServiceOptions,
} from './signing-service.ts';

const TIMEOUT_MS = 30_000;
const CERTIFICATE_PATH = '/api/v2/signingCert';
/** A statement is logged by its digest: a log keeps what is sent to it, and shows it to everybody. */
const ENTRY_TYPE = 'dsse';

/** Which services, and in whose name. */
export interface KeylessOptions extends TokenSource {
  readonly fulcioUrl: URL;
  readonly rekorUrl: URL;
  /** What the result is verified by before it is used. */
  readonly authorities: Authorities;
  readonly timestamp?: Timestamper | undefined;
}

/**
 * A signer in the name of the identity token, which is asked for anew at each signature.
 * @throws from its methods: UsageError, AuthError, StoreError as {@link askService} and `getIdentityToken`, TrustError
 *   `SIGNATURE_INVALID` when the pinned authorities do not bear the result out.
 */
export function createKeylessSigner(options: KeylessOptions): ReleaseSigner {
  const { authorities, timestamp } = options;
  return createCertificateSigner({
    certify: () => certifyKey(options),
    log: rekorLog(options.rekorUrl, options),
    timestamp,
    authorities,
  });
}

/** @see https://github.com/sigstore/fulcio/blob/main/fulcio.proto */
async function certifyKey(options: KeylessOptions): Promise<CertifiedKey> {
  const url = below(options.fulcioUrl, CERTIFICATE_PATH);
  const what = 'the certificate authority';
  const token = await getIdentityToken(options);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const request = {
    credentials: { oidcIdentityToken: token.text },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: publicKey.export({ type: 'spki', format: 'pem' }) },
      proofOfPossession: sign('sha256', Buffer.from(token.subject), privateKey).toString('base64'),
    },
  };
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const body = Buffer.from(JSON.stringify(request));
  const answer = await askService({ what, url, headers, body, secret: token.text }, options);
  const certificate = readCertificate(answer);
  if (certificate === undefined) throw serviceFailure(what, url, 'an answer without a certificate');
  return { certificate: certificate.raw, sign: async (data) => sign('sha256', data, privateKey) };
}

function rekorLog(url: URL, { signal }: ServiceOptions): CertificateSignerParts['log'] {
  const rekorBaseURL = url.href.replace(/\/+$/, '');
  const witness = new RekorWitness({ rekorBaseURL, entryType: ENTRY_TYPE, timeout: TIMEOUT_MS, retry: false });
  return async (content, certificate) => {
    const what = 'the transparency log';
    try {
      const pem = new X509Certificate(certificate).toString();
      const { tlogEntries: [entry] = [] } = await abortable(witness.testify(content, pem), signal);
      if (entry !== undefined) return entry;
    } catch (error) {
      signal?.throwIfAborted();
      const cause: unknown = error instanceof InternalError ? (error.cause ?? error) : error;
      throw serviceFailure(what, url, reasonOf(cause), error);
    }
    throw serviceFailure(what, url, 'an answer without an entry');
  };
}

function readCertificate(answer: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(leafOf(parseJson(answer, { maxBytes: MAX_ANSWER_BYTES, reading: 'lenient' })));
  } catch {
    return undefined;
  }
}

function leafOf(json: unknown): string {
  const data = FulcioAnswer.parse(json);
  const { chain } =
    'signedCertificateEmbeddedSct' in data ? data.signedCertificateEmbeddedSct : data.signedCertificateDetachedSct;
  return chain.certificates[0] ?? '';
}
