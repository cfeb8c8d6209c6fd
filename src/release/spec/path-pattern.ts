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
  const whole = pattern.includes('/') ? pattern : `**/${pattern}`;
  const source = whole
    .split('/')
    .map((name) => (name === '**' ? '(?:[^/]+/)*' : `${toSource(name)}/`))
    .join('');
  const expression = new RegExp(`^${source}`);
  return (path) => expression.test(`${path}/`);
}

function toSource(name: string): string {
  return name.replaceAll(/[.+]/g, '\\$&').replaceAll('*', '[^/]*').replaceAll('?', '[^/]');
}
