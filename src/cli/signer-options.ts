/** Options of every command that signs. */
import { list, text } from './command.ts';

export const signerOptions = {
  key: list('--key <key>', 'private key file, or <name>://… for the KMS or HSM behind sigstore-kms-<name>'),
  passphraseFile: text('--passphrase-file <file>', 'holds the passphrase; else AIRGAP_PASSPHRASE or a prompt'),
  expectKey: list('--expect-key <file>', 'public key that a signer must have; any other is refused'),
} as const;

/** The values of {@link signerOptions}. */
export interface SignerOptions {
  readonly key: readonly string[];
  readonly passphraseFile: string | undefined;
  readonly expectKey: readonly string[];
}
