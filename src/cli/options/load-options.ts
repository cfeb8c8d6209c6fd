/** What `airgap load` and `verify-and-load --to` are told. */
import type { ReceiptOptions, RecordOptions } from './audit-options.ts';
import type { TargetOptions } from './target-options.ts';

/** Options of a load. */
export interface LoadArchiveOptions extends TargetOptions, RecordOptions, ReceiptOptions {
  readonly to: string;
  readonly concurrency: number | undefined;
  readonly retries: number | undefined;
  readonly dockerHost: string | undefined;
}
