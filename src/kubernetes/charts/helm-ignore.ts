/** `.helmignore`: which files of a chart directory stay out of its package, by Helm's own rules. */
import { UsageError } from '../../errors.ts';

/** Helm's built-in rule: editors' droppings among the templates. */
const BUILT_IN = 'templates/.?*';
const MAX_RULES = 1_000;

interface Rule {
  readonly matches: (path: string) => boolean;
  readonly isNegated: boolean;
  readonly directoriesOnly: boolean;
}

/** Whether a path of the chart (forward slashes, relative to it) is left out. */
export type IgnoreRules = (path: string, isDirectory: boolean) => boolean;

/**
 * Reads the rules of a `.helmignore`: shell patterns, one a line, against the whole path when they contain a slash and
 * against the name otherwise; a slash at the end means directories, `!` turns a rule around.
 * @throws UsageError `INVALID_SPEC` for `**` and broken patterns, which Helm refuses too.
 * @see https://helm.sh/docs/chart_template_guide/helm_ignore_file/
 */
export function parseHelmIgnore(text: string, fileName: string): IgnoreRules {
  const lines = [...text.replace(/^\uFEFF/, '').split(/\r?\n/), BUILT_IN];
  if (lines.length > MAX_RULES) throw new UsageError('INVALID_SPEC', `${fileName}: has more than ${MAX_RULES} rules`);
  const rules = lines.flatMap((line, index) => toRule(line.trim(), `${fileName}:${index + 1}`));
  return (path, isDirectory) => {
    for (const rule of rules) {
      if (rule.isNegated) {
        // Helm reads `!x` as "leave out everything but x", not as git does.
        if ((rule.directoriesOnly && !isDirectory) || !rule.matches(path)) return true;
      } else if ((!rule.directoriesOnly || isDirectory) && rule.matches(path)) {
        return true;
      }
    }
    return false;
  };
}

function toRule(line: string, at: string): readonly Rule[] {
  if (line === '' || line.startsWith('#')) return [];
  if (line.includes('**')) {
    throw new UsageError('INVALID_SPEC', `${at}: Helm does not know the pattern **`, { hint: 'write a single *' });
  }
  const isNegated = line.startsWith('!');
  const positive = isNegated ? line.slice(1) : line;
  const directoriesOnly = positive.endsWith('/');
  const pattern = directoriesOnly ? positive.slice(0, -1) : positive;
  const anchored = pattern.startsWith('/');
  const expression = toExpression(anchored ? pattern.slice(1) : pattern, at);
  const wholePath = anchored || pattern.includes('/');
  const matches = (path: string): boolean => expression.test(wholePath ? path : path.slice(path.lastIndexOf('/') + 1));
  return [{ matches, isNegated, directoriesOnly }];
}

/** Go's `filepath.Match` as a regular expression. */
function toExpression(pattern: string, at: string): RegExp {
  let source = '';
  for (let index = 0; index < pattern.length; index += 1) {
    const character = pattern[index] as string;
    if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '[') {
      const end = pattern.indexOf(']', index + (pattern[index + 1] === '^' ? 3 : 2));
      if (end < 0) throw new UsageError('INVALID_SPEC', `${at}: [ without ]`);
      const inner = pattern.slice(index + 1, end).replace(/[\\[\]]/g, '\\$&');
      source += `(?!/)[${inner}]`;
      index = end;
    } else {
      const literal = character === '\\' ? (pattern[(index += 1)] ?? '\\') : character;
      source += literal.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    }
  }
  try {
    return new RegExp(`^${source}$`, 's');
  } catch (error) {
    throw new UsageError('INVALID_SPEC', `${at}: not a pattern Helm understands`, { cause: error });
  }
}
