/** The resources that a chart renders to, as its images are looked for in them. */
import type { ChartRenderer, RenderRequest } from '../rendering/chart-renderer.ts';
import { readManifestFile } from '../resources/manifest-file.ts';
import type { KubernetesResource } from '../resources/yaml-documents.ts';

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
  return documents.flatMap(
    ({ source, text }) => readManifestFile(text, `${request.shownAs} ${source}`, false).resources,
  );
}
