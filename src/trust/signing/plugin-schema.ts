/** What a Sigstore KMS plugin answers on standard output. */
import * as z from 'zod';

/** Standard base64 of at least one byte. */
const Bytes = z.base64().min(1);

/**
 * Answers of protocol v1 to the two methods that signing needs. Other fields are other methods' and are not looked at.
 * @see https://github.com/sigstore/sigstore/blob/main/pkg/signature/kms/cliplugin/common/interface.go
 */
export const KmsPluginAnswer = z.object({
  /** Says that the call failed; the exit code says nothing. */
  errorMessage: z.string().optional(),
  publicKey: z.object({ publicKeyPEM: Bytes }).optional(),
  signMessage: z.object({ signature: Bytes }).optional(),
});
export type KmsPluginAnswer = z.infer<typeof KmsPluginAnswer>;
