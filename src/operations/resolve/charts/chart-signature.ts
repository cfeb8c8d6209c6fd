/** The provenance file beside a chart: always carried, and verified where the release says whose signature it wants. */
import { readBounded } from '../../../base/files/read-file.ts';
import { TrustError, UsageError } from '../../../errors.ts';
import { PROVENANCE_EXTENSION } from '../../../kubernetes/charts/provenance-file.ts';
import type { ChartSpec } from '../../../release/spec/chart-spec.ts';
import { resolveSpecPath } from '../../../release/spec/spec-paths.ts';
import { MAX_KEYRING_BYTES, verifyChartProvenance } from '../../../trust/evidence/chart-provenance.ts';
import { pinBytes, type CollectedFile } from '../collected-file.ts';

/** A provenance file that was found. */
export interface FoundProvenance {
  readonly from: string;
  readonly bytes: Buffer;
  /** On this machine. */
  readonly place?: string | undefined;
}

/**
 * Pins the provenance file of a chart.
 * @throws TrustError `UNSIGNED` where the release names a keyring and there is no provenance file; others as
 *   {@link verifyChartProvenance}.
 */
export async function collectProvenance(
  spec: Pick<ChartSpec, 'keyring' | 'at'>,
  chart: CollectedFile,
  provenance: FoundProvenance | undefined,
  context: { readonly directory: string; readonly now?: Date | undefined },
): Promise<{ readonly files: readonly CollectedFile[]; readonly warnings: readonly string[] }> {
  const { at } = spec;
  const { directory, now } = context;
  const keyring = now === undefined ? undefined : spec.keyring;
  if (provenance === undefined) {
    if (keyring === undefined) return { files: [], warnings: [] };
    throw unsigned(chart, at, keyring);
  }
  const { from, bytes, place } = provenance;
  const file = pinBytes('provenance', `${chart.path}${PROVENANCE_EXTENSION}`, from, bytes, place);
  const sha256 = chart.digest.slice('sha256:'.length);
  if (keyring === undefined || now === undefined) {
    if (bytes.includes(sha256)) return { files: [file], warnings: [] };
    return { files: [file], warnings: [`${from}: the provenance file is that of another package than ${chart.from}`] };
  }
  await verifyChartProvenance({
    provenance: bytes,
    shownAs: from,
    keyring: await readBounded(await resolveSpecPath(directory, keyring), {
      what: 'a keyring',
      limit: MAX_KEYRING_BYTES,
    }),
    keyringName: keyring,
    fileName: chart.path.replace(/^charts\//, ''),
    sha256,
    now,
  });
  return { files: [file], warnings: [] };
}

function unsigned(chart: CollectedFile, at: string, keyring: string): Error {
  if ('bytes' in chart.content && !/^(?:oci|https?):\/\//.test(chart.from)) {
    return new UsageError('INVALID_SPEC', `${at}: ${chart.from} is a directory, which has no provenance file`, {
      hint: 'name a package made by `helm package --sign`, or leave out `keyring`',
    });
  }
  return new TrustError(
    'UNSIGNED',
    `${chart.from} has no provenance file (${chart.from}${PROVENANCE_EXTENSION}), and ${at} names the keyring ${keyring}`,
    {
      hint: 'have the chart published with `helm package --sign`, or leave out `keyring` if it is to be carried unsigned',
      details: { file: chart.from },
    },
  );
}
