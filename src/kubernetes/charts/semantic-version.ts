/** Versions as Helm's library reads them: one to three numbers, a pre-release, and metadata that orders nothing. */

const IDENTIFIERS = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*';
const VERSION = new RegExp(
  `^v?([0-9]{1,19})(?:\\.([0-9]{1,19}))?(?:\\.([0-9]{1,19}))?(?:-(${IDENTIFIERS}))?(?:\\+${IDENTIFIERS})?$`,
);

/** A version in its parts; metadata is left out. */
export interface Version {
  /** Major, minor, patch. */
  readonly numbers: readonly [bigint, bigint, bigint];
  /** Empty for a release. */
  readonly preRelease: string;
}

/**
 * Reads a version; undefined when the text is none.
 * @see https://pkg.go.dev/github.com/Masterminds/semver/v3#NewVersion
 */
export function parseVersion(text: string): Version | undefined {
  const match = VERSION.exec(text);
  if (match === null) return undefined;
  const [, major = '0', minor = '0', patch = '0', preRelease = ''] = match;
  if (preRelease.split('.').some((part) => /^0[0-9]+$/.test(part))) return undefined;
  return { numbers: [BigInt(major), BigInt(minor), BigInt(patch)], preRelease };
}

/** Whether the text is a version: one to three numbers, and no number of a pre-release begins with 0. */
export function isVersion(text: string): boolean {
  return parseVersion(text) !== undefined;
}

/** Negative when the first is older, 0 when neither is. @see https://semver.org/#spec-item-11 */
export function compareVersions(a: Version, b: Version): number {
  for (const [index, number] of a.numbers.entries()) {
    const other = b.numbers[index] ?? 0n;
    if (number !== other) return number < other ? -1 : 1;
  }
  return comparePreReleases(a.preRelease, b.preRelease);
}

/** A release is newer than its pre-releases. */
export function comparePreReleases(a: string, b: string): number {
  if (a === b) return 0;
  if (a === '' || b === '') return a === '' ? 1 : -1;
  const [ours, theirs] = [a.split('.'), b.split('.')];
  for (const [index, part] of ours.entries()) {
    const other = theirs[index];
    if (other === undefined) return 1;
    const order = compareIdentifiers(part, other);
    if (order !== 0) return order;
  }
  return -1;
}

function compareIdentifiers(a: string, b: string): number {
  const [isNumber, isOther] = [/^[0-9]+$/.test(a), /^[0-9]+$/.test(b)];
  if (isNumber !== isOther) return isNumber ? -1 : 1;
  const [left, right] = isNumber ? [BigInt(a), BigInt(b)] : [a, b];
  return left === right ? 0 : left < right ? -1 : 1;
}
