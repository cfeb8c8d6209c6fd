/** A load from the opened archive to the record of it: admitted, put on record, done, remembered, put on record again. */
import { openArchive, type ArchiveReader } from '../../archive/reader/reader.ts';
import type { TrustedRelease } from '../../archive/verification/trusted-archive.ts';
import { Admission } from './admission.ts';
import type { ReceiptOptions, RecordOptions } from '../options/audit-options.ts';
import { recordDocument, recordLine } from '../../report/audit-lines.ts';
import { openTrail, type AuditTrail, type Goods } from './trail.ts';
import type { Context } from '../context.ts';
import { openReceipt, type ReceiptWriter } from './load-receipt.ts';
import { refuseLink } from '../../base/files/result-file.ts';
import type { TargetOptions } from '../options/target-options.ts';
import type { Terms } from '../options/trust-options.ts';

/** What `airgap load` and `verify-and-load --to` are told. */
export interface LoadArchiveOptions extends TargetOptions, RecordOptions, ReceiptOptions {
  readonly to: string;
  readonly concurrency: number | undefined;
  readonly dockerHost: string | undefined;
}

/** What reports say of the record. */
export interface RecordReport {
  readonly document: object;
  readonly lines: readonly string[];
}

/** A load that may begin. */
export interface RecordedLoad {
  readonly archive: ArchiveReader;
  readonly release: TrustedRelease;
  /** Directory of the reports. */
  readonly report: string;
  /** To be called before anything can be seen at the target. */
  readonly begin: (goods: () => Goods) => Promise<void>;
  /** To be called when everything is in its place. */
  readonly complete: (goods: () => Goods) => Promise<RecordReport>;
}

/** Opens an archive, decides whether to believe it, and hands it to `work`. How that ends goes on record. */
export async function onRecord(
  context: Context,
  path: string,
  terms: Terms,
  options: LoadArchiveOptions,
  work: (load: RecordedLoad) => Promise<void>,
): Promise<void> {
  const trail = openTrail(context, options, terms, { action: 'load', archive: path, target: options.to });
  const receipt = await openReceipt(context, options, trail);
  const load = (): Promise<void> => admitAndWork(path, terms, options, { trail, receipt, work });
  await (options.plan ? load() : trail.cover(load));
}

async function admitAndWork(
  path: string,
  terms: Terms,
  options: LoadArchiveOptions,
  {
    trail,
    receipt,
    work,
  }: {
    readonly trail: AuditTrail;
    readonly receipt: ReceiptWriter;
    readonly work: (load: RecordedLoad) => Promise<void>;
  },
): Promise<void> {
  using archive = await openArchive(path);
  trail.saw(archive);
  await using admission = await Admission.open(terms, options.plan ? 'plan' : 'load');
  const release = await admission.admit(archive);
  trail.trusts(release);
  const { name, version } = release.inventory;
  const report = options.report ?? `./${name}-${version}-load`;
  if (options.report === undefined) await refuseLink(report, '--report');
  await work({
    archive,
    release,
    report,
    begin: (goods) => trail.begin(goods),
    complete: async (goods) => {
      // What protects the site comes first; the record that a load is complete is the last word.
      await admission.complete(release);
      const record = await trail.complete(goods);
      if (record === undefined) return { document: {}, lines: [] };
      const written = await receipt.write(record);
      return {
        document: { audit: { ...recordDocument(record), ...written.document } },
        lines: [recordLine(record), ...written.lines],
      };
    },
  });
}
