/** `airgap load`: an archive into a registry, a directory of tarballs, a Docker Engine or an OCI layout. */
import { receiptOptions, recordOptions } from '../options/audit-options.ts';
import { argument, defineCommand, requiredText, text } from '../command.ts';
import { concurrencyOption, retriesOption } from '../options/source-options.ts';
import { baseOption, partsOption, verifyBaseOption } from '../options/load-options.ts';
import { targetOptions } from '../options/target-options.ts';
import { readTerms, trustOptions } from '../options/trust-options.ts';

export const load = defineCommand({
  name: 'load',
  summary: 'verify an archive and load its images into a target; nothing becomes visible before every byte is verified',
  examples: [
    'load release.tar --key release.pub --to docker://registry.internal:5000',
    'load release.tar --key release.pub --to docker://registry.internal/mirror --platform linux/amd64 --plan',
    'load release.tar --key release.pub --to dir:/var/lib/rancher/k3s/agent/images',
    'load release.tar --key release.pub --to docker-daemon:',
    'load release.tar --key release.pub --to oci:layout',
    'load release.tar --trust trust.json --state /var/lib/airgap --to docker://registry.internal:5000',
    'load my-release-offline-1.1.0.delta.tar --key release.pub --to docker://registry.internal:5000',
    'load release.delta.tar --base my-release-offline-1.0.0.tar --key release.pub --to docker-daemon:',
    'load release.tar --trust trust.json --state /var/lib/airgap --receipt receipt.json --receipt-key site.key --to oci:layout',
  ],
  arguments: { archive: argument('archive', 'the file') },
  options: {
    to: requiredText('--to <target>', 'docker://host[:port][/prefix], docker-daemon:, oci:DIR or dir:DIR'),
    ...trustOptions,
    base: baseOption,
    parts: partsOption,
    verifyBase: verifyBaseOption,
    ...targetOptions,
    ...recordOptions,
    ...receiptOptions,
    concurrency: concurrencyOption,
    retries: retriesOption,
    dockerHost: text('--docker-host <address>', 'unix:///path or tcp://127.0.0.1:port (default: DOCKER_HOST)'),
  },
  async run(context, { archive }, options) {
    const terms = await readTerms(options, context);
    const { loadArchive } = await import('./load-archive.ts');
    await loadArchive(context, archive, terms, options);
  },
});
