/** The rules of a check: those of profiles, and those of files that a site or a release names. */
import { readTextFile } from '../../base/files/read-file.ts';
import { PROFILE_NAMES, rulesOf, type ProfileName } from '../../compliance/profiles.ts';
import type { RuleException } from '../../compliance/exceptions.ts';
import type { Rule } from '../../compliance/rule.ts';
import { MAX_RULES_LENGTH, parseRules, type SiteRules } from '../../compliance/site/rules-file.ts';

/** What is checked by. */
export interface CheckRules {
  /** Of the profiles, then of the files. */
  readonly rules: readonly Rule[];
  readonly files: readonly SiteRules[];
  readonly exceptions: readonly RuleException[];
}

/**
 * Reads the files of rules.
 * @throws NotFoundError `NOT_FOUND`
 * @throws UsageError `INVALID_SPEC` with every problem found, each with file, line and column.
 */
export async function readRules(
  profiles: readonly ProfileName[],
  paths: readonly string[],
  signal: AbortSignal | undefined,
): Promise<CheckRules> {
  const files = [];
  for (const name of paths) {
    files.push({ name, text: await readTextFile(name, { what: 'a file of rules', limit: MAX_RULES_LENGTH, signal }) });
  }
  const read = parseRules(files, rulesOf(PROFILE_NAMES));
  return {
    rules: [...rulesOf(profiles), ...read.flatMap((file) => file.rules)],
    files: read,
    exceptions: read.flatMap((file) => file.exceptions),
  };
}
