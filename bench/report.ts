/** The report as text: what was measured, and the targets with pass or miss. */
import type { Result, Run } from './run.ts';
import { STAGES } from './contender.ts';
import { spread } from './statistics.ts';
import { isMet, type Target } from './targets.ts';

const HEAD = ['', 'wall s', 'min–max', 'MB/s', 'cpu s', 'registry cpu', 'peak MiB', 'disk MB', 'requests', 'wire MB'];

/** One table per stage. */
export function formatResults(results: readonly Result[]): string {
  const tables = STAGES.flatMap((stage) => {
    const rows = results.filter((result) => result.stage === stage).map(toRow);
    return rows.length === 0 ? [] : [formatTable([[stage, ...HEAD.slice(1)], ...rows])];
  });
  return tables.join('\n');
}

/** One line per target. */
export function formatTargets(targets: readonly Target[]): string {
  return formatTable(
    targets.map((target) => {
      const { text, bound, limit, unit, value } = target;
      const met = isMet(target);
      const verdict = met === undefined ? 'not measured' : met ? 'pass' : 'MISS';
      return [text, value === undefined ? '-' : `${value.toPrecision(3)}${unit}`, `${bound} ${limit}${unit}`, verdict];
    }),
  );
}

/** Columns side by side; the first is text, the others are numbers. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return rows.map((row) => `${line(row)}\n`).join('');
}

function toRow(result: Result): readonly string[] {
  const figure = (of: (run: Run) => number, digits: number): string => fixed(spread(result, of)?.median, digits);
  const wall = spread(result, (run) => run.wallS);
  const { wire, diskBytes } = result;
  return [
    result.name,
    fixed(wall?.median, 2),
    wall === undefined ? '-' : `${wall.min.toFixed(2)}–${wall.max.toFixed(2)}`,
    fixed(wall && result.bytes / 1e6 / wall.median, 0),
    figure((run) => run.cpuS, 2),
    figure((run) => run.registryCpuS, 2),
    fixed(spread(result, (run) => run.rssMiB)?.max, 0),
    fixed(diskBytes === undefined ? undefined : diskBytes / 1e6, 0),
    fixed(wire?.requests, 0),
    fixed(wire && (wire.received + wire.sent) / 1e6, 1),
  ];
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? '-' : value.toFixed(digits);
}
