/** What `airgap fleet status` prints: what each cluster has beside what is placed there. */
import * as z from 'zod';
import { CLUSTER_ROLES } from '../../fleet/fleet-schema.ts';
import type { ClusterStatus } from '../../operations/fleet/fleet-status.ts';
import { formatTable } from '../format.ts';
import { ErrorReport, toErrorReport } from './error-report.ts';

const SCHEMA_ID = 'https://airgap.hexabase.ai/schemas/fleet-status-v1.schema.json';

/** The document. */
export const FleetStatusReport = z
  .strictObject({
    kind: z.literal('fleet-status'),
    schemaVersion: z.literal(1),
    fleet: z.string(),
    release: z.strictObject({ name: z.string(), version: z.string() }).describe('That is placed.'),
    clusters: z
      .array(
        z.strictObject({
          cluster: z.string(),
          role: z.enum(CLUSTER_ROLES),
          state: z
            .enum(['current', 'differs', 'offline', 'unknown'])
            .describe(
              'current: it has what is placed there, and that is ready; offline: nothing answers; unknown: error says why.',
            ),
          placed: z.array(z.string()).describe('Components.'),
          deployed: z
            .strictObject({
              namespace: z.string(),
              version: z.string(),
              digest: z.string().describe('Of checksums.txt of its archive.'),
              profile: z.string(),
              components: z.array(z.string()),
              state: z.enum(['applying', 'complete']),
            })
            .optional()
            .describe('As the cluster has it on record; absent where it has nothing, or that is not known.'),
          differences: z.array(z.string()),
          error: ErrorReport.optional(),
        }),
      )
      .describe('Those on which something is placed or deployed, in the order of the fleet.yaml.'),
  })
  .describe('What runs on the clusters of a fleet, compared with what is placed there.');
export type FleetStatusReport = z.infer<typeof FleetStatusReport>;

/** The JSON Schema as text with a newline at the end: what docs/fleet-status.schema.json holds. */
export function formatFleetStatusSchema(): string {
  const schema = z.toJSONSchema(FleetStatusReport, { target: 'draft-2020-12' });
  return `${JSON.stringify({ $id: SCHEMA_ID, title: 'Fleet status', ...schema }, null, 2)}\n`;
}

/** A fleet, compared. */
export interface FleetComparison {
  readonly fleet: string;
  readonly release: { readonly name: string; readonly version: string };
  readonly clusters: readonly ClusterStatus[];
}

/** The document of a comparison. */
export function toFleetStatusReport({ fleet, release, clusters }: FleetComparison): FleetStatusReport {
  return {
    kind: 'fleet-status',
    schemaVersion: 1,
    fleet,
    release: { name: release.name, version: release.version },
    clusters: clusters.map(({ cluster: { name, role }, state, placed, deployed, differences, error }) => ({
      cluster: name,
      role,
      state,
      placed: [...placed],
      ...(deployed === undefined ? {} : { deployed: { ...deployed, components: [...deployed.components] } }),
      differences: [...differences],
      ...(error === undefined ? {} : { error: toErrorReport(error) }),
    })),
  };
}

/** A row for each cluster, and below it in what it differs. */
export function describeFleetStatus({ fleet, release, clusters }: FleetComparison): readonly string[] {
  const rows = formatTable([
    ['CLUSTER', 'ROLE', 'STATE', 'VERSION', 'PLACED'],
    ...clusters.map(({ cluster: { name, role }, state, placed, deployed }) => [
      ...[name, role, state, deployed?.version ?? '-', placed.join(', ') || '-'],
    ]),
  ]);
  const current = clusters.filter(({ state }) => state === 'current').length;
  return [
    ...rows.slice(0, 1),
    ...clusters.flatMap((status, index) => [rows[index + 1] ?? '', ...reasonsOf(status).map((line) => `  ${line}`)]),
    '',
    `${release.name} ${release.version}: ${current} of ${clusters.length} clusters of ${fleet} have what is placed there`,
  ];
}

/** Why a cluster is not as it should be, one by one. */
export function reasonsOf({ differences, error }: ClusterStatus): readonly string[] {
  if (error === undefined) return differences;
  const { code, message } = toErrorReport(error);
  return [`${code}: ${message.split('\n')[0] ?? ''}`];
}
