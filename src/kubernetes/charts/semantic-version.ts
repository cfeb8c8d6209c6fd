/** Versions and ranges of versions as Helm's library reads them. */

const IDENTIFIERS = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*';
const VERSION = new RegExp(`^v?[0-9]{1,19}(?:\\.[0-9]{1,19}){0,2}(?:-(${IDENTIFIERS}))?(?:\\+${IDENTIFIERS})?$`);
const PART = '(?:[0-9]+|[xX*])';
const IN_RANGE = `v?${PART}(?:\\.${PART}){0,2}(?:-${IDENTIFIERS})?(?:\\+${IDENTIFIERS})?`;
const COMPARED = new RegExp(`^(?:=|!=|>|<|>=|=>|<=|=<|~|~>|\\^)?${IN_RANGE}$`);
/** Characters of one range; real ones have a few dozen. */
const MAX_RANGE = 1_000;

/**
 * Whether the text is a version: one to three numbers, and no number of a pre-release begins with 0.
 * @see https://pkg.go.dev/github.com/Masterminds/semver/v3#NewVersion
 */
export function isVersion(text: string): boolean {
  const match = VERSION.exec(text);
  return match !== null && !(match[1] ?? '').split('.').some((part) => /^0[0-9]+$/.test(part));
}

/**
 * Whether the text is a range such as `>=1.24.0-0 <2 || ^3.1`, or empty.
 * @see https://pkg.go.dev/github.com/Masterminds/semver/v3#NewConstraint
 */
export function isConstraint(text: string): boolean {
  if (text === '') return true;
  if (text.length > MAX_RANGE) return false;
  return text.split('||').every((alternative) =>
    alternative
      .replaceAll(/\s-\s/g, ' ')
      .replaceAll(/([=!<>~^])\s+/g, '$1')
      .trim()
      .split(/\s*,\s*|\s+/)
      .every((comparison) => COMPARED.test(comparison)),
  );
}
