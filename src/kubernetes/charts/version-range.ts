/** Ranges of versions as Helm's library reads them, which is not quite how npm does. */
import { comparePreReleases, compareVersions, parseVersion, type Version } from './semantic-version.ts';

const PART = '([0-9]+|[xX*])';
const IDENTIFIERS = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*';
const COMPARED = new RegExp(
  `^(=|!=|>|<|>=|=>|<=|=<|~|~>|\\^)?v?${PART}(?:\\.${PART})?(?:\\.${PART})?(-${IDENTIFIERS})?(?:\\+${IDENTIFIERS})?$`,
);
/** Characters of one range; real ones have a few dozen. */
const MAX_RANGE = 1_000;

/** A range such as `^1.2`, `>=1.24.0-0 <2 || ^3.1` or `1.x`. */
export interface VersionRange {
  /** Whether a version is in it. Pre-releases are only where the range itself speaks of one. */
  allows(version: Version): boolean;
}

interface Comparison {
  readonly operator: string;
  readonly than: Version;
  /** Any part was left out or written `x`. */
  readonly isLoose: boolean;
  readonly anyMinor: boolean;
  readonly anyPatch: boolean;
}

/**
 * Reads a range; undefined when the text is none. An empty one allows every release.
 * @see https://pkg.go.dev/github.com/Masterminds/semver/v3#NewConstraint
 */
export function parseVersionRange(text: string): VersionRange | undefined {
  if (text.length > MAX_RANGE) return undefined;
  const alternatives: (readonly Comparison[])[] = [];
  for (const alternative of text.split('||')) {
    const comparisons = parseAlternative(alternative);
    if (comparisons === undefined) return undefined;
    alternatives.push(comparisons);
  }
  return { allows: (version) => alternatives.some((comparisons) => allowsAll(comparisons, version)) };
}

/** Whether the text is a range, or empty. */
export function isVersionRange(text: string): boolean {
  return parseVersionRange(text) !== undefined;
}

function parseAlternative(text: string): readonly Comparison[] | undefined {
  const words = text
    .replaceAll(/([^\s,]+)\s+-\s+([^\s,]+)/g, '>=$1 <=$2')
    .replaceAll(/([=!<>~^])\s+/g, '$1')
    .trim()
    .split(/\s*,\s*|\s+/);
  const comparisons = words.map((word) => parseComparison(word === '' && words.length === 1 ? '*' : word));
  return comparisons.every((comparison) => comparison !== undefined) ? comparisons : undefined;
}

function parseComparison(word: string): Comparison | undefined {
  const match = COMPARED.exec(word);
  if (match === null) return undefined;
  const [, operator = '', ...parts] = match;
  const [major, minor, patch] = parts.map((part) => (/^[0-9]+$/.test(part ?? '') ? part : undefined));
  const numbers = [major ?? '0', (major && minor) ?? '0', (major && minor && patch) ?? '0'];
  const than = parseVersion(`${numbers.join('.')}${parts[3] ?? ''}`);
  if (than === undefined) return undefined;
  const anyMinor = major !== undefined && minor === undefined;
  const anyPatch = major !== undefined && minor !== undefined && patch === undefined;
  return { operator, than, isLoose: major === undefined || anyMinor || anyPatch, anyMinor, anyPatch };
}

function allowsAll(comparisons: readonly Comparison[], version: Version): boolean {
  const speaksOfPreReleases = comparisons.some(({ than }) => than.preRelease !== '');
  if (version.preRelease !== '' && !speaksOfPreReleases) return false;
  return comparisons.every((comparison) => holds(comparison, version));
}

function holds(comparison: Comparison, version: Version): boolean {
  const { operator, than, isLoose } = comparison;
  const order = compareVersions(version, than);
  switch (operator) {
    case '!=':
      return differs(comparison, version);
    case '>':
      return isLoose ? isAbove(comparison, version) : order > 0;
    case '<':
      return order < 0;
    case '>=':
    case '=>':
      return order >= 0;
    case '<=':
    case '=<':
      return isLoose ? !isAbove(comparison, version) : order <= 0;
    case '~':
    case '~>':
      return isNear(comparison, version);
    case '^':
      return isCompatible(comparison, version);
    default:
      return isLoose ? isNear(comparison, version) : order === 0;
  }
}

/** `!=1.2` is anything but 1.2.x. */
function differs({ than, isLoose, anyMinor, anyPatch }: Comparison, version: Version): boolean {
  if (!isLoose) return compareVersions(version, than) !== 0;
  const [major, minor] = version.numbers;
  if (major !== than.numbers[0]) return true;
  if (anyMinor) return false;
  if (minor !== than.numbers[1]) return true;
  if (anyPatch) return comparePreReleases(version.preRelease, than.preRelease) !== 0;
  return compareVersions(version, than) !== 0;
}

/** `>1.2` begins at 1.3, and `<=1.2` ends before it; for `*` there is no such place. */
function isAbove({ operator, than, anyMinor, anyPatch }: Comparison, version: Version): boolean {
  const [major, minor] = version.numbers;
  const [ours, our] = than.numbers;
  if (major !== ours) return major > ours;
  if (anyMinor) return false;
  if (anyPatch || operator !== '>') return minor > our;
  return compareVersions(version, than) > 0;
}

/** `~1.2` is 1.2.x, `~1` is 1.x, `~*` and `~0.0.0` are anything. */
function isNear({ than, anyMinor, anyPatch }: Comparison, version: Version): boolean {
  if (compareVersions(version, than) < 0) return false;
  if (than.numbers.every((number) => number === 0n) && !anyMinor && !anyPatch) return true;
  return version.numbers[0] === than.numbers[0] && (anyMinor || version.numbers[1] === than.numbers[1]);
}

/** `^1.2.3` ends before 2, `^0.2.3` before 0.3, `^0.0.3` before 0.0.4. */
function isCompatible({ than, anyMinor, anyPatch }: Comparison, version: Version): boolean {
  if (compareVersions(version, than) < 0) return false;
  const [major, minor, patch] = version.numbers;
  const [ourMajor, ourMinor, ourPatch] = than.numbers;
  if (major !== ourMajor) return false;
  if (ourMajor > 0n || anyMinor) return true;
  if (minor !== ourMinor) return false;
  return ourMinor > 0n || anyPatch || patch === ourPatch;
}
