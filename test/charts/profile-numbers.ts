/** Every number the platform's deployment guide gives for a pattern, and the field in which it has to stand. */

/** One field of a rendered object. */
export interface ProfileNumber {
  /** A profile, with overlays after a plus sign. */
  readonly profile: string;
  readonly kind: string;
  readonly name: string;
  /** As `fieldAt` reads it. */
  readonly path: string;
  readonly expected: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(profile: string, kind: string, name: string, fields: Fields): readonly ProfileNumber[] {
  return Object.entries(fields).map(([path, expected]) => ({ profile, kind, name, path, expected }));
}

function configOf(profile: string, data: Readonly<Record<string, string>>): readonly ProfileNumber[] {
  const fields = Object.fromEntries(Object.entries(data).map(([key, value]) => [`data ${key}`, value]));
  const config = /\+(gdpr|hipaa)$/.exec(profile)?.[1] ?? profile;
  return fieldsOf(profile, 'ConfigMap', `hexabase-${config}-config`, fields);
}

function resourcesOf(profile: string, kind: string, part: string, sizes: readonly string[]): readonly ProfileNumber[] {
  const at = `spec template spec containers ${part} resources`;
  const paths = [`${at} requests cpu`, `${at} requests memory`, `${at} limits cpu`, `${at} limits memory`];
  return paths.flatMap((path, index) => fieldsOf(profile, kind, `hexabase-${part}`, { [path]: sizes[index] }));
}

function sizedFor(profile: string, vclusters: string, quotas: readonly string[]): readonly ProfileNumber[] {
  const [cpu = '', memory = '', storage = ''] = quotas;
  const env = 'spec template spec containers control-plane env';
  return [
    ...configOf(profile, {
      deployment_profile: profile,
      max_vclusters: vclusters,
      default_cpu_limit: cpu,
      default_memory_limit: memory,
      default_storage_limit: storage,
    }),
    ...fieldsOf(profile, 'Deployment', 'hexabase-control-plane', {
      [`${env} DEPLOYMENT_PROFILE value`]: profile,
      [`${env} MAX_VCLUSTERS value`]: vclusters,
    }),
  ];
}

/** Replicas of the control plane and of the database, and days for which dumps are kept. */
function replicasOf(profile: string, controlPlane: number, database: number, days: number): readonly ProfileNumber[] {
  return [
    ...fieldsOf(profile, 'Deployment', 'hexabase-control-plane', { 'spec replicas': controlPlane }),
    ...fieldsOf(profile, 'StatefulSet', 'hexabase-database', { 'spec replicas': database }),
    ...fieldsOf(profile, 'CronJob', 'hexabase-backup', {
      'spec jobTemplate spec template spec containers backup args 2': `--keep-days=${days}`,
    }),
    ...configOf(profile, { backup_retention_days: `${days}` }),
  ];
}

const LOAD_BALANCER: Fields = {
  'spec type': 'LoadBalancer',
  'spec ports https port': 443,
  'spec ports https targetPort': 8443,
  'spec ports api port': 8080,
  'spec ports api targetPort': 8080,
};
/** The step that sets a site up, and the file it reads. */
const INIT_STEP: Fields = {
  'spec template spec initContainers init args': ['init', '--config-file=/etc/hexabase/init-config.yaml'],
  'spec template spec initContainers init volumeMounts init-config mountPath': '/etc/hexabase/init-config.yaml',
  'spec template spec volumes init-config configMap name': 'hexabase-init',
};
const INIT_CONFIG =
  'apiVersion: hexabase.ai/v1\nkind: InitConfig\norganization:\n  name: default\ntelemetry:\n  enabled: false\nworkspaces:\n  defaultPlan: standard\n';
/** Calls an endpoint outside of the cluster, and only there. */
const callsOnly = (cidr: string): Fields => ({
  'spec podSelector matchLabels': { 'app.kubernetes.io/name': 'control-plane', 'app.kubernetes.io/instance': 'hexabase' },
  'spec policyTypes': ['Egress'],
  'spec egress': [
    {
      to: [{ ipBlock: { cidr } }],
      ports: [
        { port: 443, protocol: 'TCP' },
        { port: 8080, protocol: 'TCP' },
      ],
    },
  ],
});
const ZONES = 'spec template spec affinity nodeAffinity requiredDuringSchedulingIgnoredDuringExecution nodeSelectorTerms 0';
const ANTI_AFFINITY = 'spec template spec affinity podAntiAffinity';
const KEY_ROTATION = 'spec jobTemplate spec template spec containers key-rotation args 2';
const KEYS = 'spec template spec volumes encryption-keys projected sources';
const PHI_FIELDS =
  'patient_name,ssn,date_of_birth,address,phone_number,email,medical_record_number,insurance_id,diagnosis_codes,treatment_notes';

/** The whole table. */
export const PROFILE_NUMBERS: readonly ProfileNumber[] = [
  ...sizedFor('small-enterprise', '20', ['2000m', '4Gi', '100Gi']),
  ...replicasOf('small-enterprise', 3, 2, 30),
  ...resourcesOf('small-enterprise', 'Deployment', 'control-plane', ['500m', '1Gi', '2000m', '4Gi']),
  ...fieldsOf('small-enterprise', 'Service', 'hexabase-load-balancer', LOAD_BALANCER),
  ...fieldsOf('small-enterprise', 'Deployment', 'hexabase-control-plane', INIT_STEP),
  ...fieldsOf('small-enterprise', 'ConfigMap', 'hexabase-init', { 'data init-config.yaml': INIT_CONFIG }),

  ...sizedFor('medium-enterprise', '100', ['4000m', '8Gi', '500Gi']),
  ...replicasOf('medium-enterprise', 5, 3, 90),
  ...resourcesOf('medium-enterprise', 'Deployment', 'control-plane', ['1000m', '2Gi', '4000m', '8Gi']),
  ...fieldsOf('medium-enterprise', 'Deployment', 'hexabase-control-plane', {
    [`${ZONES} matchExpressions 0 key`]: 'topology.kubernetes.io/zone',
    [`${ZONES} matchExpressions 0 values`]: ['zone-a', 'zone-b', 'zone-c'],
    [`${ANTI_AFFINITY} preferredDuringSchedulingIgnoredDuringExecution 0 podAffinityTerm topologyKey`]:
      'topology.kubernetes.io/zone',
  }),
  ...fieldsOf('medium-enterprise', 'StatefulSet', 'hexabase-database', {
    [`${ZONES} matchExpressions 0 values`]: ['zone-a', 'zone-b', 'zone-c'],
    [`${ANTI_AFFINITY} requiredDuringSchedulingIgnoredDuringExecution 0 topologyKey`]: 'topology.kubernetes.io/zone',
    'spec template spec nodeSelector hexabase.ai/node-role': 'storage',
    'spec template spec tolerations 0 value': 'storage',
  }),
  ...fieldsOf('medium-enterprise', 'ServiceMonitor', 'hexabase-control-plane', { 'spec endpoints 0 port': 'metrics' }),
  ...fieldsOf('medium-enterprise', 'ConfigMap', 'hexabase-dashboards', { 'metadata labels grafana_dashboard': '1' }),

  ...sizedFor('edge', '10', ['1000m', '2Gi', '50Gi']),
  ...resourcesOf('edge', 'Deployment', 'edge-agent', ['200m', '512Mi', '1000m', '2Gi']),
  ...configOf('edge', {
    edge_region: 'edge-1',
    parent_cluster: 'primary',
    sync_interval: '30s',
    offline_timeout: '300s',
    batch_sync_enabled: 'true',
  }),
  ...fieldsOf('edge', 'Deployment', 'hexabase-edge-agent', {
    'spec replicas': 2,
    'spec template spec containers edge-agent env PARENT_CLUSTER_ENDPOINT value': 'https://primary.example.internal',
    'spec template spec containers edge-agent env EDGE_REGION value': 'edge-1',
    'spec template spec containers edge-agent env SYNC_INTERVAL value': '30s',
  }),

  ...sizedFor('primary', '100', ['4000m', '8Gi', '500Gi']),
  ...replicasOf('primary', 3, 2, 90),
  ...configOf('primary', {
    cluster_name: 'primary',
    cluster_role: 'primary',
    placement_labels: 'placement.hexabase.ai/cluster: primary\nplacement.hexabase.ai/role: primary\n',
    replication_mode: 'async',
    replication_peers: '- cidrs:\n  - 192.0.2.0/24\n  name: secondary\n',
  }),
  ...fieldsOf('primary', 'Service', 'hexabase-replication', {
    'spec type': 'LoadBalancer',
    'spec loadBalancerSourceRanges': ['192.0.2.0/24'],
    'spec selector statefulset.kubernetes.io/pod-name': 'hexabase-database-0',
  }),
  ...fieldsOf('primary', 'Deployment', 'hexabase-control-plane', {
    'metadata labels placement.hexabase.ai/role': 'primary',
  }),
  ...sizedFor('secondary', '100', ['4000m', '8Gi', '500Gi']),
  ...replicasOf('secondary', 3, 2, 90),
  ...configOf('secondary', {
    cluster_name: 'secondary',
    cluster_role: 'secondary',
    placement_labels: 'placement.hexabase.ai/cluster: secondary\nplacement.hexabase.ai/role: secondary\n',
    replication_upstream: 'database.primary.example.internal:5432',
  }),
  ...fieldsOf('secondary', 'StatefulSet', 'hexabase-database', {
    'metadata labels placement.hexabase.ai/role': 'secondary',
    'spec template spec containers database env REPLICATION_UPSTREAM_HOST value':
      'database.primary.example.internal',
    'spec template spec containers database env REPLICATION_PASSWORD valueFrom secretKeyRef name':
      'hexabase-replication',
  }),

  ...sizedFor('hybrid', '100', ['4000m', '8Gi', '500Gi']),
  ...replicasOf('hybrid', 3, 2, 90),
  ...configOf('hybrid', {
    integration_type: 'hybrid',
    on_premises_endpoints:
      '- name: datacenter-1\n  endpoint: "datacenter-1.example.internal"\n  vpn_gateway: "vpn-1.example.internal"\n  certificate_authority: "datacenter-ca"\n',
    cloud_endpoints: '- name: cloud-1\n  endpoint: "cloud-1.example.internal"\n  region: "eu-west-1"\n',
  }),
  ...fieldsOf('hybrid', 'ServiceEntry', 'hexabase-endpoints', {
    'spec hosts': ['datacenter-1.example.internal', 'cloud-1.example.internal'],
    'spec ports https': { number: 443, name: 'https', protocol: 'HTTPS' },
    'spec ports http': { number: 8080, name: 'http', protocol: 'HTTP' },
    'spec location': 'MESH_EXTERNAL',
    'spec resolution': 'DNS',
  }),
  ...fieldsOf('hybrid', 'Deployment', 'hexabase-control-plane', {
    'spec template spec volumes ca-bundles configMap name': 'hexabase-ca-bundles',
    'spec template spec containers control-plane volumeMounts ca-bundles mountPath': '/etc/hexabase/ca',
  }),
  ...fieldsOf('hybrid', 'NetworkPolicy', 'hexabase-to-datacenter-1', callsOnly('192.0.2.0/25')),
  ...fieldsOf('hybrid', 'NetworkPolicy', 'hexabase-to-cloud-1', callsOnly('192.0.2.128/25')),

  ...configOf('small-enterprise+gdpr', {
    data_residency: 'eu-west-1',
    encryption_at_rest: 'enabled',
    encryption_in_transit: 'enabled',
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
  }),
  ...fieldsOf('small-enterprise+gdpr', 'Deployment', 'hexabase-control-plane', {
    'metadata annotations compliance.hexabase.ai/gdpr': 'enabled',
    'metadata annotations data-locality': 'eu',
    'spec template metadata annotations compliance.hexabase.ai/gdpr': 'enabled',
    'spec template metadata annotations data-locality': 'eu',
    'spec template spec volumes gdpr configMap name': 'hexabase-gdpr-config',
    'spec template spec containers control-plane volumeMounts gdpr mountPath': '/etc/hexabase/compliance/gdpr',
  }),
  ...fieldsOf('small-enterprise+gdpr', 'Secret', 'hexabase-encryption-keys', {
    'metadata annotations key-rotation': 'quarterly',
  }),
  ...fieldsOf('small-enterprise+gdpr', 'StatefulSet', 'hexabase-database', {
    [`${KEYS} 0 secret items`]: [{ key: 'database', path: 'database' }],
    [`${KEYS} 1 secret optional`]: true,
    [`${KEYS} 1 secret items`]: [{ key: 'database-previous', path: 'database-previous' }],
  }),
  ...fieldsOf('small-enterprise+gdpr', 'CronJob', 'hexabase-key-rotation', { [KEY_ROTATION]: '--max-age-days=90' }),

  ...configOf('medium-enterprise+hipaa', {
    audit_logging: 'comprehensive',
    encryption_algorithm: 'AES-256',
    key_management: 'hsm',
    key_rotation_days: '90',
    encryption_scopes: 'database,storage,backups,logs,transit',
    phi_fields: PHI_FIELDS,
    access_control: 'rbac',
    audit_log_retention_days: '2192',
    data_classification:
      'internal: encrypted, authenticated\nphi: encrypted, audited, minimum necessary\npublic: authenticated changes\n',
    session_timeout_minutes: '15',
    max_concurrent_sessions: '3',
    failed_logins_before_lock: '5',
    network_default_deny: 'true',
    transport_security: 'mtls',
    backup_encryption: 'AES-256',
    compliance_monitoring: 'enabled',
    certification: 'signed-evidence-report',
  }),
  ...fieldsOf('medium-enterprise+hipaa', 'CronJob', 'hexabase-key-rotation', { [KEY_ROTATION]: '--max-age-days=90' }),
  ...fieldsOf('medium-enterprise+hipaa', 'CronJob', 'hexabase-backup', {
    'spec jobTemplate spec template spec containers backup args 3': '--encrypt=AES-256',
  }),
  ...fieldsOf('medium-enterprise+hipaa', 'PrometheusRule', 'hexabase-alert-rules', {
    'spec groups 0 rules 0 alert': 'HexabaseControlPlaneDown',
    'spec groups 0 rules 3 alert': 'HexabaseBackupMissing',
    'spec groups 0 rules 4 alert': 'HexabaseKeyRotationFailing',
    'spec groups 0 rules 5 alert': 'HexabaseAuditLogSilent',
    'spec groups 0 rules 6 alert': 'HexabaseFailedLogins',
  }),
  ...fieldsOf('medium-enterprise+hipaa', 'Deployment', 'hexabase-control-plane', {
    'spec template spec containers control-plane env HEXABASE_ENCRYPTION_AT_REST value': 'AES-256',
    'spec template spec containers control-plane env HEXABASE_KEY_MANAGEMENT value': 'hsm',
    'spec template spec containers control-plane env HEXABASE_HSM_ENDPOINT value': 'hsm.example.internal:5696',
    'spec template spec volumes hipaa configMap name': 'hexabase-hipaa-config',
    'spec template spec containers control-plane volumeMounts hipaa mountPath': '/etc/hexabase/compliance/hipaa',
  }),
  ...fieldsOf('medium-enterprise+hipaa', 'ConfigMap', 'hexabase-control-plane', {
    'data HEXABASE_TLS_CLIENT_AUTH': 'require',
    'data PGSSLMODE': 'verify-full',
  }),
  ...fieldsOf('medium-enterprise+hipaa', 'NetworkPolicy', 'hexabase-default-deny', {
    'spec policyTypes': ['Ingress', 'Egress'],
    'spec podSelector': {},
  }),
];
