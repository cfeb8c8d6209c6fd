/** `airgap extract`: charts, manifests and documents of a proved archive, into a fresh directory. */
import { argument, defineCommand, restArguments } from '../command.ts';
import type { Context } from '../context.ts';
import { formatCount } from '../format.ts';
import { openProgress } from '../progress.ts';
import { standingLines } from '../standing.ts';
import { readTerms, trustOptions, type Terms } from '../trust-options.ts';

export const extract = defineCommand({
  name: 'extract',
  summary: 'prove an archive and write its charts, manifests and documents to a new directory',
  examples: [
    'extract release.tar files --key release.pub',
    'extract release.tar files manifests docs/install.md --key release.pub',
  ],
  arguments: {
    archive: argument('archive', 'the file'),
    directory: argument('directory', 'must not exist yet'),
    paths: restArguments('paths', 'only these files and directories of the archive'),
  },
  options: trustOptions,
  async run(context, { archive, directory, paths }, options) {
    await extractAndReport(context, archive, await readTerms(options, context.now()), directory, paths);
  },
});

/** Proves the whole archive, then writes files of it. */
export async function extractAndReport(
  context: Context,
  path: string,
  terms: Terms,
  directory: string,
  paths: readonly string[],
): Promise<void> {
  const { output, signal } = context;
  const { openArchive } = await import('../../archive/reader.ts');
  const { proveRelease } = await import('../../operations/verify.ts');
  const { Admission } = await import('../admission.ts');
  const { extractFiles } = await import('../../operations/extract.ts');
  using archive = await openArchive(path);
  await using admission = await Admission.open(terms, 'extract');
  const trusted = await admission.admit(archive);
  const release = await (async () => {
    using progress = await openProgress(context);
    return await proveRelease(archive, trusted, { signal, onProgress: progress.onProof });
  })();
  const files = await extractFiles(archive, release, directory, { paths, signal });
  await admission.complete(trusted);
  output.result({ kind: 'extraction', archive: path, directory, files }, files);
  for (const line of standingLines(trusted)) output.note(line.trim());
  output.note(`wrote ${formatCount(files.length, 'file')} to ${directory}`);
}
