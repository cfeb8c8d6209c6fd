/** Shows long work on standard error: bars on a terminal, lines in a log, JSON for programs, nothing with `--quiet`. */
import type { CopyEvent } from '../../content/copy.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Context } from '../context.ts';

/** The kinds of work that have a total of their own. */
export type Work = 'copy' | 'verification';

/** Told what happens, for as long as it is open. */
export interface Progress extends Disposable {
  /** Says what pieces of content are called, before any of them moves. */
  name(names: ReadonlyMap<Digest, string>): void;
  /** Announces work before it begins; `doneBytes` of it are there already. */
  begin(work: Work, title: string, totalBytes: number, doneBytes?: number): void;
  /** For `onEvent` of copies. */
  readonly onCopy: (event: CopyEvent) => void;
  /** For `onVerified` of loads and `onProgress` of verification: bytes so far, and in all. */
  readonly onVerified: (done: number, total: number) => void;
  /** An image is pinned, as one of so many. */
  readonly onImage: (reference: string, done: number, total: number) => void;
}

/** Opens the display that fits: dispose of it before the result is printed. */
export async function openProgress(context: Context): Promise<Progress> {
  const { output, isTTY, stderr } = context;
  const style = output.progress === 'auto' ? (isTTY ? 'bars' : 'lines') : output.progress;
  if (output.quiet || style === 'none') return silent();
  if (style === 'json') return new (await import('./progress-json.ts')).JsonProgress(context);
  if (style === 'lines') return new (await import('./progress-lines.ts')).LineProgress(context);
  const [{ BarProgress }, { openBars }] = await Promise.all([
    import('./bar-progress.ts'),
    import('./progress-bars.ts'),
  ]);
  return new BarProgress(await openBars(stderr));
}

/** Nothing to see. */
function silent(): Progress {
  const nothing = (): void => undefined;
  return {
    name: nothing,
    begin: nothing,
    onCopy: nothing,
    onVerified: nothing,
    onImage: nothing,
    [Symbol.dispose]: nothing,
  };
}
