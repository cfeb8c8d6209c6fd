/** What the services of keyless signing answer, as far as it is used. */
import * as z from 'zod';

const Chain = z.object({
  chain: z.object({
    certificates: z
      .array(z.string().max(64 * 1024))
      .min(1)
      .max(16),
  }),
});

/**
 * A certificate and what issued it, in PEM.
 * @see https://github.com/sigstore/fulcio/blob/main/fulcio.proto
 */
export const FulcioAnswer = z.union([
  z.object({ signedCertificateEmbeddedSct: Chain }),
  z.object({ signedCertificateDetachedSct: Chain }),
]);

/**
 * A token of the running job.
 * @see https://docs.github.com/en/actions/reference/security/oidc
 */
export const ActionsTokenAnswer = z.object({
  value: z
    .string()
    .min(1)
    .max(64 * 1024),
});

/**
 * What of a token is looked at here; its recipient looks at all.
 * @see https://openid.net/specs/openid-connect-core-1_0.html#IDToken
 */
export const TokenClaims = z.object({
  iss: z.string().min(1),
  sub: z.string().min(1).optional(),
  email: z.string().min(1).optional(),
  exp: z.number().optional(),
});
export type TokenClaims = z.infer<typeof TokenClaims>;
