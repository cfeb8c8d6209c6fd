/** `airgap init`: a commented release.yaml to start from. */
import { join } from 'node:path';
import { makeDirectory } from '../../../base/files/make-directory.ts';
import { placeFile } from '../../../base/files/place-file.ts';
import { onDisk } from '../../../base/files/system-errors.ts';
import { defineCommand, optionalArgument } from '../../command.ts';

export const init = defineCommand({
  name: 'init',
  summary: 'write a commented release.yaml to start from',
  examples: ['init', 'init my-release'],
  arguments: { directory: optionalArgument('directory', 'where to write it (default: the current directory)') },
  options: {},
  async run({ output }, { directory = '.' }) {
    const { formatStarter } = await import('../../../release/spec/starter.ts');
    const path = join(directory, 'release.yaml');
    await onDisk(`cannot make ${directory}`, () => makeDirectory(directory));
    await placeFile(path, formatStarter(), { exclusive: true });
    output.result({ path }, [path]);
    output.note(`next: edit it, then: airgap resolve ${path}`);
    output.note('from a list of images, zarf.yaml, a helmfile and others: airgap import FILE writes one');
  },
});
