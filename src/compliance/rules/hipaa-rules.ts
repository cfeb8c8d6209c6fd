/**
 * What the HIPAA Security Rule asks of configuration, by the settings of Hexabase's own profile.
 * @see https://www.ecfr.gov/current/title-45/subtitle-A/subchapter-C/part-164/subpart-C
 */
import type { Rule } from '../rule.ts';
import { annotationRule, atMost, enabled, listing, oneOf, present, settingRule, type Demand } from './setting-rule.ts';

const SETTING = 'That the programs which read the setting act by it, or that people do.';

/** What the platform treats as protected health information. */
const PHI_FIELDS = [
  ...['patient_name', 'ssn', 'date_of_birth', 'address', 'phone_number', 'email', 'medical_record_number'],
  ...['insurance_id', 'diagnosis_codes', 'treatment_notes'],
];

export const HIPAA_RULES: readonly Rule[] = [
  annotationRule(
    words(
      'hipaa-declared',
      'The deployment says that it is made for HIPAA',
      ['45 CFR 164.308(a)(8)'],
      'Objects carry the annotation by which they are found and evaluated.',
    ),
    'compliance.hexabase.ai/hipaa',
    /^enabled$/,
    'enabled',
  ),
  rule(
    'hipaa-risk-data',
    'It is said which data is protected health information',
    ['45 CFR 164.308(a)(1)(ii)(A)'],
    'The ten fields are named, and data is classified.',
    [listing('phi_fields', ...PHI_FIELDS), present('data_classification')],
  ),
  rule(
    'hipaa-monitoring',
    'The system is reviewed by alerts',
    ['45 CFR 164.308(a)(1)(ii)(D)'],
    'Monitoring of compliance is switched on.',
    [enabled('compliance_monitoring')],
  ),
  rule(
    'hipaa-access',
    'Access goes by roles and ends by itself',
    ['45 CFR 164.308(a)(4)', '45 CFR 164.312(a)(1)', '45 CFR 164.312(a)(2)(iii)'],
    'Access by roles, an end of idle sessions within 30 minutes and a limit of sessions are set.',
    [oneOf('access_control', 'rbac'), atMost('session_timeout_minutes', 30), atMost('max_concurrent_sessions', 10)],
  ),
  rule('hipaa-audit', 'What happens is recorded', ['45 CFR 164.312(b)'], 'Comprehensive audit logging is set.', [
    oneOf('audit_logging', 'comprehensive'),
  ]),
  rule(
    'hipaa-encryption',
    'Data is encrypted wherever it lies',
    ['45 CFR 164.312(a)(2)(iv)'],
    'AES-256 is set, for the database, storage, backups, logs and transit.',
    [
      oneOf('encryption_algorithm', 'aes-256', 'aes-256-gcm'),
      listing('encryption_scopes', 'database', 'storage', 'backups', 'logs', 'transit'),
    ],
  ),
  rule(
    'hipaa-keys',
    'Keys lie in a hardware module and are replaced',
    ['45 CFR 164.312(a)(2)(iv)'],
    'An HSM and a rotation within 90 days are set.',
    [oneOf('key_management', 'hsm'), atMost('key_rotation_days', 90)],
  ),
  rule(
    'hipaa-transmission',
    'What travels is encrypted',
    ['45 CFR 164.312(e)(1)', '45 CFR 164.312(e)(2)(ii)'],
    'TLS between the parts of the platform is set.',
    [oneOf('transport_security', 'tls', 'mtls')],
  ),
  rule(
    'hipaa-media',
    'Backups on media are encrypted',
    ['45 CFR 164.308(a)(7)(ii)(A)', '45 CFR 164.310(d)(1)'],
    'Encryption of backups is set.',
    [oneOf('backup_encryption', 'aes-256', 'aes-256-gcm')],
  ),
];

function words(id: string, title: string, serves: readonly string[], shows: string): Omit<Rule, 'evaluate'> {
  return { id, title, severity: 'high', serves, shows, cannotShow: SETTING };
}

function rule(id: string, title: string, serves: readonly string[], shows: string, demands: readonly Demand[]): Rule {
  return settingRule(words(id, title, serves, shows), demands);
}
