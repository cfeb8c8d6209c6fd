/** `airgap discover`: every image that a release, charts or manifests pull or may pull, with the places that say so. */
import { defineCommand, restArguments } from '../../command.ts';
import { noRenderOption, readDiscovery } from '../../options/discovery-options.ts';
import { sourceOptions } from '../../options/source-options.ts';
import type { DecidedImage } from '../../../operations/discover.ts';
import { formatCount, formatTable } from '../../../report/format.ts';
import { listenTo } from '../../output/registry-lines.ts';

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
  options: { noRender: noRenderOption, ...sourceOptions },
  async run(context, { inputs }, options) {
    const { output, env, signal } = context;
    const { chooseInput } = await import('../../inputs/release-input.ts');
    const { discoverImages } = await import('../../../operations/discover.ts');
    const { ImageSources } = await import('../../../operations/resolve/image-sources.ts');
    await using sources = new ImageSources({ ...options, listener: listenTo(output), env, signal });
    const { images, warnings } = await discoverImages({
      inputs: inputs.length > 0 ? inputs : [chooseInput(undefined).path],
      openChart: (reference, origin) => sources.open(reference, origin),
      openRenderer: readDiscovery(context, options).openRenderer,
      signal,
    });
    for (const warning of warnings) output.note(`warning: ${warning}`);
    output.result({ images, warnings }, [
      ...formatTable(
        images.flatMap(({ reference, verdict, reason, evidence }) => [
          ...evidence.map(({ at }, index) => (index === 0 ? [reference, verdict, at] : ['', '', at])),
          ...(reason === undefined ? [] : [['', '', `decided: ${reason}`]]),
        ]),
      ),
      describeCounts(images),
    ]);
    if (images.some(({ verdict }) => verdict === 'suspect')) {
      output.note(
        'suspects are refused by `airgap resolve`: name each under `accept` or `dismiss` of the release.yaml',
      );
    }
  },
});

function describeCounts(images: readonly DecidedImage[]): string {
  const count = (verdict: DecidedImage['verdict']): number =>
    images.filter((image) => image.verdict === verdict).length;
  const decided = (['accepted', 'dismissed'] as const).filter((verdict) => count(verdict) > 0);
  return [
    formatCount(count('certain'), 'certain image'),
    formatCount(count('suspect'), 'suspect'),
    ...decided.map((verdict) => `${count(verdict)} ${verdict}`),
  ].join(', ');
}
