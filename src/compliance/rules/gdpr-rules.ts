/**
 * What the General Data Protection Regulation asks of configuration, by the settings of Hexabase's own profile.
 * @see https://eur-lex.europa.eu/eli/reg/2016/679/oj
 */
import type { Rule } from '../rule.ts';
import { annotationRule, atMost, enabled, oneOf, settingRule, within, type Demand } from './setting-rule.ts';

const SETTING = 'That the programs which read the setting act by it, or that people do.';

export const GDPR_RULES: readonly Rule[] = [
  annotationRule(
    words(
      'gdpr-declared',
      'The deployment says that it is made for the GDPR',
      ['GDPR Art. 5(2)'],
      'Objects carry the annotation by which they are found and accounted for.',
    ),
    'compliance.hexabase.ai/gdpr',
    /^enabled$/,
    'enabled',
  ),
  rule(
    'gdpr-residency',
    'Data is to stay in the European Union',
    ['GDPR Art. 30(1)(e)'],
    'A region of the European Union is set as the place of the data.',
    [
      {
        key: 'data_residency',
        wanted: 'a region that begins with eu-',
        isMet: (value) => /^eu-[a-z0-9-]+$/.test(value),
      },
    ],
  ),
  rule(
    'gdpr-encryption',
    'Data is encrypted where it lies and where it travels',
    ['GDPR Art. 32(1)(a)'],
    'Encryption at rest and in transit is switched on.',
    [enabled('encryption_at_rest'), enabled('encryption_in_transit')],
  ),
  rule(
    'gdpr-key-rotation',
    'Keys are replaced every quarter',
    ['GDPR Art. 32(1)(a)', 'GDPR Art. 32(1)(d)'],
    'A rotation of keys within 92 days is set.',
    [atMost('key_rotation_days', 92)],
  ),
  rule(
    'gdpr-audit-logging',
    'What is done with data is recorded',
    ['GDPR Art. 5(2)', 'GDPR Art. 30'],
    'Comprehensive audit logging is set.',
    [oneOf('audit_logging', 'comprehensive')],
  ),
  rule(
    'gdpr-retention',
    'Data is kept no longer than said',
    ['GDPR Art. 5(1)(e)', 'GDPR Art. 30(1)(f)'],
    'Limits are set for personal data, the audit log, backups and temporary data.',
    [
      within('retention_personal_data', '2555 days'),
      within('retention_audit_log', '2555 days'),
      within('retention_backups', '90 days'),
      within('retention_temporary_data', '24 hours'),
    ],
  ),
  rule(
    'gdpr-rights',
    'The rights of data subjects are served',
    ['GDPR Art. 15', 'GDPR Art. 16', 'GDPR Art. 17', 'GDPR Art. 18', 'GDPR Art. 20'],
    'The functions for access, rectification, erasure, restriction and portability are switched on.',
    [
      enabled('right_to_access'),
      enabled('right_to_rectification'),
      enabled('right_to_erasure'),
      enabled('right_to_restriction'),
      enabled('right_to_portability'),
    ],
  ),
];

function words(id: string, title: string, serves: readonly string[], shows: string): Omit<Rule, 'evaluate'> {
  return { id, title, severity: 'high', serves, shows, cannotShow: SETTING };
}

function rule(id: string, title: string, serves: readonly string[], shows: string, demands: readonly Demand[]): Rule {
  return settingRule(words(id, title, serves, shows), demands);
}
