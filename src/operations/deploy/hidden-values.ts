/** Hides the values of a site in what a cluster says: they are in no message, no record and no file of a diagnosis. */
import type { FilledValues } from '../../kubernetes/staging/filled-values.ts';

/** A shorter value is a word of its own too often. */
const MIN_LENGTH = 6;
const HIDDEN = '(hidden)';
/** A value of such a name is base64 already. */
const BASE64 = '_BASE64';

/** The text without the values, neither as they are nor in base64. */
export function hideValues(text: string, values: FilledValues): string {
  const plain = [...values].map(([name, value]) =>
    name.endsWith(BASE64) ? Buffer.from(value, 'base64').toString('utf8') : value,
  );
  const secrets = plain.filter((value) => value.length >= MIN_LENGTH);
  const spellings = secrets.flatMap((value) => [value, Buffer.from(value).toString('base64').replace(/=+$/, '')]);
  // The longest first: one may hold another.
  const ordered = [...new Set(spellings)].sort((a, b) => b.length - a.length);
  return ordered.reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text);
}
