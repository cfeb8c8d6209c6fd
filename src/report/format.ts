/** Numbers, times and tables as people read them. */
import { toPrintable } from './printable.ts';

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const;
const SHORT_DIGEST = 'sha256:'.length + 12;

/** Bytes in IEC units: `0 B`, `1.5 MiB`, `12 GiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  let value = bytes / 1024;
  let unit = 0;
  // From 1023.95 on, one decimal would show 1024.0 of the smaller unit.
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(value < 99.95 ? 1 : 0)} ${UNITS[unit] ?? ''}`;
}

/** `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 07 min`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
}

/** `1 image`, `3 images`. */
export function formatCount(count: number, singular: string, plural: string = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}

/** The beginning of a digest, enough to tell one from another on a screen: `sha256:0123456789ab`. */
export function shortDigest(digest: string): string {
  return digest.slice(0, SHORT_DIGEST);
}

/** Columns as wide as their widest cell, two spaces between, nothing after the last; a column without words is left out. */
export function formatTable(rows: readonly (readonly string[])[], indent = ''): readonly string[] {
  const cells = rows.map((row) => row.map(toPrintable));
  const widths: number[] = [];
  for (const row of cells)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return cells.map((row) => {
    const shown = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).filter((cell) => cell !== '');
    return `${indent}${shown.join('  ')}`.trimEnd();
  });
}
