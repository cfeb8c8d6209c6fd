/** Turns mappings into values of Helm charts, tried by rendering the charts with them. */
import { UsageError } from '../../../errors.ts';
import { overlayCharts } from '../../../operations/mirror-config/chart-overlays.ts';
import { writeMirrorFiles } from '../../../operations/mirror-config/write.ts';
import { ImageSources } from '../../../operations/resolve/image-sources.ts';
import { openOwnRenderer } from '../../../operations/resolve/render-charts.ts';
import { formatCount } from '../../../report/format.ts';
import type { Context } from '../../context.ts';
import { readValues } from '../../options/check-options.ts';
import { listenTo } from '../../output/registry-lines.ts';
import { readMap, type MapOptions } from './read-map.ts';
import { assertAll, assertSomething, printed, type Written } from './written.ts';

const STEPS = [
  'give it to Helm behind all other values: helm upgrade --install NAME CHART --values FILE',
  'images that only other values switch on are in it too; the chart was rendered with these values alone',
];

/** Options of the command for charts. */
export interface ChartConfigOptions extends MapOptions {
  readonly chart: readonly string[];
  readonly values: readonly string[];
  readonly output: string | undefined;
  readonly install: boolean;
  readonly check: boolean;
  readonly root: string | undefined;
}

/** Reads the mappings and charts, and prints or writes the values for each. */
export async function configureCharts(
  context: Context,
  mappings: readonly string[],
  options: ChartConfigOptions,
): Promise<void> {
  const { output, env, signal } = context;
  const { output: directory } = options;
  if (options.install || options.check || options.root !== undefined) {
    throw new UsageError('USAGE', '--install, --check and --root are about nodes: no node reads values');
  }
  if (options.chart.length === 0) {
    throw new UsageError('USAGE', '--format helm-values needs a --chart', {
      hint: 'values are those of a chart; `airgap extract` writes the charts of an archive',
    });
  }
  const map = await readMap(mappings, options, signal);
  const values = await readValues(options.values, signal);
  await using sources = new ImageSources({ listener: listenTo(output), env, signal });
  const { files, unexpressed } = await overlayCharts({
    ...{ map, inputs: options.chart, values, signal },
    sources: {
      open: (reference, origin) => sources.open(reference, origin),
      read: (address, how) => sources.read(address, how),
    },
    openRenderer: openOwnRenderer(env['PATH'], signal),
  });
  const written: Written = { format: 'helm-values', title: options.chart.join(', '), files, unexpressed, steps: STEPS };
  if (files.length === 0 && unexpressed.length === 0) {
    throw new UsageError('USAGE', `${written.title}: nothing in it is an image of the mapping`, {
      hint: 'give the mapping of the load that brought this chart',
    });
  }
  assertSomething(written);
  if (directory !== undefined) await writeMirrorFiles(directory, files);
  output.result(
    { kind: 'mirror-config', output: directory ?? null, dialects: [written] },
    directory === undefined ? printed(files) : files.map(({ path }) => path),
  );
  for (const step of STEPS) output.note(`helm-values: ${step}`);
  if (directory !== undefined) output.note(`wrote ${formatCount(files.length, 'file')} to ${directory}`);
  assertAll(written);
}
