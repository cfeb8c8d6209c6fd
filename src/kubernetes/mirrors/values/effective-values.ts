/** The values that a chart is rendered with, those of the charts in it included, as Helm puts them together. */
import { readYaml } from '../../../base/yaml-source.ts';
import type { Chart } from '../../charts/load-chart.ts';
import type { ValuesFile } from '../../rendering/chart-renderer.ts';
import { isMapping } from '../../resources/yaml-documents.ts';

/** A mapping of values. */
export type Values = Readonly<Record<string, unknown>>;

/**
 * A chart's own values over those of the charts in it, and files over all of them, in order.
 * @throws UsageError `INVALID_SPEC` naming file, line and column of what is no YAML
 * @see https://helm.sh/docs/chart_template_guide/subcharts_and_globals/
 */
export function effectiveValues(chart: Chart, files: readonly ValuesFile[]): Values {
  return files.reduce((values, { name, text }) => merge(values, readValues(text, name)), ownValues(chart));
}

function ownValues(chart: Chart): Values {
  const below = chart.subcharts.flatMap((subchart) => {
    const values = ownValues(subchart);
    const named = (chart.metadata.dependencies ?? []).filter(({ name }) => name === subchart.metadata.name);
    const keys = named.length === 0 ? [subchart.metadata.name] : named.map(({ name, alias }) => alias ?? name);
    return keys.map((key) => [key, values] as const);
  });
  const file = chart.files.find(({ path }) => path === 'values.yaml');
  const own = file === undefined ? {} : readValues(file.bytes.toString('utf8'), `${chart.place}/values.yaml`);
  return merge(Object.fromEntries(below), own);
}

function readValues(text: string, name: string): Values {
  const value = readYaml(text, name, { merge: true, uniqueKeys: false })[0]?.value;
  return isMapping(value) ? value : {};
}

/** Null takes a value away. */
function merge(under: Values, over: Values): Values {
  const merged = new Map(Object.entries(under));
  for (const [key, value] of Object.entries(over)) {
    const below = merged.get(key);
    if (value === null) merged.delete(key);
    else merged.set(key, isMapping(below) && isMapping(value) ? merge(below, value) : value);
  }
  return Object.fromEntries(merged);
}
