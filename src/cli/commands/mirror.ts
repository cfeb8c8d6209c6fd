/** `airgap mirror`: the images of a release, a lock or a plain list from their registries to another one. */
import { choice, defineCommand, flag, optionalArgument, requiredText, text } from '../command.ts';
import { discoveryOptions } from '../options/discovery-options.ts';
import { concurrencyOption, sourceOptions } from '../options/source-options.ts';
import { targetOptions } from '../options/target-options.ts';

export const mirror = defineCommand({
  name: 'mirror',
  summary: 'copy images from their registries to another one; digests are kept, nothing is deleted',
  examples: [
    'mirror release.yaml --to docker://registry.internal:5000',
    'mirror release.lock.json --to docker://registry.internal/mirror --plan',
    'mirror images.txt --to docker://registry.internal:5000 --platform linux/amd64',
  ],
  arguments: {
    release: optionalArgument(
      'release',
      'release.yaml, a lock, or a list with one image a line (default: of this directory)',
    ),
  },
  options: {
    to: requiredText('--to <target>', 'docker://host[:port][/prefix] or oci:DIR'),
    locked: flag('--locked', 'fail if a tag moved or anything differs from the lock'),
    lock: text('--lock <file>', 'the lock (default: release.lock.json beside the release.yaml)'),
    ...targetOptions,
    ...sourceOptions,
    evidence: choice('--evidence <what>', 'what becomes of evidence, whatever the release.yaml says', [
      'carry',
      'require',
      'ignore',
    ]),
    keepGoing: flag('--keep-going', 'mirror the rest where images do not exist, and end with exit code 5'),
    ...discoveryOptions,
    concurrency: concurrencyOption,
  },
  async run(context, { release }, options) {
    const { mirrorRelease } = await import('./mirror-images.ts');
    await mirrorRelease(context, release, options);
  },
});
