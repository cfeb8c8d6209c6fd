/** `airgap init`: a commented release.yaml to start from. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../errors.ts';
import { defineCommand, optionalArgument } from '../command.ts';

export const init = defineCommand({
  name: 'init',
  summary: 'write a commented release.yaml to start from',
  examples: ['init', 'init my-release'],
  arguments: { directory: optionalArgument('directory', 'where to write it (default: the current directory)') },
  options: {},
  async run({ output }, { directory = '.' }) {
    const { formatStarter } = await import('../../release/spec/starter.ts');
    const path = join(directory, 'release.yaml');
    await mkdir(directory, { recursive: true });
    try {
      await writeFile(path, formatStarter(), { flag: 'wx' });
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
      throw new UsageError('USAGE', `${path} exists already and is not overwritten`, { cause });
    }
    output.result({ path }, [path]);
    output.note(`next: edit it, then: airgap resolve ${path}`);
  },
});
