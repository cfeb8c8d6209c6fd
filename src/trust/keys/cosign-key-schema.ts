/** What is inside of a private key file that cosign wrote: how to derive the secret, and what it opens. */
import * as z from 'zod';

const Base64 = z.base64().max(16 * 1024);

/**
 * The JSON document in the PEM block of `cosign.key`.
 * @see https://github.com/secure-systems-lab/go-securesystemslib/blob/main/encrypted/encrypted.go
 */
export const CosignKey = z.strictObject({
  kdf: z.strictObject({
    name: z.literal('scrypt'),
    params: z.strictObject({ N: z.int().min(2), r: z.int().min(1), p: z.int().min(1) }),
    salt: Base64,
  }),
  cipher: z.strictObject({ name: z.literal('nacl/secretbox'), nonce: Base64 }),
  ciphertext: Base64,
});
export type CosignKey = z.infer<typeof CosignKey>;
