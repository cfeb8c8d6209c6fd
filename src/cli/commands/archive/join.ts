/** `airgap join`: the full archive out of a delta and the releases it is based on. */
import { argument, defineCommand, flag, list, writtenFile } from '../../command.ts';
import { formatBytes } from '../../../report/format.ts';
import { partsOption } from '../../options/load-options.ts';
import { openProgress } from '../../output/open-progress.ts';

export const join = defineCommand({
  name: 'join',
  summary: 'write the full archive of a delta and its bases, byte for byte that of a full build; signatures come along',
  examples: [
    'join my-release-offline-1.1.0.delta.tar --base my-release-offline-1.0.0.tar',
    'join release.delta.tar --base 1.0.0.tar --base 1.1.0.delta.tar --output /media/usb/full.tar',
  ],
  arguments: { delta: argument('delta', 'the file') },
  options: {
    base: list('--base <file>', 'archive or delta that has layers which this one leaves out'),
    parts: partsOption,
    output: writtenFile('--output <path>', 'file or directory (default: <name>-offline-<version>.tar here)'),
    overwrite: flag('--overwrite', 'replace an archive of that name when the new one is complete'),
  },
  async run(context, { delta }, { base: bases, parts, output: place, overwrite }) {
    const { joinArchive } = await import('../../../operations/join.ts');
    const { isDirectory, placeOutput } = await import('../../inputs/release-input.ts');
    const { output, signal } = context;
    const toDirectory = await isDirectory(place);
    const { path, size, digest, detached } = await (async () => {
      using progress = await openProgress(context);
      return await joinArchive(
        { delta, bases, output: (fileName) => placeOutput(place, fileName, toDirectory) },
        {
          overwrite,
          parts,
          signal,
          onStart: (file, total) => progress.begin('verification', file, total),
          onProgress: progress.onVerified,
        },
      );
    })();
    output.result({ path, size, digest, detachedSignatures: detached }, [
      path,
      `  size     ${formatBytes(size)} (${size} bytes)`,
      `  digest   ${digest} (of checksums.txt)`,
    ]);
    output.note(`next: airgap verify ${path} --key release.pub`);
  },
});
