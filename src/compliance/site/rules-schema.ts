/** A file of a site's own rules, and of exceptions with their reasons. Strict: what is not named here is an error. */
import * as z from 'zod';
import { parsePlacePath } from '../../kubernetes/resources/place-path.ts';
import { refineWith } from '../../base/schemas/refine.ts';
import { OPERATORS } from './operators.ts';

/** The marks of the format; a new version changes `apiVersion`. */
export const RULES_API_VERSION = 'airgap.hexabase.ai/v1';
export const RULES_KIND = 'ComplianceRules';

const MAX_RULES = 1000;
const MAX_EXCEPTIONS = 5000;
const MAX_LIST = 100;

const Words = z.string().min(1).max(1000);
const Id = z
  .string()
  .max(63)
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    'must be lower-case letters, digits and dashes, and begin and end with a letter or digit',
  );
const Glob = z.string().min(1).max(253);
const ScalarValue = z.union([z.string().max(1000), z.number(), z.boolean()]);
const Path = z
  .string()
  .check(refineWith(parsePlacePath))
  .meta({ examples: ['spec.replicas', 'spec.template.spec.containers[*].image'] });
const Day = z
  .string()
  .regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/, 'must be a day, as 2027-01-31')
  .refine((text) => isDay(text), 'no such day');

const TEST = {
  path: Path.describe(
    'Where: keys with dots, [*] for each item of a list, * for each value of a mapping, ["…"] for other keys.',
  ),
  operator: z.enum(OPERATORS).describe('What is demanded of each value there.'),
  value: z
    .union([ScalarValue, z.array(ScalarValue).min(1).max(MAX_LIST)])
    .optional()
    .describe('What the operator compares with: a list for in and notIn, nothing for exists and absent.'),
} as const;

/** What has to hold of an object for a rule to be about it. */
export const SiteCondition = z.strictObject(TEST).describe('Only objects where this holds.');
export type SiteCondition = z.infer<typeof SiteCondition>;

/** Which objects a rule is about. */
export const SiteSelector = z
  .strictObject({
    kind: z.union([Glob, z.array(Glob).min(1).max(MAX_LIST)]).describe('A kind, several, or * for all.'),
    apiVersion: Glob.optional().describe('Such as apps/v1 or apps/*. Left out: any.'),
    namespace: Glob.optional().describe('With * for any characters.'),
    name: Glob.optional().describe('With * for any characters.'),
    labels: z.record(z.string(), z.string()).optional().describe('Labels that it has, all of them.'),
  })
  .describe('Which objects the rule is about.');
export type SiteSelector = z.infer<typeof SiteSelector>;

/** One rule. */
export const SiteRule = z
  .strictObject({
    id: Id.describe('Unique among all rules; reports are compared by it.'),
    title: Words.describe('What is demanded, as a sentence.'),
    severity: z.enum(['high', 'medium', 'low']).default('medium').describe('How much harm a violation may do.'),
    serves: z
      .array(Words)
      .min(1)
      .max(MAX_LIST)
      .describe('Articles, sections and policies, such as GDPR Art. 32(1)(b).'),
    shows: Words.describe('What it shows when it is met.'),
    cannotShow: Words.describe('What it cannot show. Every rule has its limits.'),
    select: SiteSelector,
    required: z.boolean().default(false).describe('Whether at least one such object has to be there.'),
    when: z.array(SiteCondition).max(MAX_LIST).optional().describe('Only objects where all of these hold.'),
    ...TEST,
    optional: z.boolean().default(false).describe('Whether the value may be left out; then it is not looked at.'),
  })
  .describe('One rule of the site.');
export type SiteRule = z.infer<typeof SiteRule>;

/** One exception. */
export const SiteException = z
  .strictObject({
    rule: Id.describe('Which rule is not met: one of this file, or one of the product.'),
    object: z
      .string()
      .max(400)
      .regex(/^[A-Za-z][A-Za-z0-9*]*(\/[^/\s]+)?$/, 'must be a kind and a name, such as Deployment/legacy')
      .describe('Kind/name, with * for any characters; a kind alone for an object that is missing.'),
    namespace: Glob.optional().describe('Left out: any.'),
    field: z
      .string()
      .min(1)
      .max(512)
      .optional()
      .describe('Only at this field, as reports spell it, with * for any characters.'),
    reason: z
      .string()
      .max(1000)
      .regex(/[\s\S]{10}/, 'must say why, in a sentence')
      .describe('Why it may stay so. Every report shows it.'),
    approvedBy: Words.optional().describe('Who accepted it.'),
    until: Day.describe('The last day on which it counts, in UTC. From then on the rule fails again.'),
  })
  .describe('One place at which a rule may stay unmet, for a time and a reason.');
export type SiteException = z.infer<typeof SiteException>;

/** The whole document. */
export const RulesDocument = z
  .strictObject({
    apiVersion: z.literal(RULES_API_VERSION),
    kind: z.literal(RULES_KIND),
    rules: z.array(SiteRule).max(MAX_RULES).optional().describe('Rules beside those of the product.'),
    exceptions: z.array(SiteException).max(MAX_EXCEPTIONS).optional().describe('Where rules may stay unmet.'),
  })
  .describe('Rules and exceptions of one site or release, for airgap check.');
export type RulesDocument = z.infer<typeof RulesDocument>;

const SCHEMA_ID = 'https://airgap.hexabase.ai/schemas/rules-v1.schema.json';

/** The JSON Schema as text with a newline at the end: what docs/rules.schema.json holds. */
export function formatRulesSchema(): string {
  const schema = z.toJSONSchema(RulesDocument, { io: 'input', target: 'draft-2020-12' });
  return `${JSON.stringify({ $id: SCHEMA_ID, title: 'Compliance rules', ...schema }, null, 2)}\n`;
}

function isDay(text: string): boolean {
  const time = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text);
}
