/** What `airgap place --json` prints, and the same as lines. */
import * as z from 'zod';
import type { ComponentPlacement, Placement } from '../fleet/placement/placement.ts';
import { formatAmount } from '../fleet/placement/demand.ts';
import type { ReleasePlacement } from '../operations/place.ts';
import { formatCount, formatTable } from './format.ts';

const SCHEMA_ID = 'https://airgap.hexabase.ai/schemas/placement-v1.schema.json';
const RESOURCES = ['cpu', 'memory', 'storage'] as const;

/** The document. */
export const PlacementReport = z
  .strictObject({
    kind: z.literal('placement'),
    schemaVersion: z.literal(1),
    outcome: z
      .enum(['placed', 'impossible', 'undecided'])
      .describe('undecided: the search gave up; whether there is a placement is not known.'),
    fleet: z.string(),
    release: z.strictObject({
      name: z.string(),
      version: z.string(),
      isVerified: z.literal(false).describe('Its components are read from the file, and no signature is looked at.'),
    }),
    components: z.array(
      z.strictObject({
        component: z.string(),
        clusters: z.array(z.string()).describe('Where it goes, by role and name.'),
        decisions: z
          .array(z.strictObject({ cluster: z.string(), isPlaced: z.boolean(), reasons: z.array(z.string()).min(1) }))
          .describe('Of every cluster. Where the outcome is impossible, of the components in the conflict.'),
        replication: z
          .array(z.strictObject({ from: z.string(), to: z.string() }))
          .describe('From a primary to each cluster that its data is copied to.'),
      }),
    ),
    clusters: z.array(
      z.strictObject({
        cluster: z.string(),
        components: z.array(z.string()),
        free: z
          .strictObject({ cpu: z.string().optional(), memory: z.string().optional(), storage: z.string().optional() })
          .describe('What is left, in quantities of Kubernetes; absent where the fleet.yaml does not state it.'),
      }),
    ),
    conflict: z
      .strictObject({
        isMinimal: z.boolean().describe('Whether every one of the constraints is known to be needed.'),
        constraints: z.array(
          z.strictObject({
            component: z.string(),
            field: z.string().describe('Of its entry in fleet.yaml; platforms are those of the release.'),
            text: z.string(),
            at: z.string().optional().describe('File, line and column.'),
          }),
        ),
      })
      .optional()
      .describe('Constraints that cannot hold together; where the outcome is impossible.'),
  })
  .describe('Which components go to which clusters, and why.');
export type PlacementReport = z.infer<typeof PlacementReport>;

/** The JSON Schema as text with a newline at the end: what docs/placement.schema.json holds. */
export function formatPlacementSchema(): string {
  const schema = z.toJSONSchema(PlacementReport, { target: 'draft-2020-12' });
  return `${JSON.stringify({ $id: SCHEMA_ID, title: 'Placement', ...schema }, null, 2)}\n`;
}

/** The document of a placement. */
export function toPlacementReport({ fleet, release, placement }: ReleasePlacement): PlacementReport {
  const { outcome } = placement;
  return {
    kind: 'placement',
    schemaVersion: 1,
    outcome,
    fleet,
    release: { ...release, isVerified: false },
    components: componentsOf(placement).map(({ component, decisions, replication }) => ({
      component,
      clusters: clustersOf(decisions),
      decisions: decisions.map((decision) => ({ ...decision, reasons: [...decision.reasons] })),
      replication: replication.map((pair) => ({ ...pair })),
    })),
    clusters:
      outcome === 'placed'
        ? placement.clusters.map(({ cluster, components, free }) => ({
            cluster,
            components: [...components],
            free: Object.fromEntries(
              RESOURCES.flatMap((each) => (free[each] === undefined ? [] : [[each, formatAmount(each, free[each])]])),
            ),
          }))
        : [],
    ...(outcome === 'impossible'
      ? {
          conflict: {
            isMinimal: placement.conflict.isMinimal,
            constraints: placement.conflict.constraints.map(({ component, field, text, at }) => ({
              component,
              field,
              text,
              ...(at === undefined ? {} : { at }),
            })),
          },
        }
      : {}),
  };
}

/** A block for each component with a row for each cluster, what flows, and the clusters with what is left. */
export function describePlacement({ fleet, release, placement }: ReleasePlacement): readonly string[] {
  const blocks = componentsOf(placement).flatMap(({ component, decisions, replication }) => [
    `${component}: ${clustersOf(decisions).length} of ${formatCount(decisions.length, 'cluster')}`,
    ...formatTable(
      decisions.map(({ cluster, isPlaced, reasons }) => [isPlaced ? 'yes' : 'no', cluster, reasons.join('; ')]),
      '  ',
    ),
    ...replication.map(({ from, to }) => `  data flows from ${from} to ${to}`),
  ]);
  if (placement.outcome !== 'placed') return blocks;
  const { components, clusters } = placement;
  const used = clusters.filter((cluster) => cluster.components.length > 0);
  return [
    ...blocks,
    '',
    ...formatTable([
      ['CLUSTER', 'COMPONENTS', 'FREE'],
      ...used.map(({ cluster, components: on, free }) => [
        cluster,
        on.join(', '),
        RESOURCES.flatMap((each) =>
          free[each] === undefined ? [] : [`${each} ${formatAmount(each, free[each])}`],
        ).join(', '),
      ]),
    ]),
    '',
    `${formatCount(components.length, 'component')} of ${release.name} ${release.version} on ${used.length} of ${formatCount(clusters.length, 'cluster')} of ${fleet}`,
  ];
}

function componentsOf(placement: Placement): readonly ComponentPlacement[] {
  return placement.outcome === 'undecided' ? [] : placement.components;
}

function clustersOf(decisions: ComponentPlacement['decisions']): string[] {
  return decisions.flatMap(({ cluster, isPlaced }) => (isPlaced ? [cluster] : []));
}
