/** Paths of an imported file, seen from the release.yaml that will name them. */
import { isAbsolute, join, relative, sep } from 'node:path';
import { isPortablePath } from '../../base/portable-path.ts';
import { shown } from './foreign-file.ts';
import type { At, ImportedChart, ImportedComponent, ImportedRelease, Unexpressed } from './imported-release.ts';

/**
 * Turns all paths to ones from `to` on; what does not lie below it, or has a name that cannot be carried, is left out and
 * named. Both directories are absolute.
 */
export function relocate<R extends ImportedRelease>(release: R, from: string, to: string): R {
  const left: Unexpressed[] = [];
  const move = (what: string, path: string, at: At): string | undefined => {
    const moved = relative(to, isAbsolute(path) ? path : join(from, path)).replaceAll(sep, '/');
    if (moved !== '' && !moved.startsWith('..') && isPortablePath(moved)) return moved;
    const why =
      moved === '' || moved.startsWith('..') || isAbsolute(moved)
        ? 'does not lie below the directory of the release.yaml: write that elsewhere with --output, or copy it there'
        : 'has a name that cannot be carried: use letters, digits and ._+-';
    left.push({ at, message: `${what} ${shown(path)} ${why}`, isContent: true });
    return undefined;
  };
  const moveAll = <T extends { readonly path: string; readonly at: At }>(
    what: string,
    entries: readonly T[],
  ): readonly T[] =>
    entries.flatMap((entry) => {
      const path = move(what, entry.path, entry.at);
      return path === undefined ? [] : [{ ...entry, path }];
    });
  const moveChart = (chart: ImportedChart): readonly ImportedChart[] => {
    const isPath = chart.repository === undefined && !chart.chart.startsWith('oci://');
    const place = isPath ? move('chart', chart.chart, chart.at) : chart.chart;
    if (place === undefined) return [];
    const keyring = chart.keyring === undefined ? undefined : move('keyring', chart.keyring, chart.at);
    const values = chart.values
      .map((files) => files.flatMap((file) => move('values', file, chart.at) ?? []))
      .filter((files, index) => files.length > 0 || chart.values[index]?.length === 0);
    return [{ ...chart, chart: place, keyring, values }];
  };
  const components = release.components.map((component): ImportedComponent => ({
    ...component,
    charts: component.charts.flatMap(moveChart),
    manifests: moveAll('manifest', component.manifests),
    docs: moveAll('document', component.docs),
    files: moveAll('file', component.files),
  }));
  return { ...release, components, unexpressed: [...release.unexpressed, ...left] };
}
