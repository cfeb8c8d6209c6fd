/** Finds every image that a release, charts or manifests pull or may pull, each with the places that say so. */
import { uniteFindings, type DiscoveredImage } from '../kubernetes/discovery/discover.ts';
import { describeArtifact } from '../kubernetes/discovery/known-artifacts.ts';
import { findUnknowable } from '../kubernetes/discovery/known-operators.ts';
import { findInValues } from '../kubernetes/discovery/values-advice.ts';
import { readRunningImages, type RunningImage } from '../kubernetes/resources/running-images.ts';
import { formatReference, parseReference, type Reference } from '../oci/reference.ts';
import type { ImageDecisions } from '../release/suspects/decisions.ts';
import { evaluateSuspects, type DecidedSuspect, type SuspectImage } from '../release/suspects/evaluate-suspects.ts';
import type { ChartSources } from './resolve/charts/charts.ts';
import { collectComponent } from './resolve/collect.ts';
import { describeUnrendered } from './resolve/discovered.ts';
import { findComponentImages, type CollectedPart } from './resolve/find-images.ts';
import { readInput } from './resolve/read-input.ts';
import {
  chartBytes,
  openRendererFor,
  prepareCharts,
  type OpenRenderer,
  type PreparedChart,
} from './resolve/render-charts.ts';

/** Where to look, and with what. */
export interface DiscoverRequest {
  /** A release.yaml, charts (directories, packages, `oci://…`), manifests (files, directories). */
  readonly inputs: readonly string[];
  readonly sources: ChartSources;
  /** Opened once, when the first chart is there. Absent: charts are not rendered. */
  readonly openRenderer: OpenRenderer | undefined;
  /** Also look through the charts' own values for images that these values do not use. @defaultValue false */
  readonly advice?: boolean | undefined;
  /** Pods that run in a cluster, as `kubectl get pods -A -o json` prints them, and what messages call the text. */
  readonly cluster?: { readonly text: string; readonly name: string } | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One image, with what the release.yaml decides about it. */
export interface DecidedImage extends DiscoveredImage {
  /** `suspect`: nothing decides about it; `artifact?`: nor about this, which is probably no image. */
  readonly verdict: 'certain' | 'suspect' | 'artifact?' | 'accepted' | 'dismissed';
  /** Why, as the release.yaml says it; or what the artifact probably is. */
  readonly reason?: string | undefined;
}

/** An image that runs in a cluster. */
export interface ClusterImage {
  /** Canonical. */
  readonly reference: string;
  /** Whether what was looked through names it: for certain, or accepted. */
  readonly isInRelease: boolean;
  /** Namespace, pod and place of each container that runs it. */
  readonly pods: readonly string[];
}

/** What was found. */
export interface Discovery {
  /** In the order of their names. */
  readonly images: readonly DecidedImage[];
  /** Kinds whose controllers run images that stand in no resource, a sentence each. */
  readonly unknowable: readonly string[];
  /** Images in charts' own values that these values do not use, a line each; absent where it was not asked for. */
  readonly advice: readonly string[] | undefined;
  /** What runs in the cluster; absent where it was not asked for. */
  readonly cluster: readonly ClusterImage[] | undefined;
  /** What was not read, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Looks through all inputs as one: a registry that one of them pulls from is known in the texts of the others. Charts
 * are rendered with the values that a release names, others with their own.
 * @throws NotFoundError `NOT_FOUND` for an input that is not there, and for charts where nothing renders them.
 * @throws UsageError `INVALID_SPEC` for an input that is none of these, a chart that Helm refuses, an image that is no
 *   reference.
 */
export async function discoverImages(request: DiscoverRequest): Promise<Discovery> {
  const { inputs, sources, openRenderer, signal } = request;
  // Before charts are fetched and rendered: a list that cannot be read costs none of that.
  const running = request.cluster && readRunningImages(request.cluster.text, request.cluster.name);
  const indexes = new Map();
  const parts: CollectedPart[] = [];
  const charts: PreparedChart[] = [];
  const decided: ImageDecisions[] = [];
  for (const input of inputs) {
    const { directory, components, decisions } = await readInput(input);
    decided.push(decisions);
    for (const component of components) {
      const context = { directory, sources, indexes, signal };
      const collected = await collectComponent(component, context, decisions.rules);
      for (const chart of await prepareCharts([collected.charts], directory)) {
        charts.push({ ...chart, component: parts.length });
      }
      parts.push({ component, collected });
    }
  }
  const decisions = uniteDecisions(decided);
  const renderer = openRenderer === undefined ? undefined : await openRendererFor(charts, openRenderer);
  const { findings, resources } = await findComponentImages({
    parts,
    charts,
    renderer,
    rules: decisions.rules,
    signal,
  });
  const images = uniteFindings(findings);
  const suspects = images
    .filter(({ certainty }) => certainty === 'suspect')
    .map(({ reference, evidence }) => ({
      reference: parseReference(reference),
      foundIn: evidence.map(({ at }) => at),
    }));
  const carried = findings.filter(({ certainty }) => certainty === 'certain').map(({ reference }) => reference);
  const { accepted, dismissed, unused } = evaluateSuspects(suspects, decisions, carried);
  const verdicts = new Map<string, Pick<DecidedImage, 'verdict' | 'reason'>>([
    ...toVerdicts('accepted', accepted),
    ...toVerdicts('dismissed', dismissed),
  ]);
  const known = [...carried, ...accepted.map(({ suspect }) => suspect.reference)];
  return {
    images: images.map((image) => ({
      ...image,
      verdict: image.certainty,
      ...(image.certainty === 'suspect' ? (verdicts.get(image.reference) ?? undecided(image)) : {}),
    })),
    unknowable: findUnknowable(resources, known),
    advice: request.advice === true ? await advise(charts, images) : undefined,
    cluster: running && compareCluster(running, known),
    warnings: [
      ...parts.flatMap(({ collected }) => collected.warnings),
      ...(renderer === undefined ? charts.flatMap(({ chart }) => describeUnrendered(chart)) : []),
      ...unused,
    ],
  };
}

function undecided({ reference }: DiscoveredImage): Pick<DecidedImage, 'verdict' | 'reason'> {
  const artifact = describeArtifact(parseReference(reference));
  return artifact === undefined ? { verdict: 'suspect' } : { verdict: 'artifact?', reason: `probably ${artifact}` };
}

async function advise(
  charts: readonly PreparedChart[],
  images: readonly DiscoveredImage[],
): Promise<readonly string[]> {
  const found = new Set(images.map(({ reference }) => reference));
  const inValues = [];
  for (const { chart } of charts) inValues.push(...(await findInValues(await chartBytes(chart), chart.file.from)));
  return inValues
    .filter(({ reference }) => !found.has(reference))
    .map(({ reference, at }) => `${reference} stands in ${at}, and is not used with these values`);
}

/** By name: what a site pulls through a mirror of its own has another name there. */
function compareCluster(running: readonly RunningImage[], known: readonly Reference[]): readonly ClusterImage[] {
  const names = new Set(known.map(formatReference));
  return running
    .map(({ reference, pods }) => {
      const full = formatReference(reference);
      return { reference: full, isInRelease: names.has(full), pods };
    })
    .sort((a, b) => (a.reference < b.reference ? -1 : 1));
}

function toVerdicts(
  verdict: 'accepted' | 'dismissed',
  decided: readonly DecidedSuspect<SuspectImage>[],
): readonly (readonly [string, Pick<DecidedImage, 'verdict' | 'reason'>])[] {
  return decided.map(({ suspect, decision: { reason } }) => [
    formatReference(suspect.reference),
    { verdict, ...(reason === undefined ? {} : { reason }) },
  ]);
}

function uniteDecisions(decided: readonly ImageDecisions[]): ImageDecisions {
  return {
    accept: decided.flatMap(({ accept }) => accept),
    dismiss: decided.flatMap(({ dismiss }) => dismiss),
    rules: decided.flatMap(({ rules }) => rules),
  };
}
