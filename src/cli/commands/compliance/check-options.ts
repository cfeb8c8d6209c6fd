/** The options of `airgap check`. */
import { flag, list, text, writtenFile, type ValuesOf } from '../../command.ts';
import { clusterOptions } from '../../options/cluster-options.ts';
import { noRenderOption } from '../../options/discovery-options.ts';
import { kubeVersionOption, profileOption } from '../../options/check-options.ts';
import { sourceOptions } from '../../options/source-options.ts';
import { trustOptions } from '../../options/trust-options.ts';

export const checkOptions = {
  profile: profileOption,
  rules: list('--rules <file>', "the site's own rules, and exceptions with their reasons (YAML)"),
  path: list('--path <path>', 'only these files and directories of the archive'),
  values: list('--values <file>', 'values of the site, for charts that are named or lie in an archive'),
  kubeVersion: kubeVersionOption,
  fromCluster: text(
    '--from-cluster <file>',
    'check objects that run: what `kubectl get … -o json` prints; - reads standard input',
  ),
  cluster: flag('--cluster', 'check what runs in a namespace of a cluster, read through its API; Secrets are not read'),
  kubeconfig: clusterOptions.kubeconfig,
  context: clusterOptions.context,
  namespace: text('--namespace <name>', 'with --cluster: the namespace (default: that of the context)'),
  as: clusterOptions.as,
  asGroup: clusterOptions.asGroup,
  compare: text(
    '--compare <file>',
    'an earlier check-report.json, or an archive that carries its report: say what is worse, better or gone since',
  ),
  compareSubject: list(
    '--compare-subject <name>',
    'with --compare: only this of the earlier report, such as the set of values that the site installed',
  ),
  output: text(
    '--output <directory>',
    'write the report there in all its forms: check-report.json, check-report.md and check-report.html',
  ),
  sign: text('--sign <key>', 'with --output: sign a statement about these files; a private key file, or <name>://…'),
  passphraseFile: text(
    '--passphrase-file <file>',
    'holds the passphrase of that key; else AIRGAP_PASSPHRASE or a prompt',
  ),
  report: writtenFile(
    '--report <file>',
    'write the report there as well: as HTML (.html), Markdown (.md) or else JSON',
  ),
  noRender: { ...noRenderOption, summary: 'do not render charts: only manifests are checked' },
  ...trustOptions,
  ...sourceOptions,
} as const;

/** Their values. */
export type CheckCommandOptions = ValuesOf<typeof checkOptions>;
