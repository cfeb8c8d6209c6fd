/** What a release.yaml, charts and manifests deploy, to be checked: one subject for each set of values, one for manifests. */
import { divideAlternatives } from '../../compliance/alternatives.ts';
import { createSubject, minorOf, type Subject } from '../../compliance/subject.ts';
import { UsageError } from '../../errors.ts';
import { isKustomizationFile } from '../../kubernetes/resources/kustomization.ts';
import { readKubernetesYaml, type KubernetesResource } from '../../kubernetes/resources/yaml-documents.ts';
import { DEFAULT_SETTINGS } from '../../release/spec/chart-spec.ts';
import type { ChartSources } from '../resolve/charts/charts.ts';
import { collectComponent, type CollectedComponent } from '../resolve/collect.ts';
import { readManifestResources } from '../resolve/find-images.ts';
import { readInput } from '../resolve/read-input.ts';
import { prepareCharts, renderCharts, type PreparedChart } from '../resolve/render-charts.ts';
import { openRenderer, valueSet, type CheckedInput, type CheckOptions } from './check-options.ts';
import { leaveToSite, mayHoldMadeValues } from './made-at-site.ts';

/**
 * Reads what was named: a release.yaml with every set of values it names, charts, manifests.
 * @throws NotFoundError `NOT_FOUND` for what is not there, and for charts where nothing renders them.
 * @throws UsageError `INVALID_SPEC` for what cannot be read, or holds nothing to check.
 */
export async function subjectsOfFiles(
  input: string,
  sources: ChartSources,
  options: CheckOptions,
): Promise<CheckedInput> {
  const { signal } = options;
  const { directory, components, isRelease, decisions } = await readInput(input);
  const indexes = new Map();
  const warnings: string[] = [];
  const manifests: KubernetesResource[] = [];
  const charts: PreparedChart[] = [];
  for (const component of components) {
    const context = { directory, sources, indexes, signal };
    const collected = await collectComponent(component, context, decisions.rules);
    manifests.push(...(await readManifestResources({ component, collected })));
    warnings.push(...kustomizationsOf(collected));
    for (const chart of await prepareCharts([collected.charts], directory)) {
      charts.push(isRelease ? chart : withOwnSettings(chart, options));
    }
  }
  const isCarried = (): boolean => isRelease;
  const open = options.openRenderer;
  const renderer = open === undefined || charts.length === 0 ? undefined : await openRenderer(open);
  const subjects: Subject[] = divideAlternatives(manifests).map(({ folder, resources }) =>
    createSubject({
      name: folder === '' ? (isRelease ? 'manifests' : input) : folder,
      resources,
      namespace: DEFAULT_SETTINGS.namespace,
      isCarried,
      kubeMinor: options.kubeMinor ?? defaultMinor(),
      isLive: false,
    }),
  );
  for (const chart of charts) {
    const { settings } = chart.chart.spec;
    if (renderer === undefined) warnings.push(`${chart.chart.file.from} is not checked: charts are not rendered`);
    else {
      const sets = await renderCharts(renderer, [chart], signal);
      const isMade = sets.some((set) => mayHoldMadeValues(set.resources));
      const again = isMade ? await renderCharts(renderer, [chart], signal, 1) : sets;
      for (const [index, { chart: from, values, resources }] of sets.entries()) {
        subjects.push(
          createSubject({
            name: `${from} (${values})`,
            resources: leaveToSite(resources, again[index]?.resources ?? []),
            namespace: settings.namespace,
            isCarried,
            kubeMinor: options.kubeMinor ?? minorOf(settings.kubeVersion) ?? defaultMinor(),
            isLive: false,
          }),
        );
      }
    }
  }
  return { subjects, warnings };
}

/** What is known of objects that run. */
export interface ClusterCheckOptions extends Pick<CheckOptions, 'kubeMinor'> {
  /** Whether an archive that was named carries an image: a load keeps what its tag means. @defaultValue none is */
  readonly isCarried?: Subject['isCarried'] | undefined;
}

/**
 * The objects of a cluster, as `kubectl get … -o json` (or `-o yaml`) prints them.
 * @throws UsageError `INVALID_SPEC` for what is neither.
 */
export function subjectOfCluster(
  text: string,
  name: string,
  { kubeMinor, isCarried = () => false }: ClusterCheckOptions,
): Subject {
  const resources = readKubernetesYaml(text, name);
  if (resources.length === 0) {
    throw new UsageError('INVALID_SPEC', `${name}: holds no objects`, {
      hint: 'name the kinds: kubectl get deployments,statefulsets,daemonsets,cronjobs,networkpolicies,configmaps -n NAMESPACE -o json',
    });
  }
  return createSubject({
    name: `cluster (${name})`,
    resources,
    namespace: DEFAULT_SETTINGS.namespace,
    isCarried,
    kubeMinor: kubeMinor ?? defaultMinor(),
    isLive: true,
  });
}

/** The minor version of Kubernetes that charts are rendered for where nothing else is said. */
export function defaultMinor(): number {
  return minorOf(DEFAULT_SETTINGS.kubeVersion) ?? 0;
}

function withOwnSettings(chart: PreparedChart, { values, kubeMinor }: CheckOptions): PreparedChart {
  const { spec } = chart.chart;
  const kubeVersion = kubeMinor === undefined ? spec.settings.kubeVersion : `1.${kubeMinor}.0`;
  return {
    ...chart,
    chart: { ...chart.chart, spec: { ...spec, settings: { ...spec.settings, kubeVersion } } },
    sets: [valueSet(values)],
  };
}

function kustomizationsOf({ files }: CollectedComponent): readonly string[] {
  return files
    .filter(({ kind, from }) => kind === 'manifest' && isKustomizationFile(from))
    .map(
      ({ from }) =>
        `${from} is not built: what it lists is checked as it is written; check what \`kubectl kustomize\` prints of it too`,
    );
}
