/** Reads a file of a site's rules and exceptions, and refuses what is wrong with it all at once. Pure: text in, rules out. */
import {
  invalidDocument,
  problem,
  toProblems,
  type DocumentProblem,
  type DocumentShape,
} from '../../base/schemas/document-problems.ts';
import { nearest } from '../../base/suggestion.ts';
import { readYaml, type YamlDocument } from '../../base/yaml-source.ts';
import { AirgapError, UsageError } from '../../errors.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import type { RuleException } from '../exceptions.ts';
import type { Rule } from '../rule.ts';
import { createTest } from './operators.ts';
import { RulesDocument, SiteCondition, SiteException, SiteRule, SiteSelector } from './rules-schema.ts';
import { toRule } from './site-rule.ts';

/** UTF-16 units of one file. */
export const MAX_RULES_LENGTH: number = 1024 * 1024;

/** What one file says. */
export interface SiteRules {
  /** As it was named. */
  readonly file: string;
  /** Of its bytes, so that a report says by which rules it was made. */
  readonly digest: Digest;
  readonly rules: readonly Rule[];
  readonly exceptions: readonly RuleException[];
}

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(RulesDocument.shape),
  rules: Object.keys(SiteRule.shape),
  'rules.select': Object.keys(SiteSelector.shape),
  'rules.when': Object.keys(SiteCondition.shape),
  exceptions: Object.keys(SiteException.shape),
};

const RULES_SHAPE: DocumentShape = {
  fieldsAt: (path) => FIELDS[path.filter((key) => typeof key === 'string').join('.')] ?? [],
  choicesAt: (path) =>
    path.at(-1) === 'kind' ? 'a kind or a list of kinds' : 'text, a number, true, false or a list of these',
  hint: 'docs/rules.schema.json describes every field, docs/compliance.md says what they mean',
};

/**
 * Reads files of rules together: a rule has one id in all of them, and exceptions are made for rules that exist.
 * @param known the rules of the product
 * @throws UsageError `INVALID_SPEC` with every problem of the first file that has any, each with file, line and column.
 */
export function parseRules(
  files: readonly { readonly name: string; readonly text: string }[],
  known: readonly Rule[],
): readonly SiteRules[] {
  const documents = files.map(({ name, text }) => ({ name, text, ...readDocument(text, name) }));
  const taken = new Map(known.map(({ id }) => [id, 'a rule of the product']));
  for (const { name, document, data } of documents) {
    refuse(findRuleFaults(data, document, name, taken), name);
  }
  for (const { name, document, data } of documents) {
    refuse(findExceptionFaults(data, document, new Set(taken.keys())), name);
  }
  return documents.map(({ name, text, document, data }) => ({
    file: name,
    digest: sha256(text),
    rules: (data.rules ?? []).map(toRule),
    exceptions: (data.exceptions ?? []).map((exception, index) => ({
      ...exception,
      at: `${name}:${document.locate(['exceptions', index]).line}`,
    })),
  }));
}

function readDocument(text: string, name: string): { readonly document: YamlDocument; readonly data: RulesDocument } {
  const [document, ...others] = readYaml(text, name, { maxLength: MAX_RULES_LENGTH });
  if (document === undefined || document.value === null) {
    throw new UsageError('INVALID_SPEC', `${name}: is empty`, {
      hint: 'docs/compliance.md has an example to start from',
    });
  }
  const [second] = others;
  if (second !== undefined) refuse([problem(second.start, [], 'a second document; write all rules in one')], name);
  const parsed = RulesDocument.safeParse(document.value);
  if (!parsed.success) throw invalidDocument(toProblems(parsed.error.issues, document, RULES_SHAPE), name, RULES_SHAPE);
  return { document, data: parsed.data };
}

/** @param taken grows by the rules of this file: who has each id. */
function findRuleFaults(
  { rules = [] }: RulesDocument,
  document: YamlDocument,
  name: string,
  taken: Map<string, string>,
): readonly DocumentProblem[] {
  return rules.flatMap((rule, index) => {
    const here = ['rules', index];
    const faults: DocumentProblem[] = [];
    const holder = taken.get(rule.id);
    if (holder !== undefined) {
      const at = [...here, 'id'];
      faults.push(
        problem(document.locate(at), at, `${rule.id} is ${holder}`, 'put the name of the site in front of it'),
      );
    }
    taken.set(rule.id, `a rule of ${name} already`);
    const tests = [
      { ...rule, at: here },
      ...(rule.when ?? []).map((test, number) => ({ ...test, at: [...here, 'when', number] })),
    ];
    for (const { operator, value, at } of tests) {
      try {
        createTest(operator, value);
      } catch (error) {
        if (!(error instanceof AirgapError)) throw error;
        const place = [...at, value === undefined ? 'operator' : 'value'];
        faults.push(problem(document.locate(place), place, `${operator} ${error.message}`, error.hint));
      }
    }
    return faults;
  });
}

function findExceptionFaults(
  { exceptions = [] }: RulesDocument,
  document: YamlDocument,
  ids: ReadonlySet<string>,
): readonly DocumentProblem[] {
  return exceptions.flatMap(({ rule }, index) => {
    if (ids.has(rule)) return [];
    const at = ['exceptions', index, 'rule'];
    const meant = nearest(rule, ids);
    const hint = meant === undefined ? undefined : `did you mean ${meant}?`;
    return [problem(document.locate(at), at, `there is no rule ${rule}`, hint)];
  });
}

function refuse(problems: readonly DocumentProblem[], name: string): void {
  if (problems.length > 0) throw invalidDocument(problems, name, RULES_SHAPE);
}
