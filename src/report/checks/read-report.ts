/** Reads the report of an earlier check, as strictly as it was written. */
import { jsonFaultOf, parseJson } from '../../base/json/parse-json.ts';
import { UsageError } from '../../errors.ts';
import { CheckReport } from './check-report.ts';

/** Bytes of a report. */
export const MAX_REPORT_BYTES = 32 * 1024 * 1024;
/** Values in it: about a thousand deployments of a hundred objects. */
const MAX_VALUES = 2_000_000;

const NEXT =
  'name a check-report.json, as `airgap check --output DIRECTORY` writes it, or an archive that carries its report';

/**
 * Parses a report of `airgap check`.
 * @param name of the file, for messages
 * @throws UsageError `INVALID_SPEC` for what is no such report, or one of another version.
 */
export function parseCheckReport(bytes: Uint8Array, name: string): CheckReport {
  let value: unknown;
  try {
    value = parseJson(bytes, { maxBytes: MAX_REPORT_BYTES, maxValues: MAX_VALUES });
  } catch (error) {
    throw new UsageError('INVALID_SPEC', `${name}: ${jsonFaultOf(error)}, and no report of a check`, {
      hint: NEXT,
      cause: error,
    });
  }
  const { kind, schemaVersion } = (value ?? {}) as { readonly kind?: unknown; readonly schemaVersion?: unknown };
  if (kind !== 'check') throw new UsageError('INVALID_SPEC', `${name}: is no report of a check`, { hint: NEXT });
  if (schemaVersion !== 1) {
    throw new UsageError('INVALID_SPEC', `${name}: is a report of another version, and this program reads version 1`, {
      hint: 'make the report again with this program, or compare with the program that wrote it',
    });
  }
  const read = CheckReport.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const place = (issue?.path ?? []).map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  throw new UsageError(
    'INVALID_SPEC',
    `${name}: ${place.replace(/^\./, '')}: ${issue?.message ?? 'is not as it is written'}`,
    {
      hint: `it was changed or cut short since it was written; ${NEXT}`,
    },
  );
}
