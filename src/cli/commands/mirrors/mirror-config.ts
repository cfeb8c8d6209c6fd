/** `airgap mirror-config`: what a load brought, as configuration that leads nodes, clusters and manifests to it. */
import { UsageError } from '../../../errors.ts';
import { DIALECT_NAMES } from '../../../kubernetes/mirrors/dialect-names.ts';
import { choice, defineCommand, flag, list, restArguments, text } from '../../command.ts';

export const mirrorConfig = defineCommand({
  name: 'mirror-config',
  summary: 'write the configuration under which nodes find loaded images by their original names',
  examples: [
    'mirror-config reports/mapping.txt --format containerd --output certs.d',
    'mirror-config reports --format k3s --ca-file /etc/ssl/registry-ca.pem > registries.yaml',
    'mirror-config reports --output mirrors',
    'mirror-config reports --format helm-values --chart app-1.0.0.tgz > mirror-values.yaml',
    'mirror-config reports --format containerd --install',
    'mirror-config reports --format containerd --check',
  ],
  arguments: {
    mappings: restArguments('mappings', 'mapping.txt or the JSON report of a load or a mirror run, or their directory'),
  },
  options: {
    format: choice('--format <dialect>', 'who reads it; with --output, every node and cluster unless given', [
      ...DIALECT_NAMES,
      'helm-values',
    ]),
    chart: list('--chart <path>', 'with helm-values: a chart, or a release.yaml for all of its charts and values'),
    values: list('--values <file>', 'with helm-values: values of the site, for a chart that is named by itself'),
    output: text('--output <directory>', 'where to write it, must not exist yet (default: print it)'),
    install: flag('--install', 'bring it into its place on this node; what was there stays beside it'),
    check: flag('--check', 'say whether this node has it, and ask for every image where it leads; changes nothing'),
    root: text('--root <directory>', "with those two, where the node's file system is (default: /)"),
    name: text('--name <name>', 'what files and objects are called that may have any name (default: airgap)'),
    plainHttp: flag('--plain-http', 'nodes speak HTTP instead of HTTPS to the registry'),
    insecure: flag('--insecure', 'nodes accept any certificate of the registry'),
    caFile: text('--ca-file <path>', 'PEM file of authorities that nodes trust for the registry, where nodes have it'),
  },
  async run(context, { mappings }, options) {
    const { format, ...others } = options;
    if (format === 'helm-values') {
      const { configureCharts } = await import('./configure-charts.ts');
      return configureCharts(context, mappings, options);
    }
    if (options.chart.length + options.values.length > 0) {
      throw new UsageError('USAGE', '--chart and --values are about --format helm-values alone');
    }
    const { configureMirrors } = await import('./configure-mirrors.ts');
    await configureMirrors(context, mappings, { ...others, format });
  },
});
