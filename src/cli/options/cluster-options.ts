/** Options of every command that speaks to a cluster, in the words of kubectl's users. */
import { count, text, type ValuesOf } from '../command.ts';

/** Seconds. */
const MAX_STEP_TIMEOUT = 86_400;

export const clusterOptions = {
  kubeconfig: text('--kubeconfig <file>', 'which clusters there are (default: KUBECONFIG, then ~/.kube/config)'),
  context: text('--context <name>', 'cluster and user of the kubeconfig (default: its current one)'),
  namespace: text(
    '--namespace <name>',
    'where what names no namespace belongs (default: the one that the manifests make, then that of the context)',
  ),
  as: text('--as <user>', 'do everything in the name of this user'),
  asGroup: text('--as-group <group>', 'and of this group'),
  stepTimeout: count('--step-timeout <seconds>', 'how long one step may take (default: 600)', 1, MAX_STEP_TIMEOUT),
} as const;

/** Their values. */
export type ClusterOptions = ValuesOf<typeof clusterOptions>;
