/** What a deployment to a whole fleet is told beside what every deployment is. */
import { UsageError } from '../../errors.ts';
import { count, list, text, type ValuesOf } from '../command.ts';
import type { DeployOptionValues } from './deploy-options.ts';

const MAX_AT_ONCE = 64;
/** Seconds: a week. */
const MAX_WAIT = 604_800;

export const fleetOptions = {
  fleet: text('--fleet <file>', 'deploy to the clusters of this fleet.yaml, to each what is placed there'),
  only: list('--only <cluster>', 'of a fleet: only this cluster, such as one that failed'),
  clustersAtOnce: count(
    '--clusters-at-once <n>',
    'of a fleet: clusters that are deployed at the same time (default: 4)',
    1,
    MAX_AT_ONCE,
  ),
  wait: count(
    '--wait <seconds>',
    'of a fleet: how long clusters that are offline are waited for at the end (default: not at all)',
    0,
    MAX_WAIT,
  ),
} as const;

/** Options of a deployment to a fleet. */
export type FleetDeployOptions = Omit<DeployOptionValues, 'to'> &
  ValuesOf<typeof fleetOptions> & { readonly fleet: string };

/** What the fleet.yaml says of each cluster, or what is of one cluster only. */
const OF_ONE_CLUSTER = {
  to: '--to',
  context: '--context',
  pullFrom: '--pull-from',
  siteValues: '--site-values',
  platform: '--platform',
  auditLog: '--audit-log',
  receipt: '--receipt',
  receiptKey: '--receipt-key',
} as const;

/**
 * Holds that the options of a fleet and of one cluster are not mixed.
 * @throws UsageError `USAGE`
 */
export function assertFleetOptions(
  options: Omit<DeployOptionValues, 'to'> & { readonly to: string | undefined } & ValuesOf<typeof fleetOptions>,
): void {
  const isGiven = (value: unknown): boolean => (Array.isArray(value) ? value.length > 0 : value !== undefined);
  if (options.fleet === undefined) {
    const { only, clustersAtOnce, wait } = options;
    const of = { '--only': only, '--clusters-at-once': clustersAtOnce, '--wait': wait };
    const stray = Object.entries(of).find(([, value]) => isGiven(value))?.[0];
    if (stray !== undefined) throw new UsageError('USAGE', `${stray} needs --fleet`);
    return;
  }
  const keys = Object.keys(OF_ONE_CLUSTER) as (keyof typeof OF_ONE_CLUSTER)[];
  const stray = keys.find((key) => isGiven(options[key]));
  if (stray === undefined) return;
  throw new UsageError('USAGE', `${OF_ONE_CLUSTER[stray]} is of one cluster, and --fleet is of many`, {
    hint: 'the fleet.yaml says it of each cluster; the records of each are below --state',
  });
}
