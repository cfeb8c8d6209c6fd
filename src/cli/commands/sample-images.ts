/** `airgap sample-images`: stand-ins for every image of a release, to rehearse it where the real ones cannot be pulled. */
import { dirname, resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import { defineCommand, optionalArgument, requiredText } from '../command.ts';
import { noRenderOption, readDiscovery } from '../options/discovery-options.ts';
import { formatBytes, formatCount } from '../../report/format.ts';
import { listenTo } from '../output/registry-lines.ts';

export const sampleImages = defineCommand({
  name: 'sample-images',
  summary: 'push a sample image for every image of a release, to rehearse it where the real ones cannot be pulled',
  examples: ['sample-images release.yaml --to docker://127.0.0.1:5000'],
  arguments: { release: optionalArgument('release.yaml', 'the release (default: the one in this directory)') },
  options: {
    to: requiredText('--to <target>', 'docker://host[:port][/prefix]; the original registry is left out of paths'),
    noRender: noRenderOption,
  },
  async run(context, { release = 'release.yaml' }, { to, noRender }) {
    const { output, env, signal } = context;
    const { parseTarget } = await import('../../release/mapping/target-address.ts');
    const { Registries } = await import('../../stores/registry/registries.ts');
    const { createRegistryTarget } = await import('../../release/mapping/image-target.ts');
    const { pushSampleImages } = await import('../../operations/sample-images.ts');
    const { loadSpec } = await import('../../release/spec/spec.ts');
    const address = parseTarget(to);
    if (address.kind !== 'registry') throw new UsageError('USAGE', `sample images go to a registry, not to ${to}`);
    const spec = await loadSpec(release);
    await using registries = new Registries('push', { ...listenTo(output), environment: env });
    const rule = { ...address, stripRegistry: true };
    const target = createRegistryTarget(to, rule, (reference) => registries.repository(reference));
    const { openRenderer } = readDiscovery(context, { noRender });
    const { references, copiedBytes, warnings } = await pushSampleImages(spec, resolve(dirname(release)), target, {
      openRenderer,
      signal,
    });
    for (const warning of warnings) output.note(`warning: ${warning}`);
    output.result({ target: to, references, copiedBytes }, [
      ...references.map((reference) => `  ${reference}`),
      `${formatCount(references.length, 'sample image')} at ${to}, ${formatBytes(copiedBytes)} copied`,
    ]);
  },
});
