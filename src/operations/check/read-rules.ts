/** The rules and exceptions of a site: those of the files that it names. */
import { readTextFile } from '../../base/files/read-file.ts';
import { PROFILE_NAMES, rulesOf } from '../../compliance/profiles.ts';
import type { RuleException } from '../../compliance/exceptions.ts';
import type { Rule } from '../../compliance/rule.ts';
import { MAX_RULES_LENGTH, parseRules, type SiteRules } from '../../compliance/site/rules-file.ts';

/** What is checked by, beside the rules of the product. */
export interface SiteCheckRules {
  readonly rules: readonly Rule[];
  readonly files: readonly SiteRules[];
  readonly exceptions: readonly RuleException[];
}

/**
 * Reads the files of rules.
 * @throws NotFoundError `NOT_FOUND`
 * @throws UsageError `INVALID_SPEC` with every problem found, each with file, line and column.
 */
export async function readRules(paths: readonly string[], signal: AbortSignal | undefined): Promise<SiteCheckRules> {
  const files = [];
  for (const name of paths) {
    files.push({ name, text: await readTextFile(name, { what: 'a file of rules', limit: MAX_RULES_LENGTH, signal }) });
  }
  const read = parseRules(files, rulesOf(PROFILE_NAMES));
  return {
    rules: read.flatMap((file) => file.rules),
    files: read,
    exceptions: read.flatMap((file) => file.exceptions),
  };
}
