/** What `airgap deploy --fleet` did on every cluster: one model, for people and for machines. */
import * as z from 'zod';
import { CLUSTER_ROLES } from '../../fleet/fleet-schema.ts';
import type { ClusterTask } from '../../operations/fleet/cluster-tasks.ts';
import type { ClusterOutcome } from '../../operations/fleet/roll-out.ts';
import { formatTable } from '../format.ts';
import { ErrorReport, toErrorReport } from './error-report.ts';

const SCHEMA_ID = 'https://airgap.hexabase.ai/schemas/fleet-deploy-v1.schema.json';

/** How it ended on one cluster, in one word. */
export const FLEET_OUTCOMES = ['deployed', 'unchanged', 'would change', 'failed', 'offline', 'not begun'] as const;

/** The document. */
export const FleetDeployReport = z
  .strictObject({
    kind: z.literal('fleet-deploy'),
    schemaVersion: z.literal(1),
    fleet: z.string(),
    release: z.strictObject({ name: z.string(), version: z.string() }),
    isPlan: z.boolean(),
    clusters: z
      .array(
        z.strictObject({
          cluster: z.string(),
          role: z.enum(CLUSTER_ROLES),
          components: z.array(z.string()).describe('What is placed there.'),
          platforms: z.array(z.string()).optional().describe('Of its images; absent where it gets all.'),
          profile: z.string(),
          outcome: z
            .enum(FLEET_OUTCOMES)
            .describe(
              'offline: nothing answers there; not begun: a primary was not deployed; of a plan: unchanged, would change.',
            ),
          error: ErrorReport.optional().describe('Why it failed, is offline, or is deployed but for something.'),
          after: z.string().optional().describe('The primary that has to be deployed first; where it is not begun.'),
          report: z
            .record(z.string(), z.unknown())
            .optional()
            .describe('What airgap deploy --json prints of this cluster; where it is deployed or planned.'),
        }),
      )
      .describe(
        'Every cluster that something is placed on, or those that were asked for, in the order of the fleet.yaml.',
      ),
  })
  .describe('What became of each cluster of a fleet.');
export type FleetDeployReport = z.infer<typeof FleetDeployReport>;

/** The JSON Schema as text with a newline at the end: what docs/fleet-deploy.schema.json holds. */
export function formatFleetDeploySchema(): string {
  const schema = z.toJSONSchema(FleetDeployReport, { target: 'draft-2020-12' });
  return `${JSON.stringify({ $id: SCHEMA_ID, title: 'Fleet deployment', ...schema }, null, 2)}\n`;
}

/** What a deployment of one cluster left. */
export interface ClusterResult {
  readonly document: object;
  readonly lines: readonly string[];
  /** Of a plan: whether there is something to do. */
  readonly hasChanges: boolean;
  /** What falls short although all is deployed. */
  readonly shortfall?: unknown;
}

/** A fleet, what is placed on it, and how it ended. */
export interface FleetDeployment {
  readonly fleet: string;
  readonly release: { readonly name: string; readonly version: string };
  readonly isPlan: boolean;
  readonly tasks: readonly ClusterTask[];
  readonly outcomes: ReadonlyMap<string, ClusterOutcome<ClusterResult>>;
}

/** The document of a deployment. */
export function toFleetDeployReport({ fleet, release, isPlan, tasks, outcomes }: FleetDeployment): FleetDeployReport {
  return {
    kind: 'fleet-deploy',
    schemaVersion: 1,
    fleet,
    release: { ...release },
    isPlan,
    clusters: tasks.map(({ cluster: { name, role }, components, platforms, profile }) => {
      const outcome = outcomes.get(name);
      const error = outcome && errorOf(outcome);
      return {
        cluster: name,
        role,
        components: [...components],
        ...(platforms === undefined ? {} : { platforms: [...platforms] }),
        profile,
        outcome: wordOf(outcome, isPlan),
        ...(error === undefined ? {} : { error: toErrorReport(error) }),
        ...(outcome?.kind === 'not begun' ? { after: outcome.since } : {}),
        ...(outcome?.kind === 'done' ? { report: { ...outcome.value.document } } : {}),
      };
    }),
  };
}

/** What each cluster's own deployment says, and a table of all of them. */
export function describeFleetDeployment(deployment: FleetDeployment): readonly string[] {
  const { tasks, outcomes, isPlan, fleet, release } = deployment;
  const own = tasks.flatMap(({ cluster: { name } }) => {
    const outcome = outcomes.get(name);
    return outcome?.kind === 'done' ? [`${name}:`, ...outcome.value.lines.map((line) => `  ${line}`), ''] : [];
  });
  const count = tasks.filter(({ cluster }) => outcomes.get(cluster.name)?.kind === 'done').length;
  return [
    ...own,
    ...formatTable([
      ['CLUSTER', 'ROLE', 'PROFILE', 'COMPONENTS', 'OUTCOME'],
      ...tasks.map(({ cluster: { name, role }, components, profile }) => {
        const outcome = outcomes.get(name);
        return [name, role, profile, components.join(', '), outcomeText(outcome, isPlan)];
      }),
    ]),
    '',
    `${release.name} ${release.version}: ${count} of ${tasks.length} clusters of ${fleet} ${isPlan ? 'planned' : 'deployed'}`,
  ];
}

/** One line that says why a cluster is not done. */
export function outcomeText(outcome: ClusterOutcome<ClusterResult> | undefined, isPlan: boolean): string {
  const word = wordOf(outcome, isPlan);
  if (outcome?.kind === 'not begun') return `${word}: ${outcome.since} has to be deployed first`;
  const error = outcome && errorOf(outcome);
  if (error === undefined) return word;
  const { code, message } = toErrorReport(error);
  return `${word}${outcome?.kind === 'done' ? ', but' : ':'} ${code}: ${message.split('\n')[0] ?? ''}`;
}

function wordOf(outcome: ClusterOutcome<ClusterResult> | undefined, isPlan: boolean): (typeof FLEET_OUTCOMES)[number] {
  if (outcome === undefined) return 'not begun';
  if (outcome.kind !== 'done') return outcome.kind;
  if (!isPlan) return 'deployed';
  return outcome.value.hasChanges ? 'would change' : 'unchanged';
}

function errorOf(outcome: ClusterOutcome<ClusterResult>): unknown {
  if (outcome.kind === 'done') return outcome.value.shortfall;
  return outcome.kind === 'not begun' ? undefined : outcome.error;
}
