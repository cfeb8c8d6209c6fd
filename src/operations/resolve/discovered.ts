/** What a release pulls beside what it names: images that charts render to, and suspects with the decisions about them. */
import { NotFoundError, StoreError, UsageError } from '../../errors.ts';
import { findUnknowable } from '../../kubernetes/discovery/known-operators.ts';
import type { Evidence } from '../../kubernetes/discovery/finding.ts';
import type { ChartRenderer } from '../../kubernetes/rendering/chart-renderer.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import { describeWarnings } from '../../release/lock/lock-warnings.ts';
import type { LockImage, ReleaseLock } from '../../release/lock/lock-schema.ts';
import type { ImageDecisions } from '../../release/suspects/decisions.ts';
import { evaluateSuspects, type SuspectImage } from '../../release/suspects/evaluate-suspects.ts';
import type { CollectedChart, CollectedImage } from './collect.ts';
import { findComponentImages, type CollectedPart, type ComponentFinding } from './find-images.ts';
import { describeRenderings, openRendererFor, prepareCharts } from './render-charts.ts';
import type { OpenRenderer, PreparedChart } from './render-charts.ts';
import { undecidedSuspects } from './undecided.ts';

/** Characters of one place in the lock. */
const MAX_PLACE_LENGTH = 2000;

/** What to look through, and how. */
export interface DiscoverReleaseRequest {
  readonly parts: readonly CollectedPart[];
  readonly directory: string;
  readonly decisions: ImageDecisions;
  /** Absent: charts are not rendered. */
  readonly openRenderer: OpenRenderer | undefined;
  /** The lock that is held to: where it was rendered by something that is not here, what it says is taken. */
  readonly held?: ReleaseLock | undefined;
  /** Whether suspects without a decision end the resolve. */
  readonly suspects: 'refuse' | 'warn';
  readonly signal?: AbortSignal | undefined;
}

/** What was found. */
export interface DiscoveredRelease {
  /** For each component, the images beyond those it names itself. */
  readonly images: readonly (readonly CollectedImage[])[];
  /** What the lock says of it. */
  readonly lock: Pick<ReleaseLock, 'rendering' | 'dismissed' | 'suspects' | 'unrendered'>;
  /** A sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Renders the charts of a release and looks through all its resources.
 * @throws UsageError `SUSPECT` for images that may be pulled and that nothing decides about, with the lines to add.
 * @throws NotFoundError `NOT_FOUND` where charts are to be rendered and nothing does.
 * @throws UsageError `INVALID_SPEC` for a chart that Helm refuses.
 */
export async function discoverRelease(request: DiscoverReleaseRequest): Promise<DiscoveredRelease> {
  const { parts, directory, decisions, held, signal } = request;
  const charts = await prepareCharts(
    parts.map(({ collected }) => collected.charts),
    directory,
  );
  const renderer = await chooseRenderer(request, charts);
  if (renderer === 'recall') return recall(held as ReleaseLock, parts, charts);
  const { findings, resources } = await findComponentImages({
    parts,
    charts,
    renderer,
    rules: decisions.rules,
    signal,
  });
  const certain = findings.filter(({ certainty }) => certainty === 'certain');
  const carried = new Set(certain.map(({ reference }) => formatReference(reference)));
  const suspects = unite(
    findings.filter(({ certainty, reference }) => certainty === 'suspect' && !carried.has(formatReference(reference))),
  );
  const verdict = evaluateSuspects(
    suspects,
    decisions,
    certain.map(({ reference }) => reference),
  );
  if (verdict.open.length > 0 && request.suspects === 'refuse') throw undecidedSuspects(verdict.open);
  const toImages = (
    { reference, places }: UnitedImage,
    component: number,
    accepted?: CollectedImage['accepted'],
  ): readonly CollectedImage[] =>
    placesOf(places, component).map((foundIn) => {
      const image = { reference, origin: 'registry', isFound: true, foundIn } as const;
      return accepted === undefined ? image : { ...image, accepted };
    });
  const rendered = unite(certain.filter(({ isRendered }) => isRendered));
  const images = parts.map((_, component) => [
    ...rendered.flatMap((image) => toImages(image, component)),
    ...verdict.accepted.flatMap(({ suspect, decision: { image, reason } }) =>
      toImages(suspect, component, { by: image, ...(reason === undefined ? {} : { reason }) }),
    ),
  ]);
  const dismissed = verdict.dismissed.map(({ suspect: { reference, foundIn }, decision }) => ({
    reference: formatReference(reference),
    by: decision.image,
    reason: decision.reason ?? '',
    foundIn: [...foundIn],
  }));
  const open = verdict.open.map(({ reference, foundIn }) => ({
    reference: formatReference(reference),
    foundIn: [...foundIn],
  }));
  const unrendered = renderer === undefined ? [...new Set(charts.map(({ chart }) => chart.file.from))].sort() : [];
  return {
    images,
    lock: {
      ...(renderer === undefined
        ? {}
        : {
            rendering: {
              renderer: { name: renderer.name, version: renderer.version },
              charts: describeRenderings(charts),
              findings: digestOfFindings(images, dismissed, open),
            },
          }),
      ...(dismissed.length === 0 ? {} : { dismissed }),
      ...(open.length === 0 ? {} : { suspects: open }),
      ...(unrendered.length === 0 ? {} : { unrendered }),
    },
    warnings: [
      ...(renderer === undefined ? charts.flatMap(({ chart }) => describeUnrendered(chart)) : []),
      ...findUnknowable(resources, [
        ...certain.map(({ reference }) => reference),
        ...verdict.accepted.map(({ suspect }) => suspect.reference),
      ]),
      ...verdict.unused,
      ...decisions.rules
        .filter(({ path, kind }) => !isUsed(findings, kind, path.text))
        .map(
          ({ at, kind, path }) => `${at}: no ${kind} has an image at ${path.text} that is not found without this rule`,
        ),
    ],
  };
}

/** A lock that is held to was rendered by what it names; another renderer may render otherwise, and then decides nothing. */
async function chooseRenderer(
  { openRenderer, held }: DiscoverReleaseRequest,
  charts: readonly PreparedChart[],
): Promise<ChartRenderer | 'recall' | undefined> {
  if (charts.length === 0 || openRenderer === undefined || held?.unrendered !== undefined) return undefined;
  if (held === undefined) return openRendererFor(charts, openRenderer);
  try {
    const renderer = await openRenderer();
    const before = held.rendering?.renderer;
    return renderer.name === before?.name && renderer.version === before.version ? renderer : 'recall';
  } catch (error) {
    if (error instanceof NotFoundError || (error instanceof StoreError && error.code === 'UNSUPPORTED'))
      return 'recall';
    throw error;
  }
}

/** What a lock says of charts that are the same, rendered with the same values. */
function recall(
  held: ReleaseLock,
  parts: readonly CollectedPart[],
  charts: readonly PreparedChart[],
): DiscoveredRelease {
  const { rendering, dismissed, suspects } = held;
  const isSame = JSON.stringify(rendering?.charts) === JSON.stringify(describeRenderings(charts));
  const images = parts.map(({ component, collected }): readonly CollectedImage[] => {
    if (!isSame) return [];
    const named = new Set(collected.images.map(({ foundIn, reference }) => `${formatReference(reference)} ${foundIn}`));
    const known = held.components.find(({ name }) => name === component.name)?.images ?? [];
    return known.flatMap((image) =>
      image.foundIn
        .filter((place) => !named.has(`${image.reference} ${place}`))
        .map((foundIn) => toCollected(image, foundIn)),
    );
  });
  if (isSame && rendering?.findings !== digestOfFindings(images, dismissed, suspects)) throw changedFindings();
  return {
    images,
    // Without what was rendered the lock cannot be the same: that it is outdated is found where all of it is compared.
    lock: {
      ...(rendering === undefined || !isSame ? {} : { rendering }),
      ...(dismissed === undefined ? {} : { dismissed }),
      ...(suspects === undefined ? {} : { suspects }),
    },
    warnings: [],
  };
}

/** Of all that was found beyond what components name themselves, each with its places: what a cut entry changes. */
function digestOfFindings(
  images: readonly (readonly CollectedImage[])[],
  dismissed: ReleaseLock['dismissed'] = [],
  suspects: ReleaseLock['suspects'] = [],
): Digest {
  const found = images.map((own) =>
    own.map(({ reference, foundIn }) => [formatReference(reference), foundIn].join(' ')),
  );
  const decided = [dismissed, suspects].map((list) => list.map(({ reference, foundIn }) => [reference, ...foundIn]));
  return sha256(JSON.stringify([found.map((own) => own.toSorted()), ...decided]));
}

function changedFindings(): UsageError {
  return new UsageError('INVALID_SPEC', 'the images in the lock are not those that were found when it was made', {
    hint: 'the lock was changed by hand or by a merge: run `airgap resolve` where charts can be rendered',
  });
}

function toCollected({ reference, from, platforms, accepted }: LockImage, foundIn: string): CollectedImage {
  return {
    reference: parseReference(reference),
    origin: from ?? 'registry',
    ...(platforms === undefined ? {} : { platforms: platforms.map(parsePlatform) }),
    isFound: true,
    foundIn,
    ...(accepted === undefined ? {} : { accepted }),
  };
}

/** What is not known of a chart that was not rendered. */
export function describeUnrendered({ file, unrendered }: CollectedChart): readonly string[] {
  return unrendered.length > 0 ? unrendered : describeWarnings({ unrendered: [file.from] });
}

interface UnitedImage extends SuspectImage {
  readonly places: readonly { readonly component: number; readonly evidence: Evidence }[];
}

/** One entry for each image, sorted by name. */
function unite(findings: readonly ComponentFinding[]): readonly UnitedImage[] {
  const groups = Map.groupBy(findings, ({ reference }) => formatReference(reference));
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, [first, ...others]]) => {
      const own = first === undefined ? others : [first, ...others];
      return {
        reference: (first as { readonly reference: Reference }).reference,
        places: own,
        foundIn: placesOf(own),
      };
    });
}

/** The places as the lock has them: the same on every machine and for every run, random names of resources or not. */
function placesOf(places: UnitedImage['places'], component?: number): readonly string[] {
  const sets = new Map<string, Set<string>>();
  for (const { evidence, component: own } of places) {
    if (component !== undefined && own !== component) continue;
    const { chart, file = '', kind = '', path = '', rule, values = '', at } = evidence;
    const suspicion = at.endsWith(`(${rule})`) ? ` (${rule})` : '';
    const place = chart === undefined ? at : `${file} ${kind} ${path}${suspicion}`;
    sets.set(place.slice(0, MAX_PLACE_LENGTH), (sets.get(place) ?? new Set()).add(values));
  }
  return [...sets]
    .map(([place, values]) => {
      const names = [...values].filter((name) => name !== '' && name !== 'default').sort();
      return names.length === 0 ? place : `${place}, values ${names.join(', ').slice(0, 40)}`;
    })
    .sort();
}

function isUsed(findings: readonly ComponentFinding[], kind: string, path: string): boolean {
  return findings.some(({ evidence }) => evidence.kind === kind && evidence.rule === `rule ${path}`);
}
