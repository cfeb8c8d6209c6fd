/** The provenance file beside a chart: always carried. */
import { UsageError } from '../../../errors.ts';
import { PROVENANCE_EXTENSION } from '../../../kubernetes/charts/provenance-file.ts';
import type { ChartSpec } from '../../../release/spec/chart-spec.ts';
import { pinBytes, type CollectedFile } from '../collected-file.ts';

/** A provenance file that was found. */
export interface FoundProvenance {
  readonly from: string;
  readonly bytes: Buffer;
  /** On this machine. */
  readonly place?: string | undefined;
}

/** Pins the provenance file of a chart. @throws UsageError `INVALID_SPEC` where the release wants it verified. */
export function collectProvenance(
  { keyring, at }: Pick<ChartSpec, 'keyring' | 'at'>,
  chart: CollectedFile,
  provenance: FoundProvenance | undefined,
): { readonly files: readonly CollectedFile[]; readonly warnings: readonly string[] } {
  if (keyring !== undefined) {
    throw new UsageError('INVALID_SPEC', `${at}: provenance files of charts are not verified: ${keyring}`, {
      hint: 'verify it with `helm verify`, and leave out `keyring`',
    });
  }
  if (provenance === undefined) return { files: [], warnings: [] };
  const { from, bytes, place } = provenance;
  const file = pinBytes('provenance', `${chart.path}${PROVENANCE_EXTENSION}`, from, bytes, place);
  if (bytes.includes(chart.digest.slice('sha256:'.length))) return { files: [file], warnings: [] };
  return { files: [file], warnings: [`${from}: the provenance file is that of another package than ${chart.from}`] };
}
