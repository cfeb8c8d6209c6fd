/** The report that a check is compared with: a file, or what an archive carries. */
import { readBounded } from '../../base/files/read-file.ts';
import { inContext, UsageError } from '../../errors.ts';
import { sha256 } from '../../oci/digest.ts';
import type { CheckReport } from '../../report/checks/check-report.ts';
import type { EarlierReport } from '../../report/checks/comparison-report.ts';
import type { ValuesOf } from '../command.ts';
import type { Context } from '../context.ts';
import type { trustOptions } from '../options/trust-options.ts';
import { isArchiveName, toReportRelease, withCheckedArchive } from './checked-archive.ts';

/** An earlier report. */
export interface ReadEarlierReport extends EarlierReport {
  readonly report: CheckReport;
  /** The images of the archive that carries it. */
  readonly carried: readonly string[];
}

/**
 * Reads an earlier report.
 * @throws UsageError `INVALID_SPEC` for what is none, `USAGE` for an archive that carries none.
 * @throws NotFoundError `NOT_FOUND`. @throws TrustError, IntegrityError when the archive is refused.
 */
export async function readEarlierReport(
  context: Context,
  path: string,
  options: ValuesOf<typeof trustOptions>,
): Promise<ReadEarlierReport> {
  const { MAX_REPORT_BYTES, parseCheckReport } = await import('../../report/checks/read-report.ts');
  if (!isArchiveName(path)) {
    const bytes = await readBounded(path, {
      what: 'a report of a check',
      limit: MAX_REPORT_BYTES,
      signal: context.signal,
    });
    const report = parseCheckReport(bytes, path);
    return { source: sourceOf(path, bytes, report, report.release), report, carried: [] };
  }
  return await readCarried(context, path, options, parseCheckReport).catch((error: unknown) => {
    // There may be another archive, which is checked.
    throw inContext(error, `--compare ${path}`);
  });
}

async function readCarried(
  context: Context,
  path: string,
  options: ValuesOf<typeof trustOptions>,
  parse: (bytes: Uint8Array, name: string) => CheckReport,
): Promise<ReadEarlierReport> {
  return await withCheckedArchive(context, path, options, async (archive) => {
    const { readArchiveFile } = await import('../../archive/verification/archive-file.ts');
    const { checkReportPath } = await import('../../trust/provenance/check-statement.ts');
    const { inventory } = archive.release;
    const place = checkReportPath(inventory);
    const file = inventory.files.find((each) => each.path === place);
    if (file === undefined) {
      throw new UsageError('USAGE', 'the archive carries no report of a check', {
        hint: 'build the release with `check` in its release.yaml; or check the archive, and compare with that: airgap check ARCHIVE --report build.json',
      });
    }
    const bytes = await readArchiveFile(archive, file, { signal: context.signal });
    const report = parse(bytes, place);
    const carried = inventory.images.map(({ reference }) => reference);
    return { source: sourceOf(path, bytes, report, toReportRelease(archive)), report, carried };
  });
}

function sourceOf(
  name: string,
  bytes: Uint8Array,
  { checkedAt, tool }: CheckReport,
  release: CheckReport['release'],
): EarlierReport['source'] {
  return { name, digest: sha256(bytes), checkedAt, tool, ...(release === undefined ? {} : { release }) };
}
