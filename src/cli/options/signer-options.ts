/** Options of every command that signs. */
import { list, text } from '../command.ts';

/** With a key. */
export const keyOptions = {
  key: list('--key <key>', 'private key file, or <name>://… for the KMS or HSM behind sigstore-kms-<name>'),
  passphraseFile: list(
    '--passphrase-file <file>',
    'holds the passphrase of all keys, or one for each --key in its order; else AIRGAP_PASSPHRASE or a prompt',
  ),
  expectKey: list('--expect-key <file>', 'public key that a signer must have; any other is refused'),
} as const;

/** With a key, without one, or both, and with the time of a third party. */
export const signerOptions = {
  ...keyOptions,
  fulcioUrl: text('--fulcio-url <url>', 'sign without a key, with a certificate of this Fulcio for an identity token'),
  rekorUrl: text('--rekor-url <url>', 'transparency log for signatures without a key'),
  identityToken: text('--identity-token <file>', 'holds the token; else SIGSTORE_ID_TOKEN, or the GitHub Actions job'),
  trustedRoot: text('--trusted-root <file>', 'Sigstore trusted root that verifies signatures without a key'),
  timestampUrl: text('--timestamp-url <url>', 'have each signature timestamped by this RFC 3161 authority'),
} as const;

/** The values of {@link keyOptions}. */
export interface KeyOptions {
  readonly key: readonly string[];
  /** None, one for all keys, or one for each key file. */
  readonly passphraseFile: readonly string[];
  readonly expectKey: readonly string[];
}

/** The values of {@link signerOptions}. */
export interface SignerOptions extends KeyOptions {
  readonly fulcioUrl?: string | undefined;
  readonly rekorUrl?: string | undefined;
  readonly identityToken?: string | undefined;
  readonly trustedRoot?: string | undefined;
  readonly timestampUrl?: string | undefined;
}
