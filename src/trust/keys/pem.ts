/** The frame of a PEM file: which one block it holds, before anything of it is read as a key. */
import { UsageError } from '../../errors.ts';

const MAX_PEM_CHARACTERS = 64 * 1024;

/** What to do without a key, by which half is needed. */
export const KEY_HINTS = {
  public: "give the public key of the release's maker, a file that begins with -----BEGIN PUBLIC KEY-----",
  private: 'give a private key; `airgap keys generate` makes a pair',
} as const;
/** Which half of a pair is needed. */
export type KeyHalf = keyof typeof KEY_HINTS;

/**
 * The label of the one block of a PEM text, such as `PUBLIC KEY`.
 * @param name what to call the text in errors, such as its path
 * @param half which half of a key pair it should hold
 * @throws UsageError when there is no block, more than one, or more than 64 Ki characters.
 * @see https://www.rfc-editor.org/rfc/rfc7468
 */
export function pemLabel(pem: string, name: string, half: KeyHalf): string {
  const labels = pem.length > MAX_PEM_CHARACTERS ? [] : [...pem.matchAll(/^-----BEGIN ([A-Z0-9 ]{1,64})-----\r?$/gm)];
  const label = labels[0]?.[1];
  if (label !== undefined && labels.length === 1) return label;
  const found = label === undefined ? 'is not a PEM file' : `holds ${labels.length} PEM blocks where one is needed`;
  throw new UsageError('USAGE', `${name} ${found}`, { hint: KEY_HINTS[half] });
}

/** Why a key could not be read, as the person's own mistake; what is that already is passed through. */
export function unreadableKey(error: unknown, name: string, half: KeyHalf): UsageError {
  if (error instanceof UsageError) return error;
  return new UsageError('USAGE', `${name} cannot be read as a key`, { hint: KEY_HINTS[half], cause: error });
}
