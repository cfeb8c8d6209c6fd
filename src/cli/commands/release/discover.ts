/** `airgap discover`: every image that a release, charts or manifests pull or may pull, with the places that say so. */
import { defineCommand, flag, restArguments, text } from '../../command.ts';
import { noRenderOption, readDiscovery } from '../../options/discovery-options.ts';
import { sourceOptions } from '../../options/source-options.ts';
import { listenTo } from '../../output/registry-lines.ts';
import { readTextFile } from '../../../base/files/read-file.ts';
import { MAX_PODS_BYTES } from '../../../kubernetes/resources/running-images.ts';
import { UsageError } from '../../../errors.ts';

export const discover = defineCommand({
  name: 'discover',
  summary: 'show every image that a release, charts or manifests pull, and those they may pull, with the evidence',
  examples: [
    'discover',
    'discover release.yaml --json',
    'discover charts/app manifests/',
    'discover oci://registry.example.com/charts/app:1.2.3',
    'discover release.yaml --from-cluster pods.json',
  ],
  arguments: {
    inputs: restArguments(
      'inputs',
      'a release.yaml, charts (directories, .tgz, oci://…, https://….tgz), manifests (default: the release.yaml of this directory)',
    ),
  },
  options: {
    advice: flag('--advice', "name the images in charts' own values that these values do not use"),
    fromCluster: text(
      '--from-cluster <file>',
      'pods that run now, written by `kubectl get pods -A -o json` (- for standard input): say which of their images are missing',
    ),
    noRender: noRenderOption,
    ...sourceOptions,
  },
  async run(context, { inputs }, options) {
    const { output, env, signal } = context;
    const { chooseInput } = await import('../../inputs/release-input.ts');
    const { describeDiscovery, toDiscoveryReport } = await import('../../../report/discovery-report.ts');
    const { discoverImages } = await import('../../../operations/discover.ts');
    const { ImageSources } = await import('../../../operations/resolve/image-sources.ts');
    await using sources = new ImageSources({ ...options, listener: listenTo(output), env, signal });
    const discovery = await discoverImages({
      inputs: inputs.length > 0 ? inputs : [chooseInput(undefined).path],
      sources: {
        open: (reference, origin) => sources.open(reference, origin),
        read: (address, how) => sources.read(address, how),
      },
      openRenderer: readDiscovery(context, options).openRenderer,
      advice: options.advice,
      cluster: options.fromCluster === undefined ? undefined : await readPods(options.fromCluster, context.stdin),
      signal,
    });
    for (const warning of discovery.warnings) output.note(`warning: ${warning}`);
    output.result(toDiscoveryReport(discovery), describeDiscovery(discovery));
    if (discovery.images.some(({ verdict }) => verdict === 'suspect' || verdict === 'artifact?')) {
      output.note(
        'suspects are refused by `airgap resolve`: name each under `accept` or `dismiss` of the release.yaml',
      );
    }
  },
});

async function readPods(
  from: string,
  stdin: NodeJS.ReadableStream,
): Promise<{ readonly text: string; readonly name: string }> {
  const what = { what: 'a list of pods', limit: MAX_PODS_BYTES };
  if (from !== '-') return { name: from, text: await readTextFile(from, what) };
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_PODS_BYTES) throw new UsageError('USAGE', `standard input is longer than ${MAX_PODS_BYTES} bytes`);
    chunks.push(bytes);
  }
  return { name: 'standard input', text: Buffer.concat(chunks).toString('utf8') };
}
