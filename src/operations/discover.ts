/** Finds every image that a release, charts or manifests pull or may pull, each with the places that say so. */
import { access, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { readBounded, readTextFile } from '../base/files/read-file.ts';
import { onDisk, systemCode } from '../base/files/system-errors.ts';
import { readYaml } from '../base/yaml-source.ts';
import { AirgapError, NotFoundError } from '../errors.ts';
import { MAX_PACKAGE_BYTES } from '../kubernetes/charts/chart-package.ts';
import { findInResources, registriesOf, toFinding, uniteFindings } from '../kubernetes/discovery/discover.ts';
import type { DiscoveredImage } from '../kubernetes/discovery/discover.ts';
import type { Finding } from '../kubernetes/discovery/finding.ts';
import { DEFAULT_VALUES, renderResources } from '../kubernetes/discovery/rendered-chart.ts';
import type { ChartRenderer } from '../kubernetes/rendering/chart-renderer.ts';
import { readManifestFile } from '../kubernetes/resources/manifest-file.ts';
import { isKubernetesFile, isMapping, type KubernetesResource } from '../kubernetes/resources/yaml-documents.ts';
import { chartAt } from '../release/spec/chart-spec.ts';
import { parsePathPattern } from '../release/spec/path-pattern.ts';
import { loadSpec, type ComponentSpec } from '../release/spec/spec.ts';
import { SPEC_KIND } from '../release/spec/spec-schema.ts';
import { collectComponent, type CollectedComponent, type CollectedFile, type OpenChart } from './resolve/collect.ts';

const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;
const PACKAGE = /\.tgz$/;

/** Where to look, and with what. */
export interface DiscoverRequest {
  /** A release.yaml, charts (directories, packages, `oci://…`), manifests (files, directories). */
  readonly inputs: readonly string[];
  readonly openChart: OpenChart;
  /** Opened once, when the first chart is there. */
  readonly openRenderer: () => Promise<ChartRenderer>;
  readonly signal?: AbortSignal | undefined;
}

/** What was found. */
export interface Discovery {
  /** In the order of their names. */
  readonly images: readonly DiscoveredImage[];
  /** What was not read, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Looks through all inputs as one: a registry that one of them pulls from is known in the texts of the others. Charts
 * are rendered with their default values.
 * @throws NotFoundError `NOT_FOUND` for an input that is not there, and for charts where nothing renders them.
 * @throws UsageError `INVALID_SPEC` for an input that is none of these, a chart that Helm refuses, an image that is no
 *   reference.
 */
export async function discoverImages(request: DiscoverRequest): Promise<Discovery> {
  const { inputs, openChart, openRenderer, signal } = request;
  let renderer: Promise<ChartRenderer> | undefined;
  const findings: Finding[] = [];
  const warnings: string[] = [];
  const manifests: KubernetesResource[] = [];
  const rendered: { readonly chart: string; readonly resources: readonly KubernetesResource[] }[] = [];
  for (const input of inputs) {
    const { directory, components } = await readInput(input);
    for (const component of components) {
      const collected = await collectComponent(component, directory, new Date(0), openChart, signal);
      warnings.push(...collected.warnings);
      findings.push(...collected.images.map(toCollected));
      manifests.push(...(await readManifests(collected, component)));
      for (const { from, content } of collected.files.filter(({ kind }) => kind === 'chart')) {
        renderer ??= openRenderer();
        const resources = await renderResources(await renderer, await bytesOf(content), from, signal);
        rendered.push({ chart: from, resources });
      }
    }
  }
  const known = [
    ...findings.map(({ reference }) => reference.registry),
    ...rendered.flatMap(({ resources }) => registriesOf(resources)),
  ];
  const hosts = new Set(known);
  // What is certain in manifests was found with what their kustomizations make of it.
  findings.push(...findInResources(manifests, {}, hosts).filter(({ certainty }) => certainty === 'suspect'));
  for (const { chart, resources } of rendered) {
    findings.push(...findInResources(resources, { chart, values: DEFAULT_VALUES }, hosts));
  }
  return { images: uniteFindings(findings), warnings };
}

interface Input {
  readonly directory: string;
  readonly components: readonly ComponentSpec[];
}

/** A chart or manifests are a component that holds nothing else. */
async function readInput(path: string): Promise<Input> {
  const empty = { name: path, images: [], imageLists: [], charts: [], manifests: [], ignore: [], docs: [], files: [] };
  if (path.startsWith('oci://')) {
    return { directory: '.', components: [{ ...empty, charts: [chartAt(path, path)] }] };
  }
  const place = resolve(path);
  // Evidence names what lies below the current directory by the path from there.
  const inside = relative(resolve(), place);
  const isInside = inside !== '' && !inside.startsWith('..') && !isAbsolute(inside);
  const directory = isInside ? resolve() : dirname(place);
  const entry = { path: isInside ? inside.split(sep).join('/') : basename(place), at: path };
  if (await isChart(path, place)) {
    return { directory, components: [{ ...empty, charts: [{ ...chartAt('chart', path), ...entry }] }] };
  }
  if (await isRelease(place)) return { directory: dirname(place), components: (await loadSpec(path)).components };
  return { directory, components: [{ ...empty, manifests: [entry] }] };
}

async function isChart(shownAs: string, place: string): Promise<boolean> {
  const found = await onDisk(`cannot read ${shownAs}`, async () => {
    try {
      return await stat(place);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw error;
      throw new NotFoundError('NOT_FOUND', `${shownAs}: no such file or directory`, {
        hint: 'name a release.yaml, a chart (directory, .tgz or oci://…), or manifests',
      });
    }
  });
  if (!found.isDirectory()) return PACKAGE.test(place);
  return access(join(place, 'Chart.yaml')).then(
    () => true,
    () => false,
  );
}

/** Whether a file declares a release; what is broken is told by the reader of what it was taken for. */
async function isRelease(place: string): Promise<boolean> {
  if (!/\.ya?ml$/.test(place) || (await stat(place)).isDirectory()) return false;
  const text = await readTextFile(place, { what: 'a release.yaml or a manifest', limit: MAX_MANIFEST_BYTES });
  try {
    return readYaml(text, place).some(
      ({ value }) => isMapping(value) && value['kind'] === SPEC_KIND && /^airgap\./.test(String(value['apiVersion'])),
    );
  } catch (error) {
    if (error instanceof AirgapError) return false;
    throw error;
  }
}

function toCollected({ reference, place, foundIn }: CollectedComponent['images'][number]): Finding {
  if (place !== undefined) return toFinding({ ...place, at: foundIn });
  return { reference, certainty: 'certain', evidence: { rule: 'named', at: foundIn } };
}

async function readManifests(
  { files }: CollectedComponent,
  { ignore }: ComponentSpec,
): Promise<readonly KubernetesResource[]> {
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
  return readBounded(content.path, {
    what: 'a file of a release',
    limit: Math.max(MAX_PACKAGE_BYTES, MAX_MANIFEST_BYTES),
  });
}
