/** What is checked of a request before any renderer sees it, so that all of them refuse the same. */
import { UsageError } from '../../errors.ts';
import type { RenderRequest } from './chart-renderer.ts';

/** An API group with its version, as `kubectl api-versions` prints it, or with a kind behind. */
export const API_VERSION: RegExp = /^[A-Za-z0-9][A-Za-z0-9./-]{0,299}$/;
/** A DNS label. */
export const NAMESPACE: RegExp = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** What Helm then checks itself. */
const PRINTABLE = /^[\x20-\x7e]{1,300}$/;
const MAX_SHOWN = 300;

/**
 * Whether the words of a request are such that every Helm takes them for what they are.
 * @throws UsageError `INVALID_SPEC` naming the chart and the word.
 */
export function assertRenderable(request: RenderRequest): void {
  const { shownAs, releaseName, namespace, kubeVersion, apiVersions } = request;
  const words: readonly (readonly [string, RegExp, string])[] = [
    ['release name', PRINTABLE, releaseName],
    ['namespace', NAMESPACE, namespace],
    ['Kubernetes version', PRINTABLE, kubeVersion],
    ...apiVersions.map((version) => ['API version', API_VERSION, version] as const),
  ];
  for (const [what, form, value] of words) {
    if (form.test(value)) continue;
    throw new UsageError('INVALID_SPEC', `${shownAs}: ${JSON.stringify(value.slice(0, MAX_SHOWN))} is no ${what}`);
  }
}
