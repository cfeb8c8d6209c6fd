/** Renders what was rendered before once only: images are looked for in what may be carried as manifests too. */
import type { ChartRenderer, RenderedChart, RenderRequest } from './chart-renderer.ts';
import { sha256 } from '../../oci/digest.ts';

/** Characters of rendered text that are kept; a usual chart has some ten thousand. What does not fit is rendered again. */
const MAX_KEPT_LENGTH = 32 * 1024 * 1024;

/** The same renderer, which answers a request that it had before from memory. */
export function rememberRenderings(renderer: ChartRenderer): ChartRenderer {
  const kept = new Map<string, RenderedChart>();
  let length = 0;
  return {
    name: renderer.name,
    version: renderer.version,
    async render(request, options) {
      const key = keyOf(request);
      const known = kept.get(key);
      if (known !== undefined) return known;
      const rendered = await renderer.render(request, options);
      const own = rendered.documents.reduce((sum, { text }) => sum + text.length, 0);
      if (length + own <= MAX_KEPT_LENGTH) {
        kept.set(key, rendered);
        length += own;
      }
      return rendered;
    },
  };
}

/** All that decides about the answer, and what messages call it. */
function keyOf({ chart, seed = 0, skipSchemaValidation = false, ...request }: RenderRequest): string {
  const { shownAs, values, releaseName, namespace, kubeVersion, apiVersions, includeCrds } = request;
  const settings = [shownAs, releaseName, namespace, kubeVersion, apiVersions, includeCrds];
  const files = values.map(({ name, text }) => [name, text]);
  return sha256(JSON.stringify([sha256(chart), settings, files, seed, skipSchemaValidation]));
}
