/** What `airgap load` and `verify-and-load --to` are told. */
import { flag, list, type Option } from '../command.ts';
import type { ReceiptOptions, RecordOptions } from './audit-options.ts';
import type { TargetOptions } from './target-options.ts';

export const baseOption: Option<readonly string[]> = list(
  '--base <file>',
  'archive that has layers which this delta leaves out; they are verified and taken from it',
);

export const partsOption: Option<readonly string[]> = list(
  '--parts <directory>',
  'where more parts of an archive lie; a part there is used before one of the same name beside the archive',
);

export const verifyBaseOption: Option<boolean> = flag(
  '--verify-base',
  'of a delta: read again and hash the layers that the target holds already',
);

/** Options of a load. */
export interface LoadArchiveOptions extends TargetOptions, RecordOptions, ReceiptOptions {
  readonly to: string;
  readonly base: readonly string[];
  readonly parts: readonly string[];
  readonly verifyBase: boolean;
  readonly concurrency: number | undefined;
  readonly retries: number | undefined;
  readonly dockerHost: string | undefined;
}
