/** `airgap resolve`: pins every reference of a release.yaml by digest. */
import { UsageError } from '../../errors.ts';
import { defineCommand, flag, optionalArgument, text } from '../command.ts';
import { formatEvidence, formatSigners } from '../../report/evidence-lines.ts';
import { formatBytes, formatCount, formatTable, shortDigest } from '../../report/format.ts';
import { notePins } from '../../report/pin-lines.ts';
import { openProgress } from '../output/open-progress.ts';
import { checkModeOption } from '../options/check-options.ts';
import { discoveryOptions, readDiscovery } from '../options/discovery-options.ts';
import { listenTo } from '../output/registry-lines.ts';
import { concurrencyOption, sourceOptions } from '../options/source-options.ts';

export const resolve = defineCommand({
  name: 'resolve',
  summary: 'pin every image and file of a release.yaml in release.lock.json',
  examples: [
    'resolve',
    'resolve release.yaml --verbose',
    'resolve release.yaml --locked',
    'resolve release.yaml --refresh-evidence',
    'resolve release.yaml --strict',
  ],
  arguments: { release: optionalArgument('release.yaml', 'the release (default: the one in this directory)') },
  options: {
    lock: text('--lock <file>', 'the lock (default: release.lock.json beside the release.yaml)'),
    refreshEvidence: flag(
      '--refresh-evidence',
      'look for signatures, attestations and SBOMs again where the image itself has not moved',
    ),
    locked: flag('--locked', 'change nothing; fail if a tag moved or anything differs from the lock'),
    strict: flag('--strict', 'refuse what would only be warned of'),
    ...discoveryOptions,
    check: checkModeOption,
    concurrency: concurrencyOption,
    ...sourceOptions,
  },
  async run(context, { release }, options) {
    const { chooseInput } = await import('../inputs/release-input.ts');
    const { checkPinned } = await import('../inputs/release-check.ts');
    const { pinRelease } = await import('../../operations/resolve/pin-release.ts');
    const { ImageSources } = await import('../../operations/resolve/image-sources.ts');
    const { output, signal } = context;
    const input = chooseInput(release);
    if (input.kind !== 'spec') {
      throw new UsageError('USAGE', `${input.path} is not a release.yaml`, {
        hint:
          input.kind === 'lock'
            ? 'a lock is built as it is: airgap build release.lock.json'
            : `airgap import ${input.path} writes one from it`,
      });
    }
    await using sources = new ImageSources({
      ...options,
      listener: listenTo(context.output),
      env: context.env,
      signal,
    });
    const discovery = readDiscovery(context, options);
    const pinned = await (async () => {
      using progress = await openProgress(context);
      return await pinRelease(input, sources, {
        ...options,
        ...discovery,
        now: context.now(),
        signal,
        onImage: progress.onImage,
      });
    })();
    const { lock, lockPath, isWritten, moved, warnings, unusedRules } = pinned;
    notePins(output, { moved, warnings });
    await checkPinned(context, pinned, { openRenderer: discovery.openRenderer, mode: options.check });
    const signed = new Map(lock.signedImages?.map(({ reference, signatures }) => [reference, signatures]));
    const named = lock.components.flatMap((component) => component.images);
    for (const { reference, foundIn } of named) output.detail(`${reference} is named in ${foundIn.join(', ')}`);
    const size = [...lock.manifests, ...lock.blobs].reduce((sum, entry) => sum + entry.size, 0);
    const rows = lock.images.map((image) => [
      image.reference,
      shortDigest(image.digest),
      image.indexMode ?? 'single',
      moved.some(({ reference }) => reference === image.reference) ? 'moved' : '',
      formatEvidence(image.evidence),
      ...(lock.imagePolicy === undefined ? [] : [formatSigners(signed.get(image.reference))]),
    ]);
    output.result(
      {
        lock: lockPath,
        written: isWritten,
        name: lock.name,
        version: lock.version,
        created: lock.created,
        images: lock.images.map((image) => ({
          ...image,
          ...(lock.imagePolicy === undefined ? {} : { signatures: signed.get(image.reference) ?? [] }),
          foundIn: named.filter(({ reference }) => reference === image.reference).flatMap(({ foundIn }) => foundIn),
        })),
        ...(lock.notEstablished === undefined ? {} : { notEstablished: lock.notEstablished }),
        moved,
        warnings,
        ...(lock.imagePolicy === undefined ? {} : { imagePolicy: lock.imagePolicy, unusedRules }),
        files: lock.files.length,
        bytes: size,
      },
      [
        ...formatTable(rows),
        `${lock.name} ${lock.version}: ${formatCount(lock.images.length, 'image')}, ` +
          `${formatCount(lock.files.length, 'file')}, ${formatBytes(size)} of images`,
        `${isWritten ? 'wrote' : 'agrees with'} ${lockPath ?? ''}`,
      ],
    );
    const chosen = options.lock === undefined ? '' : ` --lock ${options.lock}`;
    if (isWritten) output.note(`next: airgap build ${input.path}${chosen} --key release.key`);
  },
});
