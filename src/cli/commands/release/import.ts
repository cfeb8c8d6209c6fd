/** `airgap import`: a release.yaml from what another tool has. */
import { dirname } from 'node:path';
import { placeFile } from '../../../base/files/place-file.ts';
import { IncompleteError } from '../../../errors.ts';
import { IMPORT_FORMATS } from '../../../release/import/format-names.ts';
import { formatCount } from '../../../report/format.ts';
import { readStandardInput } from '../../inputs/standard-input.ts';
import { argument, choice, defineCommand, platforms, text, writtenFile } from '../../command.ts';

/** Lines of what was left out that an error repeats. */
const MAX_SHOWN = 20;

export const importFile = defineCommand({
  name: 'import',
  summary: 'write a release.yaml from a list of images or from what another tool has',
  examples: [
    'import images.txt --name app --version 1.5.0',
    'import zarf.yaml',
    'import hauler-manifest.yaml --platform linux/amd64',
    'import deploy/docker-compose.yaml --output deploy/release.yaml',
    'import helmfile.yaml --output -',
  ],
  arguments: { file: argument('file', "the other tool's file; - reads standard input") },
  options: {
    from: choice('--from <format>', 'what the file is; told by its content otherwise', IMPORT_FORMATS),
    output: writtenFile('--output <file>', 'where to write it; - prints it (default: release.yaml)'),
    name: text('--name <name>', 'the name of the release (default: what the file says, or its own name)'),
    version: text('--release-version <version>', 'the version of the release (default: what the file says, or 0.1.0)'),
    platforms: platforms('a platform to carry (default: what the file says, or all)'),
  },
  async run({ output, signal, stdin }, { file }, { output: target = 'release.yaml', ...options }) {
    const { importRelease, MAX_IMPORT_BYTES } = await import('../../../operations/import-release.ts');
    const isPrinted = target === '-';
    const isStream = file === '-';
    const path = isStream ? 'standard input' : file;
    const {
      format,
      release,
      text: written,
    } = await importRelease({
      ...options,
      path,
      ...(isStream ? { text: await readStandardInput(stdin, { limit: MAX_IMPORT_BYTES, signal }) } : {}),
      directory: isPrinted ? '.' : dirname(target),
      signal,
    });
    if (!isPrinted) await placeFile(target, written, { exclusive: true });
    const { name, version, components, unexpressed } = release;
    const count = (field: 'images' | 'charts'): number => components.reduce((sum, each) => sum + each[field].length, 0);
    output.result(
      {
        path: isPrinted ? null : target,
        ...(isPrinted ? { text: written } : {}),
        format,
        name,
        version,
        images: count('images'),
        charts: count('charts'),
        unexpressed: unexpressed.map(({ at, ...rest }) => ({ line: at, ...rest })),
      },
      isPrinted
        ? written.trimEnd().split('\n')
        : [
            `${name} ${version}: ${formatCount(count('images'), 'image')}, ${formatCount(count('charts'), 'chart')}`,
            `wrote ${target}`,
          ],
    );
    for (const { at, message } of unexpressed.filter(({ isContent }) => !isContent))
      output.note(`note: ${path}:${at}: ${message}`);
    const left = unexpressed.filter(({ isContent }) => isContent);
    if (left.length > 0) {
      throw new IncompleteError(
        'INCOMPLETE',
        `${formatCount(left.length, 'thing')} that ${path} names could not be said in a release.yaml:`,
        {
          items: [
            ...left.slice(0, MAX_SHOWN).map(({ at, message }) => `${path}:${at}: ${message}`),
            ...(left.length > MAX_SHOWN
              ? [`and ${left.length - MAX_SHOWN} more, all in the comments on top of it`]
              : []),
          ],
          hint: 'the rest was written; add what the release needs, then: airgap resolve',
        },
      );
    }
    if (!isPrinted) output.note(`next: look through it, then: airgap resolve ${target}`);
  },
});
