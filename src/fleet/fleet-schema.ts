/** `fleet.yaml`: the clusters of a site, the links between them, and where components go. Strict, as release.yaml is. */
import * as z from 'zod';
import { refineWith } from '../base/schemas/refine.ts';
import { parseEndpoint } from './settings/endpoint.ts';
import { parsePlatform } from '../oci/platform.ts';
import { parseByteQuantity, parseDuration, parseMilli } from '../kubernetes/resources/quantity.ts';

/** The marks of the format; a new version changes `apiVersion`. */
export const FLEET_API_VERSION = 'airgap.hexabase.ai/v1';
export const FLEET_KIND = 'Fleet';

/** What a cluster is for, in the order in which clusters are preferred and deployed. */
export const CLUSTER_ROLES = ['primary', 'secondary', 'dr', 'edge'] as const;
export type ClusterRole = (typeof CLUSTER_ROLES)[number];
/** Where a cluster runs. */
export const CLUSTER_KINDS = ['on-premises', 'aws', 'azure', 'gcp'] as const;
export type ClusterKind = (typeof CLUSTER_KINDS)[number];
/** How close a component stays to the one it is near. */
export const NEARNESS = ['cluster', 'zone', 'region'] as const;
export type Nearness = (typeof NEARNESS)[number];

const MAX_CLUSTERS = 10_000;
const MAX_LINKS = 100_000;
const MAX_LIST = 100;
/** What {@link parseMilli} and {@link parseByteQuantity} read of numbers. */
const PLAIN_NUMBER = /^[0-9]+(\.[0-9]{1,9})?$/;
const LABEL = /^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/;

const Name = z
  .string()
  .max(63)
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    'must be lower-case letters, digits and dashes, and begin and end with a letter or digit',
  );
const Label = z
  .string()
  .max(63)
  .regex(LABEL, 'must be letters, digits, dots, dashes and slashes, and begin and end with a letter or digit');
const RegionPattern = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9._/-]*\*?$/, 'must be a region, or the beginning of regions with * at its end')
  .min(1);
/** What may stand in the place of a word of a manifest, wherever that is. */
const SAFE = 'A-Za-z0-9:/.,_@+=*[\\]-';
const FactText = z
  .string()
  .min(1)
  .max(512)
  .regex(new RegExp(`^[${SAFE}]+$`), 'must be letters, digits and : / . , _ @ + = * [ ] -');
const SETTING = new RegExp(`^(?:[${SAFE}]|\\{(?:self|primary)(?:\\.[a-z0-9-]+)+\\})+$`);
const Path = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^[^\0]*$/, 'must be a path');
const Quantity = (parse: (text: string) => number, examples: string[]): z.ZodType<string | number> =>
  z
    .union([
      z
        .number()
        .min(0)
        .max(1e12)
        .refine((value) => PLAIN_NUMBER.test(String(value)), 'has more digits than a quantity may have'),
      z.string().max(32).check(refineWith(parse)),
    ])
    .meta({ examples });
const Duration = z
  .string()
  .max(32)
  .check(refineWith(parseDuration))
  .meta({ examples: ['15m', '72h'] });
const Amounts = {
  cpu: Quantity(parseMilli, ['4', '1500m']).optional(),
  memory: Quantity(parseByteQuantity, ['64Gi']).optional(),
  storage: Quantity(parseByteQuantity, ['500Gi']).optional(),
};

/** What a cluster has for the components of a release, or a component needs on each of its clusters. */
export const FleetAmounts = z.strictObject(Amounts).describe('In quantities of Kubernetes.');

/** One cluster. */
export const FleetCluster = z
  .strictObject({
    name: Name.describe('Unique within the fleet.'),
    role: z.enum(CLUSTER_ROLES).describe('What the cluster is for.'),
    kind: z.enum(CLUSTER_KINDS).describe('Where it runs.'),
    region: Label.describe('Such as eu-central-1, or the city of a site.'),
    zone: Label.optional().describe('Within the region.'),
    capacity: FleetAmounts.optional().describe(
      'What components may use of it. What is left out is not counted: components always fit.',
    ),
    compliance: z.array(Label).max(MAX_LIST).optional().describe('What it is certified for, such as gdpr or pci-dss.'),
    registry: z.string().min(1).max(512).optional().describe('Where its images are pulled from: host[:port][/path].'),
    pullFrom: z
      .string()
      .min(1)
      .max(512)
      .optional()
      .describe('What its nodes call the registry, where that is another name.'),
    context: z.string().min(1).max(512).optional().describe('Its context in the kubeconfig.'),
    kubeconfig: Path.optional().describe(
      'Its kubeconfig, from the folder of this file; left out, the one of the command.',
    ),
    namespace: z.string().min(1).max(63).optional().describe('Where the platform goes; left out, as deploy decides.'),
    profile: Name.optional().describe(
      'Which manifests of a release it gets; left out, those that are called as its role, or the only ones.',
    ),
    siteValues: Path.optional().describe('Its values for placeholders, from the folder of this file.'),
    endpoints: z
      .record(Name, z.string().max(512).check(refineWith(parseEndpoint)))
      .optional()
      .meta({ examples: [{ api: 'https://api.core.internal', database: 'tcp://db.core.internal:5432' }] })
      .describe('Where others reach it, by names of your choice.'),
    values: z
      .record(Name, FactText)
      .optional()
      .meta({ examples: [{ network: '10.1.0.0/16' }] })
      .describe('What else others have to know of it, by names of your choice; no secrets.'),
    caFile: Path.optional().describe(
      'PEM file of the authorities that its endpoints have certificates of, from the folder of this file.',
    ),
    platforms: z
      .array(z.string().max(60).check(refineWith(parsePlatform)))
      .min(1)
      .max(MAX_LIST)
      .optional()
      .describe('Of its nodes. Left out, every component runs on it.'),
  })
  .describe('One cluster.');

/** What connects two clusters. */
export const FleetLink = z
  .strictObject({
    between: z
      .array(Name)
      .refine((names) => names.length === 2, 'must be the names of two clusters')
      .meta({ minItems: 2, maxItems: 2 })
      .describe('The names of two clusters; a link goes both ways.'),
    latencyMs: z.number().min(0).max(1e6).optional().describe('One round trip, in milliseconds.'),
    bandwidthMbps: z.number().positive().max(1e7).optional().describe('In millions of bits per second.'),
    syncInterval: Duration.optional().describe('How often the clusters are in contact; left out, they always are.'),
    offlineTimeout: Duration.optional().describe('After how long without contact a cluster counts as offline.'),
  })
  .describe('What connects two clusters, directly.');

/** Where one component goes. */
export const FleetPlacement = z
  .strictObject({
    resources: FleetAmounts.optional().describe('What the component needs on each cluster it is on.'),
    roles: z
      .array(z.enum(CLUSTER_ROLES))
      .min(1)
      .optional()
      .describe('Clusters of these roles only, the first preferred. Left out: primary; with replicate, all but edge.'),
    kinds: z.array(z.enum(CLUSTER_KINDS)).min(1).optional().describe('Clusters of these kinds only.'),
    compliance: z.array(Label).max(MAX_LIST).optional().describe('Clusters with all of these labels only.'),
    regions: z
      .strictObject({
        allow: z.array(RegionPattern).min(1).max(MAX_LIST).optional().describe('These only; eu-* means all of eu-.'),
        deny: z.array(RegionPattern).min(1).max(MAX_LIST).optional().describe('None of these.'),
      })
      .optional()
      .describe('Where the component, and so its data, may be.'),
    near: z
      .strictObject({
        component: Name.describe('Another component.'),
        within: z.enum(NEARNESS).default('cluster').describe('On the same cluster, or in the same zone or region.'),
      })
      .optional()
      .describe('Only where another component is: work goes to its data.'),
    minClusters: z.int().min(1).max(MAX_CLUSTERS).optional().describe('On at least so many clusters. Left out: 1.'),
    maxClusters: z
      .union([z.literal('all'), z.int().min(1).max(MAX_CLUSTERS)])
      .optional()
      .describe('On as many clusters as take it, up to this number or all. Left out: on as few as are needed.'),
    spread: z
      .strictObject({
        regions: z.int().min(1).max(MAX_CLUSTERS).optional().describe('In at least so many regions.'),
        zones: z.int().min(1).max(MAX_CLUSTERS).optional().describe('In at least so many zones.'),
      })
      .optional()
      .describe('How far apart its clusters are.'),
    replicate: z
      .enum(['workload', 'data'])
      .optional()
      .describe(
        'On a primary, and on every secondary and dr that takes it, at least one; data: only where a link leads to its primary, for the replication.',
      ),
    maxLatencyMs: z.number().min(0).max(1e6).optional().describe('On a primary, or so near to one, by a direct link.'),
    minBandwidthMbps: z.number().positive().max(1e7).optional().describe('On a primary, or with such a link to one.'),
    maxSyncInterval: Duration.optional().describe('On a primary, or in contact with one so often.'),
  })
  .describe('Where one component goes.');
export type FleetPlacement = z.infer<typeof FleetPlacement>;

/** A text of the manifests that is another on each cluster. */
export const FleetSetting = z
  .strictObject({
    written: z
      .string()
      .min(1)
      .max(512)
      .regex(/^[\x21-\x7e]+$/, 'must be one word')
      .describe('As the manifests have it, such as the host of an example; replaced wherever it stands as a word.'),
    is: z
      .string()
      .min(1)
      .max(512)
      .regex(
        SETTING,
        'must be letters, digits and : / . , _ @ + = * [ ] -, and facts in braces such as {primary.endpoints.api}',
      )
      .describe('What it is: {self.…} and {primary.…} stand for what the fleet.yaml states of a cluster.'),
    roles: z
      .array(z.enum(CLUSTER_ROLES))
      .min(1)
      .optional()
      .describe('On clusters of these roles only. Left out: on all.'),
  })
  .describe('A text of the manifests that is another on each cluster.');
export type FleetSetting = z.infer<typeof FleetSetting>;

/** The whole document. */
export const FleetDocument = z
  .strictObject({
    apiVersion: z.literal(FLEET_API_VERSION),
    kind: z.literal(FLEET_KIND),
    name: Name.describe('Name of the fleet.'),
    clusters: z.array(FleetCluster).min(1).max(MAX_CLUSTERS),
    links: z.array(FleetLink).max(MAX_LINKS).optional().describe('What connects the clusters.'),
    settings: z
      .array(FleetSetting)
      .max(MAX_LIST)
      .optional()
      .describe('What differs in the manifests from cluster to cluster.'),
    sharedValues: z
      .array(z.string().regex(/^SITE_[A-Z0-9_]{1,220}$/, 'must be the name of a placeholder, SITE_NAME'))
      .max(MAX_LIST)
      .optional()
      .describe('Placeholders whose value every cluster has from its primary, such as the password of a replication.'),
    placement: z
      .record(z.string(), FleetPlacement)
      .optional()
      .describe('By component of the release. A component without an entry goes to one primary.'),
  })
  .describe('The clusters of a site, and where the components of a release go.');
export type FleetDocument = z.infer<typeof FleetDocument>;

const SCHEMA_ID = 'https://airgap.hexabase.ai/schemas/fleet-v1.schema.json';

/** The JSON Schema as text with a newline at the end: what docs/fleet.schema.json holds. */
export function formatFleetSchema(): string {
  const schema = z.toJSONSchema(FleetDocument, { io: 'input', target: 'draft-2020-12' });
  return `${JSON.stringify({ $id: SCHEMA_ID, title: 'Fleet', ...schema }, null, 2)}\n`;
}
