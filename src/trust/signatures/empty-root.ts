/** The trust root that trusts no certificate authority and no log: with it, only keys given by the user count. */
import { TrustedRoot } from '@sigstore/protobuf-specs';

const EMPTY_ROOT = { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' };

/**
 * The text of a Sigstore trusted root without any authority. It travels in the archive, because cosign 2 asks the
 * network for a trust root unless it is given one: `cosign verify-blob --trusted-root FILE`.
 * @see https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto
 */
export const emptyTrustedRoot: string = `${JSON.stringify(EMPTY_ROOT)}\n`;

/** The same as the verifier's own type. */
export function createEmptyTrustedRoot(): TrustedRoot {
  return TrustedRoot.fromJSON(EMPTY_ROOT);
}
