/** Patterns for files of a release: `*` and `?` within a name, `**` for any directories. */
import { UsageError } from '../../errors.ts';

const MAX_PATTERN = 200;
const PATTERN = /^[A-Za-z0-9._+*?-]+(\/[A-Za-z0-9._+*?-]+)*\/?$/;

/** Whether a path, relative to the release.yaml, is what a pattern is for. */
export type PathMatcher = (path: string) => boolean;

/**
 * Reads a pattern. Without a slash it is for names at any depth, otherwise for paths from the release.yaml on; what is
 * for a directory is for all that is below it.
 * @throws UsageError `INVALID_SPEC`
 */
export function parsePathPattern(text: string): PathMatcher {
  const isPlain = text.length <= MAX_PATTERN && PATTERN.test(text) && !text.split('/').includes('..');
  if (!isPlain || /\*\*[^/]|[^/]\*\*|\*{3}/.test(text)) {
    throw new UsageError('INVALID_SPEC', 'is no pattern for files', {
      hint: 'write *.json, dashboards/ or manifests/**/values.yaml',
    });
  }
  const pattern = text.replace(/^(\.\/)+/, '').replace(/\/$/, '');
  const names = (pattern.includes('/') ? pattern : `**/${pattern}`).split('/');
  return (path) => {
    const segments = path.split('/');
    // What is for a directory is for all below it.
    return segments.some((_, index) => matchesSequence(names, segments.slice(0, index + 1), '**', matchesName));
  };
}

function matchesName(pattern: string, name: string): boolean {
  return matchesSequence([...pattern], [...name], '*', (one, other) => one === '?' || one === other);
}

/**
 * Whether a sequence is what a pattern says, where `any` stands for any number of items. Only the last `any` is ever
 * tried again, so that no pattern takes more than the product of both lengths.
 */
function matchesSequence(
  pattern: readonly string[],
  items: readonly string[],
  any: string,
  isOne: (pattern: string, item: string) => boolean,
): boolean {
  let [at, next, lastAny, taken] = [0, 0, -1, 0];
  while (next < items.length) {
    const expected = pattern[at];
    if (expected === any) [lastAny, taken, at] = [at, next, at + 1];
    else if (expected !== undefined && isOne(expected, items[next] as string)) [at, next] = [at + 1, next + 1];
    else if (lastAny >= 0) [taken, at, next] = [taken + 1, lastAny + 1, taken + 1];
    else return false;
  }
  return pattern.slice(at).every((rest) => rest === any);
}
