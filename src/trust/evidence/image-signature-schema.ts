/** What is signed when somebody signs an image: cosign's two forms. Tolerant of what else stands there. */
import * as z from 'zod';

const MAX_SUBJECTS = 1024;
const MAX_TEXT = 4096;

/** What says that a payload is the signature of an image, and not some other document of its signer. */
export const SIMPLE_SIGNING_TYPE = 'cosign container image signature';
/** The predicate under which cosign signs an image; any other states something about it. */
export const SIGN_PREDICATE_TYPE = 'https://sigstore.dev/cosign/sign/v1';

/**
 * The payload of the older form.
 * @see https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md#simple-signing
 */
export const SimpleSigning = z.object({
  critical: z.object({
    identity: z.object({ 'docker-reference': z.string().max(MAX_TEXT) }).optional(),
    image: z.object({ 'docker-manifest-digest': z.string().max(MAX_TEXT) }),
    type: z.string().max(MAX_TEXT),
  }),
});
export type SimpleSigning = z.infer<typeof SimpleSigning>;

/**
 * The payload of the newer form, an in-toto statement in a DSSE envelope.
 * @see https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md
 */
export const SignStatement = z.object({
  _type: z.string().max(MAX_TEXT),
  predicateType: z.string().max(MAX_TEXT),
  subject: z
    .array(z.object({ digest: z.record(z.string().max(32), z.string().max(256)) }))
    .min(1)
    .max(MAX_SUBJECTS),
});
export type SignStatement = z.infer<typeof SignStatement>;
