/** `airgap extract`: charts, manifests and documents of a verified archive, into a fresh directory. */
import { join } from 'node:path';
import type { TrustedRelease } from '../../archive/verification/acceptance.ts';
import type { AuditFile } from '../../site/audit/entry-schema.ts';
import { recordOptions, type RecordOptions } from '../options/audit-options.ts';
import { recordDocument, recordLines } from '../../report/audit-lines.ts';
import type { SiteTerms } from '../../site/admission.ts';
import { argument, defineCommand, restArguments } from '../command.ts';
import type { Context } from '../context.ts';
import { formatCount } from '../../report/format.ts';
import { openProgress } from '../output/open-progress.ts';
import { trustLines } from '../../report/trust-lines.ts';
import { partsOption } from '../options/load-options.ts';
import { readTerms, trustOptions } from '../options/trust-options.ts';

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
  options: { ...trustOptions, parts: partsOption, ...recordOptions },
  async run(context, { archive, directory, paths }, options) {
    const terms = await readTerms(options, context);
    await extractAndReport(context, archive, terms, { ...options, directory, paths });
  },
});

/** What is extracted, and where to. */
export interface ExtractionOptions extends RecordOptions {
  readonly directory: string;
  readonly paths: readonly string[];
  readonly parts: readonly string[];
}

/** Verifies the whole archive, then writes files of it. */
export async function extractAndReport(
  context: Context,
  path: string,
  terms: SiteTerms,
  { directory, paths, ...options }: ExtractionOptions,
): Promise<void> {
  const { output, signal } = context;
  const { withAdmittedRelease } = await import('../../site/admitted-release.ts');
  const { siteEnvironment } = await import('../inputs/site-request.ts');
  const { verifyPayload } = await import('../../archive/verification/verified-archive.ts');
  const { assertExtractable, extractFiles } = await import('../../operations/extract.ts');
  const { auditLog, parts } = options;
  const request = { action: 'extract', archive: path, target: directory, parts, terms, auditLog } as const;
  await withAdmittedRelease(request, await siteEnvironment(context, options), async (admitted) => {
    const { archive } = admitted;
    await assertExtractable(archive, directory, { paths });
    const verified = await (async () => {
      using progress = await openProgress(context);
      return await verifyPayload(archive, { signal, onProgress: progress.onVerified });
    })();
    const { outcome: files, record } = await admitted.perform({
      planned: () => ({}),
      act: () => extractFiles(verified, directory, { paths, signal }),
      done: (written) => ({ files: toAuditFiles(verified.release, directory, written) }),
    });
    output.result({ kind: 'extraction', archive: path, directory, files, ...recordDocument(record) }, files);
    for (const line of trustLines(archive.release)) output.note(line.trim());
    for (const line of recordLines(record)) output.note(line);
    output.note(`wrote ${formatCount(files.length, 'file')} to ${directory}`);
  });
}

function toAuditFiles({ inventory }: TrustedRelease, directory: string, written: readonly string[]): AuditFile[] {
  const isWritten = new Set(written);
  return inventory.files
    .filter(({ path }) => isWritten.has(path))
    .map(({ path, digest }) => ({ path, place: join(directory, path), digest }));
}
