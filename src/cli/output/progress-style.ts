/** How long work is shown on standard error. */

/** `auto` is bars on a terminal and lines elsewhere. */
export const PROGRESS_STYLES = ['auto', 'bars', 'lines', 'json', 'none'] as const;
export type ProgressStyle = (typeof PROGRESS_STYLES)[number];

/** Whether a text is one of the styles. */
export function isProgressStyle(text: string): text is ProgressStyle {
  return PROGRESS_STYLES.some((style) => style === text);
}
