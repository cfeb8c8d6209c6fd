/** The resources that a chart renders to with its default values, as its images are looked for in them. */
import { readPackageMetadata } from '../charts/chart-package.ts';
import type { ChartRenderer } from '../rendering/chart-renderer.ts';
import { readManifestFile } from '../resources/manifest-file.ts';
import type { KubernetesResource } from '../resources/yaml-documents.ts';

/** What `evidence.values` says of it. */
export const DEFAULT_VALUES = 'default';
/** Charts that ask for a cluster's version are rendered for this one. */
const KUBE_VERSION = '1.34.0';
const RELEASE_NAME = 'release';
const NAMESPACE = 'default';

/**
 * Renders a chart, hooks, tests and CRDs included. A library chart installs nothing and renders to nothing.
 * @throws whatever {@link ChartRenderer.render} throws, and UsageError `INVALID_SPEC` for what is no YAML.
 */
export async function renderResources(
  renderer: ChartRenderer,
  chart: Buffer,
  shownAs: string,
  signal?: AbortSignal,
): Promise<readonly KubernetesResource[]> {
  if ((await readPackageMetadata(chart, shownAs)).type === 'library') return [];
  const { documents } = await renderer.render(
    {
      chart,
      shownAs,
      values: [],
      releaseName: RELEASE_NAME,
      namespace: NAMESPACE,
      kubeVersion: KUBE_VERSION,
      apiVersions: [],
      includeCrds: true,
    },
    { signal },
  );
  return documents.flatMap(({ source, text }) => readManifestFile(text, `${shownAs} ${source}`, false).resources);
}
