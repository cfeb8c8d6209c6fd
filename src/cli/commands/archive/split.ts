/** `airgap split`: an archive in parts that fit a medium. */
import { formatBytes, formatCount } from '../../../report/format.ts';
import { argument, defineCommand, flag, requiredText, text } from '../../command.ts';
import { partsOption } from '../../options/load-options.ts';
import { openProgress } from '../../output/open-progress.ts';

export const split = defineCommand({
  name: 'split',
  summary: 'cut an archive or a delta into parts that fit a medium; every command reads them where they lie',
  examples: [
    'split my-release-offline-1.0.0.tar --size 4GiB',
    'split release.tar --size dvd --output /srv/discs',
    'split release.delta.tar --size fat32 --output /media/usb',
  ],
  arguments: { archive: argument('archive', 'the file') },
  options: {
    size: requiredText('--size <size>', 'of each part: 4GiB, 700MB, a number of bytes, or dvd, bd, fat32'),
    output: text('--output <directory>', 'where the parts go (default: beside the archive)'),
    parts: partsOption,
    overwrite: flag('--overwrite', 'replace parts that are there and hold something else'),
  },
  async run({ output, signal, ...context }, { archive }, options) {
    const { parsePartSize } = await import('../../../archive/parts/part-size.ts');
    const { splitArchive } = await import('../../../operations/split.ts');
    const request = { archive, partSize: parsePartSize(options.size, '--size'), directory: options.output };
    const { parts, list, size, digest, detached } = await (async () => {
      using progress = await openProgress({ output, signal, ...context });
      return await splitArchive(request, {
        overwrite: options.overwrite,
        parts: options.parts,
        signal,
        onStart: (file, total) => progress.begin('verification', file, total),
        onProgress: progress.onVerified,
      });
    })();
    output.result({ kind: 'split', list, size, digest, parts, detachedSignatures: detached }, [
      ...parts.map((part) => `${part.path}  ${formatBytes(part.size)}${part.isKept ? ', kept' : ''}`),
      list,
      `  archive  ${formatBytes(size)} (${size} bytes) in ${formatCount(parts.length, 'part')}`,
      `  digest   ${digest} (of checksums.txt)`,
    ]);
    output.note(`next: airgap verify ${parts[0]?.path ?? ''} --key release.pub`);
  },
});
