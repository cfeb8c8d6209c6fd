/** `airgap extract`: charts, manifests and documents of a proved archive, into a fresh directory. */
import { join } from 'node:path';
import type { TrustedRelease } from '../../archive/verification/trusted-archive.ts';
import type { AuditFile } from '../../site/audit/entry-schema.ts';
import { recordOptions, type RecordOptions } from '../options/audit-options.ts';
import { recordDocument, recordLine } from '../../report/audit-lines.ts';
import type { AuditTrail } from '../site/trail.ts';
import { argument, defineCommand, restArguments } from '../command.ts';
import type { Context } from '../context.ts';
import { formatCount } from '../../report/format.ts';
import { openProgress } from '../output/progress.ts';
import { standingLines } from '../../report/trust-lines.ts';
import { readTerms, trustOptions, type Terms } from '../options/trust-options.ts';

export const extract = defineCommand({
  name: 'extract',
  summary: 'verify an archive and write its charts, manifests and documents to a new directory',
  examples: [
    'extract release.tar files --key release.pub',
    'extract release.tar files manifests docs/install.md --key release.pub',
  ],
  arguments: {
    archive: argument('archive', 'the file'),
    directory: argument('directory', 'must not exist yet'),
    paths: restArguments('paths', 'only these files and directories of the archive'),
  },
  options: { ...trustOptions, ...recordOptions },
  async run(context, { archive, directory, paths }, options) {
    const terms = await readTerms(options, context.now());
    await extractAndReport(context, archive, terms, { ...options, directory, paths });
  },
});

/** What is extracted, and where to. */
export interface ExtractionOptions extends RecordOptions {
  readonly directory: string;
  readonly paths: readonly string[];
}

/** Proves the whole archive, then writes files of it. */
export async function extractAndReport(
  context: Context,
  path: string,
  terms: Terms,
  options: ExtractionOptions,
): Promise<void> {
  const { openTrail } = await import('../site/trail.ts');
  const trail = openTrail(context, options, terms, { action: 'extract', archive: path, target: options.directory });
  await trail.cover(() => extractOnRecord(context, path, terms, options, trail));
}

async function extractOnRecord(
  context: Context,
  path: string,
  terms: Terms,
  { directory, paths }: ExtractionOptions,
  trail: AuditTrail,
): Promise<void> {
  const { output, signal } = context;
  const { openArchive } = await import('../../archive/reader/reader.ts');
  const { proveRelease } = await import('../../archive/verification/verified-archive.ts');
  const { Admission } = await import('../site/admission.ts');
  const { extractFiles } = await import('../../operations/extract.ts');
  using archive = await openArchive(path);
  trail.saw(archive);
  await using admission = await Admission.open(terms, 'extract');
  const trusted = await admission.admit(archive);
  trail.trusts(trusted);
  const release = await (async () => {
    using progress = await openProgress(context);
    return await proveRelease(archive, trusted, { signal, onProgress: progress.onProof });
  })();
  await trail.begin();
  const files = await extractFiles(archive, release, directory, { paths, signal });
  await admission.complete(trusted);
  const record = await trail.complete(() => ({ files: toAuditFiles(trusted, directory, files) }));
  const audit = record && { audit: recordDocument(record) };
  output.result({ kind: 'extraction', archive: path, directory, files, ...audit }, files);
  for (const line of standingLines(trusted)) output.note(line.trim());
  if (record !== undefined) output.note(recordLine(record));
  output.note(`wrote ${formatCount(files.length, 'file')} to ${directory}`);
}

function toAuditFiles({ inventory }: TrustedRelease, directory: string, written: readonly string[]): AuditFile[] {
  const isWritten = new Set(written);
  return inventory.files
    .filter(({ path }) => isWritten.has(path))
    .map(({ path, digest }) => ({ path, place: join(directory, path), digest }));
}
