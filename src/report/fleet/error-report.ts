/** An error in a report: why something is not as it should be on one cluster among others. */
import * as z from 'zod';
import { hideAccounts } from '../../base/http/redact.ts';
import { AirgapError, codeOf } from '../../errors.ts';

/** As documents have it. */
export const ErrorReport = z.strictObject({ code: z.string(), message: z.string(), hint: z.string().optional() });
export type ErrorReport = z.infer<typeof ErrorReport>;

/** The code, the message and the next step of an error, without accounts. */
export function toErrorReport(error: unknown): ErrorReport {
  const message = hideAccounts(error instanceof Error ? error.message : String(error));
  const hint = error instanceof AirgapError ? error.hint : undefined;
  return { code: codeOf(error), message, ...(hint === undefined ? {} : { hint: hideAccounts(hint) }) };
}
