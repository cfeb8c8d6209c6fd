/** Stand-ins for images that cannot be pulled here, so that a release can be rehearsed from end to end. */
import { discoverImage, mergeGraphs } from '../content/graph-walk.ts';
import type { CopyResult } from '../content/copy.ts';
import type { Source } from '../content/store.ts';
import { UsageError } from '../errors.ts';
import { formatPlatform } from '../oci/platform.ts';
import { formatReference, type Reference } from '../oci/reference.ts';
import { createSampleImages } from '../release/samples/sample-images.ts';
import type { ReleaseSpec } from '../release/spec/spec.ts';
import { FileSource } from '../stores/files.ts';
import { collectComponent } from './resolve/collect.ts';
import { discoverRelease } from './resolve/discovered.ts';
import type { CollectedPart } from './resolve/find-images.ts';
import type { OpenRenderer } from './resolve/render-charts.ts';
import type { ImageTarget } from '../release/mapping/image-target.ts';
import { mirrorImages, planMirror, type MirrorOptions } from './mirror.ts';

const DEFAULT_PLATFORMS = ['linux/amd64', 'linux/arm64'];

/** What {@link pushSampleImages} made. */
export interface PushedSamples extends CopyResult {
  /** Canonical references that now have an image at the target. */
  readonly references: readonly string[];
  /** What may be missing, a sentence each. */
  readonly warnings: readonly string[];
}

/** Options of {@link pushSampleImages}. */
export interface SampleOptions extends MirrorOptions {
  /** Asked where there are charts to render. Absent: their annotations alone say what they pull. */
  readonly openRenderer?: OpenRenderer | undefined;
}

/** A rehearsal asks no registry but its target. */
function refuseChart(place: Reference | URL): never {
  const name = place instanceof URL ? place.href : `oci://${formatReference(place)}`;
  throw new UsageError('INVALID_SPEC', `the images of ${name} are not known without asking there`, {
    hint: 'rehearse with a copy of the chart: `helm pull` it and name the .tgz in a copy of the release.yaml',
  });
}

/**
 * Pushes a sample image for every image a release names: real layers, real configs, a program that runs on Linux.
 * Deterministic, so a rehearsal gives the same digests everywhere.
 */
export async function pushSampleImages(
  spec: ReleaseSpec,
  directory: string,
  target: ImageTarget,
  options: SampleOptions = {},
): Promise<PushedSamples> {
  const { openRenderer, signal } = options;
  const { decisions } = spec;
  const parts: CollectedPart[] = [];
  const refused = { open: refuseChart, read: refuseChart };
  const context = { directory, sources: refused, indexes: new Map(), signal };
  for (const component of spec.components) {
    const collected = await collectComponent(component, context, decisions.rules);
    parts.push({ component, collected });
  }
  const found = await discoverRelease({ parts, directory, decisions, openRenderer, suspects: 'warn', signal });
  const images = [...parts.flatMap(({ collected }) => collected.images), ...found.images.flat()];
  const references = new Set(images.map(({ reference }) => formatReference(reference)));
  const platforms = spec.platforms === 'all' ? DEFAULT_PLATFORMS : spec.platforms.map(formatPlatform);
  const sources = new Map<string, Source>();
  const graphImages = [];
  const graphParts = [];
  for (const { reference, index, contents } of createSampleImages([...references], platforms)) {
    const known = new Map([...contents].map(([digest, { bytes }]) => [digest, { bytes }]));
    const source = new FileSource('sample images', known.set(index.descriptor.digest, { bytes: index.bytes }));
    sources.set(reference, source);
    graphParts.push(
      await discoverImage(source, index.descriptor, { platforms: 'all', reference, signal: options.signal }),
    );
    graphImages.push({ reference, digest: index.descriptor.digest, indexMode: 'complete' as const });
  }
  const plan = await planMirror(
    mergeGraphs(graphImages, graphParts),
    (reference) => sources.get(reference) as Source,
    target,
    options,
  );
  const { warnings } = found;
  return { ...(await mirrorImages(plan, options)), references: [...references].sort(), warnings };
}
