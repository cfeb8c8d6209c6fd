/** The rules of GDPR and HIPAA pass on the settings they ask for, and fail on each that is missing or says something else. */
import { expect, test } from 'vitest';
import { evaluateRules } from '../../src/compliance/evaluate.ts';
import { rulesOf } from '../../src/compliance/profiles.ts';
import { toSubject, type Value } from './sound-objects.ts';

type Profile = 'gdpr' | 'hipaa';

const SOUND: Readonly<Record<Profile, Readonly<Record<string, string>>>> = {
  gdpr: {
    data_residency: 'eu-west-1',
    encryption_at_rest: 'enabled',
    encryption_in_transit: 'enabled',
    key_rotation_days: '90',
    audit_logging: 'comprehensive',
    retention_personal_data: '2555 days',
    retention_audit_log: '2555 days',
    retention_backups: '90 days',
    retention_temporary_data: '24 hours',
    right_to_access: 'enabled',
    right_to_rectification: 'enabled',
    right_to_erasure: 'enabled',
    right_to_restriction: 'enabled',
    right_to_portability: 'enabled',
  },
  hipaa: {
    phi_fields:
      'patient_name,ssn,date_of_birth,address,phone_number,email,medical_record_number,insurance_id,diagnosis_codes,treatment_notes',
    data_classification: 'patient_name: restricted',
    compliance_monitoring: 'enabled',
    access_control: 'rbac',
    session_timeout_minutes: '15',
    max_concurrent_sessions: '3',
    audit_logging: 'comprehensive',
    encryption_algorithm: 'AES-256',
    encryption_scopes: 'database,storage,backups,logs,transit',
    key_management: 'hsm',
    key_rotation_days: '90',
    transport_security: 'mtls',
    backup_encryption: 'AES-256',
  },
};

/** What is not enough, each by itself. */
const WRONG: Readonly<Record<Profile, readonly (readonly [rule: string, key: string, value: string])[]>> = {
  gdpr: [
    ['gdpr-residency', 'data_residency', 'us-east-1'],
    ['gdpr-encryption', 'encryption_at_rest', 'disabled'],
    ['gdpr-encryption', 'encryption_in_transit', 'off'],
    ['gdpr-key-rotation', 'key_rotation_days', '365'],
    ['gdpr-audit-logging', 'audit_logging', 'minimal'],
    ['gdpr-retention', 'retention_personal_data', '3650 days'],
    ['gdpr-retention', 'retention_audit_log', 'always'],
    ['gdpr-retention', 'retention_backups', '91 days'],
    ['gdpr-retention', 'retention_temporary_data', '25 hours'],
    ['gdpr-rights', 'right_to_access', 'disabled'],
    ['gdpr-rights', 'right_to_rectification', 'disabled'],
    ['gdpr-rights', 'right_to_erasure', 'disabled'],
    ['gdpr-rights', 'right_to_restriction', 'disabled'],
    ['gdpr-rights', 'right_to_portability', 'disabled'],
  ],
  hipaa: [
    ['hipaa-risk-data', 'phi_fields', 'patient_name,ssn'],
    ['hipaa-risk-data', 'data_classification', ''],
    ['hipaa-monitoring', 'compliance_monitoring', 'disabled'],
    ['hipaa-access', 'access_control', 'none'],
    ['hipaa-access', 'session_timeout_minutes', '480'],
    ['hipaa-access', 'max_concurrent_sessions', '0'],
    ['hipaa-audit', 'audit_logging', 'minimal'],
    ['hipaa-encryption', 'encryption_algorithm', 'DES'],
    ['hipaa-encryption', 'encryption_scopes', 'database,storage'],
    ['hipaa-keys', 'key_management', 'secret'],
    ['hipaa-keys', 'key_rotation_days', '91'],
    ['hipaa-transmission', 'transport_security', 'none'],
    ['hipaa-media', 'backup_encryption', 'none'],
  ],
};

function violationsOf(
  profile: Profile,
  data: Readonly<Record<string, string>>,
  annotation?: string,
): readonly string[] {
  const annotations: Value = annotation === undefined ? {} : { [`compliance.hexabase.ai/${profile}`]: annotation };
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', annotations }, data };
  const general = new Set(rulesOf([]));
  const own = rulesOf([profile]).filter((rule) => !general.has(rule));
  const [checked] = evaluateRules(own, [toSubject([map])]);
  return (checked?.results ?? []).flatMap(({ rule, violations }) =>
    violations.map(({ kind, name, field }) => `${rule.id} ${kind}/${name} ${field}`),
  );
}

test.each(['gdpr', 'hipaa'] as const)('%s passes on what it asks for, and every demand is seeded', (profile) => {
  expect(violationsOf(profile, SOUND[profile], 'enabled')).toEqual([]);
  expect(WRONG[profile].map(([, key]) => key).sort()).toEqual(Object.keys(SOUND[profile]).sort());
});

test.each((['gdpr', 'hipaa'] as const).flatMap((profile) => WRONG[profile].map((seed) => [profile, ...seed] as const)))(
  '%s: %s fails where %s says %s, and where it is missing',
  (profile, rule, key, value) => {
    const data = SOUND[profile];
    expect(violationsOf(profile, { ...data, [key]: value }, 'enabled')).toEqual([`${rule} ConfigMap/c data.${key}`]);
    const { [key]: _, ...rest } = data;
    expect(violationsOf(profile, rest, 'enabled')).toEqual([`${rule} ConfigMap/ data.${key}`]);
  },
);

test.each(['gdpr', 'hipaa'] as const)('%s asks that the deployment says so', (profile) => {
  const field = `metadata.annotations["compliance.hexabase.ai/${profile}"]`;
  expect(violationsOf(profile, SOUND[profile])).toEqual([`${profile}-declared Namespace/ ${field}`]);
  expect(violationsOf(profile, SOUND[profile], 'off')).toEqual([`${profile}-declared ConfigMap/c ${field}`]);
});
