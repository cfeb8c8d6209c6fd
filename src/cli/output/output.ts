/** Where a command's words go: its result to standard output, everything else to standard error. */
import { formatDocument } from '../../report/json-document.ts';
import type { ProgressStyle } from './progress-style.ts';
import { toPrintable, toPrintableJson } from '../../report/printable.ts';

/** How much is said, and in which form. */
export interface OutputOptions {
  /** One JSON document instead of lines. */
  readonly json: boolean;
  /** Nothing but errors, and the document under `json`. */
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** How long work is shown. */
  readonly progress: ProgressStyle;
}

/** The two streams of a command. Every line passes through {@link toPrintable} on its way. */
export interface Output extends OutputOptions {
  /** The result: the document under `--json` (with `schemaVersion` in front), else the lines, but for `--quiet`. */
  result(document: object, lines: readonly string[]): void;
  /** A remark for the person who watches; silent with `--quiet` and `--json`, an event under `--progress json`. */
  note(line: string): void;
  /**
   * A remark for the person who wants to know everything, with `--verbose` and without `--quiet`; under
   * `--progress json` it is the event.
   */
  detail(line: string, event?: object): void;
}

/** Writes to the given streams. */
export function createOutput(
  { stdout, stderr }: { readonly stdout: NodeJS.WritableStream; readonly stderr: NodeJS.WritableStream },
  options: OutputOptions,
): Output {
  const say = (line: string, event: object): void => {
    const text = options.progress === 'json' ? toPrintableJson(event) : toPrintable(line);
    stderr.write(`${text}\n`);
  };
  return {
    ...options,
    result: (document, lines) => {
      if (options.json) stdout.write(formatDocument(document));
      else if (!options.quiet) stdout.write(lines.map((line) => `${toPrintable(line)}\n`).join(''));
    },
    note: (line) => {
      if (!options.quiet && !options.json) say(line, { event: 'note', message: line });
    },
    detail: (line, event = { event: 'note', message: line }) => {
      if (options.verbose && !options.quiet) say(line, event);
    },
  };
}
