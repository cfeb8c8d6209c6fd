/** The forms in which a person or a program is known to a registry. */

/** What authenticates us; none of it ever appears in a message. */
export interface Credentials {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** An OAuth2 refresh token. */
  readonly identityToken?: string | undefined;
  /** Used as the bearer token itself. */
  readonly registryToken?: string | undefined;
}
