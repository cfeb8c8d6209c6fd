/** How a failure ends a command: what went wrong, which thing, what to do next, and the exit code. */
import { styleText } from 'node:util';
import { AirgapError, ChangesError, codeOf, exitCodeOf, HttpError, isAbort, isSystemError } from '../../errors.ts';
import { hideAccounts } from '../../base/http/redact.ts';
import { toPrintable, toPrintableJson } from '../../report/printable.ts';

/** Causes that are shown of one error. */
const MAX_CAUSES = 8;
const REPORT_BUG = 'this is a bug in hexabase-airgap; please report it with the lines above';

/** How a failure is shown. */
export interface FailureOptions {
  readonly json?: boolean | undefined;
  readonly verbose?: boolean | undefined;
  readonly color?: boolean | undefined;
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  readonly stack?: string | undefined;
}

/** Prints a failure to standard error and returns the exit code. */
export function printFailure(error: unknown, stderr: NodeJS.WritableStream, options: FailureOptions = {}): number {
  const failure = describe(error);
  if (options.json === true) {
    const { code, message, hint, details } = failure;
    const addition = additionOf(error);
    stderr.write(
      `${toPrintableJson({ error: { code, message, hint, details, ...(addition.length > 0 && { addition }) } })}\n`,
    );
  } else {
    stderr.write(formatFailure(failure, error, options));
  }
  return exitCodeOf(error);
}

function describe(error: unknown): Failure {
  const code = codeOf(error);
  if (error instanceof AirgapError) {
    const { details } = error;
    const hint = error.hint === undefined ? undefined : hideAccounts(error.hint);
    const message = hideAccounts(error.message);
    return {
      code,
      message,
      hint,
      details: error instanceof HttpError ? { ...error.failure, ...details } : details,
    };
  }
  if (isAbort(error)) {
    const hint = 'run the same command again to go on where it stopped';
    return { code, message: 'interrupted', hint, details: {} };
  }
  if (isSystemError(error)) {
    return { code, message: error.message, details: { systemCode: error.code } };
  }
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  return { code, message, hint: REPORT_BUG, details: {}, stack: stack ?? message };
}

function formatFailure(failure: Failure, error: unknown, { color, verbose }: FailureOptions): string {
  const paint = (format: 'red' | 'cyan', text: string): string =>
    color === true ? styleText(format, text, { validateStream: false }) : text;
  const [first = '', ...rest] = messageLines(failure, error);
  // What a plan finds to do is no fault of anything, though its exit code is not 0.
  const label = error instanceof ChangesError ? paint('cyan', 'plan:') : paint('red', 'error:');
  const lines = [`${label} ${toPrintable(first)}`];
  for (const line of rest) lines.push(`  ${toPrintable(line)}`);
  lines.push(...additionOf(error).map(toPrintable));
  if (!isAbort(error)) lines.push(...detailLines(failure));
  if (verbose === true) lines.push(...causeLines(error));
  if (failure.stack !== undefined)
    lines.push(...failure.stack.split('\n').map((line) => `  ${toPrintable(line.trim())}`));
  if (failure.hint !== undefined) lines.push(`  ${paint('cyan', 'hint:')} ${toPrintable(failure.hint)}`);
  return `${lines.join('\n')}\n`;
}

/** Lists have lines of their own. Elsewhere a line break came with a name, and would start a forged line. */
function messageLines({ code, message }: Failure, error: unknown): readonly string[] {
  if (code === 'INVALID_SPEC') return message.split('\n').map((line) => line.trim());
  const items = error instanceof AirgapError ? error.items.map(hideAccounts) : [];
  const listed = items.map((item) => `\n  ${item}`).join('');
  return [message.slice(0, message.length - listed.length), ...items];
}

/** Not indented, so that they can be pasted. */
function additionOf(error: unknown): readonly string[] {
  return error instanceof AirgapError ? error.addition.map(hideAccounts) : [];
}

/** Details that the message does not say already. */
function detailLines({ message, details }: Failure): readonly string[] {
  return Object.entries(details)
    .filter(([, value]) => ['string', 'number'].includes(typeof value) && !message.includes(String(value)))
    .map(([key, value]) => `  ${key}: ${toPrintable(String(value))}`);
}

function causeLines(error: unknown): readonly string[] {
  const lines: string[] = [];
  let at = error instanceof Error ? error.cause : undefined;
  for (; at instanceof Error && lines.length < MAX_CAUSES; at = at.cause) {
    lines.push(`  cause: ${toPrintable(hideAccounts(`${at.name}: ${at.message}`))}`);
  }
  return lines;
}
