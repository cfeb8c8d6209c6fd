/** Profiles: which rules are asked for together. */
import { API_RULES } from './rules/api-rules.ts';
import { GDPR_RULES } from './rules/gdpr-rules.ts';
import { HIPAA_RULES } from './rules/hipaa-rules.ts';
import { IMAGE_RULES } from './rules/image-rules.ts';
import { NETWORK_RULES } from './rules/network-rules.ts';
import { POD_SECURITY_BASELINE } from './rules/pod-security-baseline.ts';
import { POD_SECURITY_RESTRICTED } from './rules/pod-security-restricted.ts';
import { SECRET_RULES } from './rules/secret-rules.ts';
import { TOKEN_RULES } from './rules/token-rules.ts';
import { AVAILABILITY_RULES, WORKLOAD_RULES } from './rules/workload-rules.ts';
import type { Rule } from './rule.ts';

/** The names of the profiles. */
export const PROFILE_NAMES = ['general', 'availability', 'gdpr', 'hipaa'] as const;
/** One of them. */
export type ProfileName = (typeof PROFILE_NAMES)[number];

/** What every deployment is held to. */
export const GENERAL_RULES: readonly Rule[] = [
  ...IMAGE_RULES,
  ...POD_SECURITY_BASELINE,
  ...POD_SECURITY_RESTRICTED,
  ...WORKLOAD_RULES,
  ...NETWORK_RULES,
  ...SECRET_RULES,
  ...TOKEN_RULES,
  ...API_RULES,
];

const PROFILES: Readonly<Record<ProfileName, readonly Rule[]>> = {
  general: GENERAL_RULES,
  availability: AVAILABILITY_RULES,
  gdpr: GDPR_RULES,
  hipaa: HIPAA_RULES,
};

/** The rules of these profiles, the general ones first and each once. */
export function rulesOf(profiles: readonly ProfileName[]): readonly Rule[] {
  return [...new Set([...GENERAL_RULES, ...profiles.flatMap((name) => PROFILES[name])])];
}

/** The profiles all of whose rules are among these ids: what a report was made by. */
export function profilesAmong(ids: ReadonlySet<string>): readonly ProfileName[] {
  return PROFILE_NAMES.filter((name) => name !== 'general' && PROFILES[name].every(({ id }) => ids.has(id)));
}
