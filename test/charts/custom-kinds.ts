/** Definitions of the foreign kinds that the shipped chart makes, with the fields their operators read, for strict checks. */

type Schema = Readonly<Record<string, unknown>>;

const TEXT: Schema = { type: 'string' };
const FLAG: Schema = { type: 'boolean' };
const TEXTS: Schema = { type: 'array', items: TEXT };
const WORDS: Schema = { type: 'object', additionalProperties: TEXT };
/** Prometheus reads durations so. */
const DURATION: Schema = { type: 'string', pattern: '^([0-9]+(ms|s|m|h|d|w|y))+$' };
const LABEL_SELECTOR: Schema = {
  type: 'object',
  properties: {
    matchLabels: WORDS,
    matchExpressions: {
      type: 'array',
      items: {
        type: 'object',
        required: ['key', 'operator'],
        properties: { key: TEXT, operator: TEXT, values: TEXTS },
      },
    },
  },
};

function definition(group: string, version: string, kind: string, plural: string, spec: Schema): Schema {
  const schema = {
    openAPIV3Schema: { type: 'object', required: ['spec'], properties: { spec: { type: 'object', ...spec } } },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  };
}

/**
 * Prometheus operator: https://prometheus-operator.dev/docs/api-reference/api/; Istio:
 * https://istio.io/latest/docs/reference/config/networking/service-entry/
 */
export const CUSTOM_KINDS: readonly Schema[] = [
  definition('monitoring.coreos.com', 'v1', 'ServiceMonitor', 'servicemonitors', {
    required: ['endpoints', 'selector'],
    properties: {
      selector: LABEL_SELECTOR,
      namespaceSelector: { type: 'object', properties: { any: FLAG, matchNames: TEXTS } },
      jobLabel: TEXT,
      targetLabels: TEXTS,
      podTargetLabels: TEXTS,
      endpoints: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            port: TEXT,
            targetPort: { 'x-kubernetes-int-or-string': true },
            path: TEXT,
            scheme: { type: 'string', enum: ['http', 'https'] },
            interval: DURATION,
            scrapeTimeout: DURATION,
            honorLabels: FLAG,
          },
        },
      },
    },
  }),
  definition('monitoring.coreos.com', 'v1', 'PrometheusRule', 'prometheusrules', {
    properties: {
      groups: {
        type: 'array',
        items: {
          type: 'object',
          required: ['name'],
          properties: {
            name: { type: 'string', minLength: 1 },
            interval: DURATION,
            labels: WORDS,
            rules: {
              type: 'array',
              items: {
                type: 'object',
                required: ['expr'],
                properties: {
                  alert: TEXT,
                  record: TEXT,
                  expr: { 'x-kubernetes-int-or-string': true },
                  for: DURATION,
                  keep_firing_for: DURATION,
                  labels: WORDS,
                  annotations: WORDS,
                },
              },
            },
          },
        },
      },
    },
  }),
  definition('networking.istio.io', 'v1', 'ServiceEntry', 'serviceentries', {
    required: ['hosts'],
    properties: {
      hosts: { type: 'array', minItems: 1, items: TEXT },
      addresses: TEXTS,
      exportTo: TEXTS,
      subjectAltNames: TEXTS,
      location: { type: 'string', enum: ['MESH_EXTERNAL', 'MESH_INTERNAL'] },
      resolution: { type: 'string', enum: ['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'] },
      ports: {
        type: 'array',
        items: {
          type: 'object',
          required: ['number', 'name'],
          properties: {
            number: { type: 'integer', minimum: 1, maximum: 65_535 },
            targetPort: { type: 'integer', minimum: 1, maximum: 65_535 },
            protocol: { type: 'string', enum: ['HTTP', 'HTTPS', 'GRPC', 'HTTP2', 'MONGO', 'TCP', 'TLS'] },
            name: TEXT,
          },
        },
      },
    },
  }),
];
