/** Finds every image that the components of a release pull or may pull: named, in manifests, in what charts render to. */
import { readBounded } from '../../base/files/read-file.ts';
import { findInResources, registriesOf, toFinding } from '../../kubernetes/discovery/discover.ts';
import type { Finding } from '../../kubernetes/discovery/finding.ts';
import type { ChartRenderer } from '../../kubernetes/rendering/chart-renderer.ts';
import { readManifestFile } from '../../kubernetes/resources/manifest-file.ts';
import type { PlaceRule } from '../../kubernetes/resources/place-path.ts';
import { isKubernetesFile, type KubernetesResource } from '../../kubernetes/resources/yaml-documents.ts';
import { parsePathPattern } from '../../release/spec/path-pattern.ts';
import type { ComponentSpec } from '../../release/spec/spec.ts';
import type { CollectedComponent, CollectedImage } from './collect.ts';
import type { CollectedFile } from './collected-file.ts';
import { renderCharts, type PreparedChart } from './render-charts.ts';

const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

/** A component and what it brings. */
export interface CollectedPart {
  readonly component: ComponentSpec;
  readonly collected: CollectedComponent;
}

/** Where to look, and with what. */
export interface FindRequest {
  readonly parts: readonly CollectedPart[];
  readonly charts: readonly PreparedChart[];
  /** Absent: charts are not rendered. */
  readonly renderer: ChartRenderer | undefined;
  /** More places that hold images. */
  readonly rules: readonly PlaceRule[];
  readonly signal?: AbortSignal | undefined;
}

/** One place that names an image, of one component. */
export interface ComponentFinding extends Finding {
  /** Index of the component. */
  readonly component: number;
  /** Whether it was found by rendering a chart. */
  readonly isRendered: boolean;
}

/** What was found. */
export interface FoundImages {
  readonly findings: readonly ComponentFinding[];
  /** All resources. */
  readonly resources: readonly KubernetesResource[];
}

/**
 * Looks through all components as one: a registry that one of them pulls from is known in the texts of the others.
 * @throws UsageError `INVALID_SPEC` for a chart that Helm refuses, and an image that is no reference.
 */
export async function findComponentImages(request: FindRequest): Promise<FoundImages> {
  const { parts, charts, renderer, rules, signal } = request;
  const rendered = renderer === undefined ? [] : await renderCharts(renderer, charts, signal);
  const manifests = await Promise.all(parts.map(readManifestResources));
  const named = parts.flatMap(({ collected }, component) =>
    collected.images.map((image) => ({ ...toNamed(image), component, isRendered: false })),
  );
  const findings: ComponentFinding[] = [...named];
  const knownHosts = new Set([
    ...named.map(({ reference }) => reference.registry),
    ...rendered.flatMap(({ resources }) => registriesOf(resources, rules)),
  ]);
  for (const [component, resources] of manifests.entries()) {
    // What is certain in manifests was found with what their kustomizations make of it.
    const suspects = findInResources(resources, {}, { knownHosts, rules }).filter(
      ({ certainty }) => certainty === 'suspect',
    );
    findings.push(...suspects.map((finding) => ({ ...finding, component, isRendered: false })));
  }
  for (const { component, chart, values, resources } of rendered) {
    const found = findInResources(resources, { chart, values }, { knownHosts, rules });
    findings.push(...found.map((finding) => ({ ...finding, component, isRendered: true })));
  }
  return { findings, resources: [...manifests.flat(), ...rendered.flatMap(({ resources }) => resources)] };
}

function toNamed({ reference, place, foundIn }: CollectedImage): Finding {
  if (place !== undefined) return toFinding({ ...place, at: foundIn });
  return { reference, certainty: 'certain', evidence: { rule: 'named', at: foundIn } };
}

/** The resources of the manifests of a component, but for the files that it ignores. */
export async function readManifestResources({
  collected: { files },
  component: { ignore },
}: CollectedPart): Promise<readonly KubernetesResource[]> {
  const ignored = ignore.map(parsePathPattern);
  const resources: KubernetesResource[] = [];
  for (const { kind, from, content } of files) {
    if (kind !== 'manifest' || !isKubernetesFile(from) || ignored.some((matches) => matches(from))) continue;
    resources.push(...readManifestFile(String(await bytesOf(content)), from, false).resources);
  }
  return resources;
}

async function bytesOf(content: CollectedFile['content']): Promise<Buffer> {
  if ('bytes' in content) return Buffer.from(content.bytes);
  return readBounded(content.path, { what: 'a manifest', limit: MAX_MANIFEST_BYTES });
}
