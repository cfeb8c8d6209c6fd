/** The charts of a release.yaml, as the rest of the product sees them. */
import { normalizePortablePath } from '../../base/portable-path.ts';
import type { YamlPath } from '../../base/yaml-source.ts';
import type { Reference } from '../../oci/reference.ts';
import type { SpecChart } from './chart-schema.ts';
import { parseChartSource } from './chart-source.ts';

/** What a set without a name and without files is called. */
export const DEFAULT_VALUES = 'default';
/** Charts that ask for a cluster's version are rendered for this one. */
const KUBE_VERSION = '1.34.0';
const NAMESPACE = 'default';
const RELEASE_NAME = 'release';

/** Value files that are laid over one another. */
export interface ValueSet {
  /** As it was named, the files with `+` between them, or `default`. */
  readonly name: string;
  /** Relative to the release.yaml; later ones win. Empty: the chart's own values. */
  readonly files: readonly string[];
  /** Whether what the chart renders to with it is carried, below `manifests/<name>/`. */
  readonly rendersManifests?: boolean | undefined;
}

/** What a chart is rendered with, besides values. */
export interface RenderSettings {
  readonly kubeVersion: string;
  readonly apiVersions: readonly string[];
  readonly namespace: string;
  readonly releaseName: string;
}

/** Where nothing else is said. */
export const DEFAULT_SETTINGS: RenderSettings = {
  kubeVersion: KUBE_VERSION,
  apiVersions: [],
  namespace: NAMESPACE,
  releaseName: RELEASE_NAME,
};

/** One chart. */
export interface ChartSpec {
  /** Relative to the release.yaml, `oci://…` where it comes from a registry, its name where it comes from a repository. */
  readonly path: string;
  /** Where it was written: `release.yaml:14:9`. */
  readonly at: string;
  readonly reference?: Reference | undefined;
  /** Of a package on a web server. */
  readonly address?: string | undefined;
  /** Address of a classic repository, without a slash at the end. */
  readonly repository?: string | undefined;
  /** With `repository`: a version, or a range as Helm takes it. */
  readonly version?: string | undefined;
  /** Public keys that its provenance file is verified with, relative to the release.yaml. */
  readonly keyring?: string | undefined;
  /** At least one; the chart is rendered with each. */
  readonly values: readonly ValueSet[];
  readonly settings: RenderSettings;
}

/** A chart of which only the place is known: rendered once, with its own values. */
export function chartAt(text: string, at: string): ChartSpec {
  const { from, reference, address } = parseChartSource(text);
  return {
    path: from,
    at,
    ...(reference === undefined ? {} : { reference }),
    ...(address === undefined ? {} : { address }),
    values: [{ name: DEFAULT_VALUES, files: [] }],
    settings: DEFAULT_SETTINGS,
  };
}

/** Normalises an entry of `charts`. */
export function toChartSpec(entry: string | SpecChart, at: string): ChartSpec {
  if (typeof entry === 'string') return chartAt(entry, at);
  const { chart, repository, version, keyring, values, apiVersions = [], ...words } = entry;
  const { kubeVersion = KUBE_VERSION, namespace = NAMESPACE, releaseName = RELEASE_NAME } = words;
  const place =
    repository === undefined
      ? chartAt(chart, at)
      : { ...chartAt('chart', at), path: chart, repository: repository.replace(/\/+$/, '') };
  return {
    ...place,
    ...(version === undefined ? {} : { version }),
    ...(keyring === undefined ? {} : { keyring: normalizePortablePath(keyring) }),
    ...(values === undefined ? {} : { values: values.map(toValueSet) }),
    settings: { kubeVersion, apiVersions: [...new Set(apiVersions)], namespace, releaseName },
  };
}

/** The files that a chart names, with their places below its own. */
export function pathsOfChart({ path, reference, address, repository, keyring, values }: ChartSpec): readonly {
  path: string;
  place: YamlPath;
}[] {
  const isFile = reference === undefined && address === undefined && repository === undefined;
  return [
    ...(isFile ? [{ path, place: ['chart'] }] : []),
    ...(keyring === undefined ? [] : [{ path: keyring, place: ['keyring'] }]),
    ...values.flatMap(({ files }, index) => files.map((file) => ({ path: file, place: ['values', index] }))),
  ];
}

function toValueSet(entry: NonNullable<SpecChart['values']>[number]): ValueSet {
  if (typeof entry === 'object' && !Array.isArray(entry)) {
    return {
      name: entry.name,
      files: entry.files.map(normalizePortablePath),
      ...(entry.renderManifests === true ? { rendersManifests: true } : {}),
    };
  }
  const files = (Array.isArray(entry) ? entry : [entry]).map(normalizePortablePath);
  return { name: files.join('+'), files };
}
