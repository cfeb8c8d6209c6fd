/** Makes release signatures with certificates for keys that live for one signature; their maker is given. */
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { TrustError } from '../../errors.ts';
import { parseAttestation } from '../signatures/attestation.ts';
import { parseBundle } from '../signatures/bundle.ts';
import { bundleMessage, bundleStatement, type BundleContent, type BundleParts, type Timestamper } from './bundling.ts';
import { verifySignatureOfIdentity } from '../signatures/certificate-identity.ts';
import { nameSigner, type CertificateIdentity, type SignerName } from '../signatures/identity.ts';
import type { Authorities } from '../signatures/pinned-root.ts';
import type { ReleaseSigner } from './signer.ts';

/** A key of the moment with the certificate for it. */
export interface CertifiedKey {
  /** DER. */
  readonly certificate: Buffer;
  readonly sign: (data: Buffer) => Promise<Buffer>;
}

/** What a signer without a key of its own is made of. */
export interface CertificateSignerParts {
  /** Makes a key and has it certified. */
  readonly certify: () => Promise<CertifiedKey>;
  /** Logs what was signed. */
  readonly log: (content: BundleContent, certificate: Buffer) => Promise<TransparencyLogEntry>;
  readonly timestamp?: Timestamper | undefined;
  /** What the result is verified by, as those who verify will. */
  readonly authorities: Authorities;
}

/** A signer in the name that the certificates carry. Each signature is verified as those who verify will. */
export function createCertificateSigner({
  certify,
  log,
  timestamp,
  authorities,
}: CertificateSignerParts): ReleaseSigner {
  const named = 'the new signature';
  const prepare = async (): Promise<BundleParts> => {
    const { certificate, sign } = await certify();
    return { material: { certificate }, sign, log: (content) => log(content, certificate), timestamp };
  };
  return {
    async sign(data) {
      const bytes = await bundleMessage(data, await prepare());
      const { bundle, signer } = parseBundle(bytes, named);
      verifySignatureOfIdentity(bundle, data, assertIdentity(signer), authorities, named);
      return bytes;
    },
    async attest(payload, payloadType) {
      const bytes = await bundleStatement(payload, payloadType, await prepare());
      const { bundle, signer } = parseAttestation(bytes, named);
      verifySignatureOfIdentity(bundle, undefined, assertIdentity(signer), authorities, named);
      return bytes;
    },
  };
}

function assertIdentity(signer: SignerName): CertificateIdentity {
  if ('keyId' in signer) throw new TrustError('SIGNATURE_INVALID', `${nameSigner(signer)} signed, not a certificate`);
  return signer;
}
