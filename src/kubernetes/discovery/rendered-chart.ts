/** The resources that a chart renders to, as its images are looked for in them. */
import type { ChartRenderer, RenderRequest } from '../rendering/chart-renderer.ts';
import { readManifestFile } from '../resources/manifest-file.ts';
import { NO_LINE, type KubernetesResource } from '../resources/yaml-documents.ts';

/**
 * Renders a chart, hooks, tests and CRDs included.
 * @throws whatever {@link ChartRenderer.render} throws, and UsageError `INVALID_SPEC` for what is no YAML.
 */
export async function renderResources(
  renderer: ChartRenderer,
  request: Omit<RenderRequest, 'includeCrds' | 'skipSchemaValidation'>,
  signal?: AbortSignal,
): Promise<readonly KubernetesResource[]> {
  const { documents } = await renderer.render({ ...request, includeCrds: true }, { signal });
  return documents.flatMap(({ source, text }) =>
    readManifestFile(text, `${request.shownAs} ${source}`, false).resources.map(withoutLines),
  );
}

/**
 * Lines of rendered text lead nowhere, and the tree that knows them takes many times the memory of what it says: a
 * chart may render to thousands of resources.
 */
function withoutLines({ apiVersion, kind, name, namespace, value, fileName }: KubernetesResource): KubernetesResource {
  return { apiVersion, kind, name, namespace, value, fileName, line: NO_LINE, lineOf: () => NO_LINE };
}
