/** `airgap discover`: every image that a release, charts or manifests pull or may pull, with the places that say so. */
import { defineCommand, restArguments } from '../../command.ts';
import { sourceOptions } from '../../options/source-options.ts';
import { formatCount, formatTable } from '../../../report/format.ts';

export const discover = defineCommand({
  name: 'discover',
  summary: 'show every image that a release, charts or manifests pull, and those they may pull, with the evidence',
  examples: [
    'discover',
    'discover release.yaml --json',
    'discover charts/app manifests/',
    'discover oci://registry.example.com/charts/app:1.2.3',
  ],
  arguments: {
    inputs: restArguments(
      'inputs',
      'a release.yaml, charts (directories, .tgz, oci://…), manifests (default: the release.yaml of this directory)',
    ),
  },
  options: { ...sourceOptions },
  async run({ output, env, signal }, { inputs }, options) {
    const { chooseInput } = await import('../../inputs/release-input.ts');
    const { discoverImages } = await import('../../../operations/discover.ts');
    const { ImageSources } = await import('../../../operations/resolve/image-sources.ts');
    const { openChartRenderer } = await import('../../../kubernetes/rendering/open-renderer.ts');
    await using sources = new ImageSources({ ...options, env, signal });
    const { images, warnings } = await discoverImages({
      inputs: inputs.length > 0 ? inputs : [chooseInput(undefined).path],
      openChart: (reference, origin) => sources.open(reference, origin),
      openRenderer: () => openChartRenderer({ path: env['PATH'], signal }),
      signal,
    });
    for (const warning of warnings) output.note(`warning: ${warning}`);
    const suspects = images.filter(({ certainty }) => certainty === 'suspect');
    output.result({ images, warnings }, [
      ...formatTable(
        images.flatMap(({ reference, certainty, evidence }) =>
          evidence.map(({ at }, index) => (index === 0 ? [reference, certainty, at] : ['', '', at])),
        ),
      ),
      `${formatCount(images.length - suspects.length, 'certain image')}, ${formatCount(suspects.length, 'suspect')}`,
    ]);
    if (suspects.length > 0) output.note('suspects are not carried: list those that are pulled under `images`');
  },
});
