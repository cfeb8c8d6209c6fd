/** Opens the display of long work that fits: bars on a terminal, lines in a log, JSON for programs, none with `--quiet`. */
import type { Context } from '../context.ts';
import type { Progress } from './progress.ts';

/** Opens the display that fits: dispose of it before the result is printed. */
export async function openProgress(context: Context): Promise<Progress> {
  const { output, isTTY, stderr } = context;
  const chosen = output.progress === 'auto' ? (isTTY ? 'bars' : 'lines') : output.progress;
  // Bars are drawn over what others write, and with `--verbose` there is much of it.
  const style = chosen === 'bars' && output.verbose ? 'lines' : chosen;
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
