/** What one chart deploys with one set of values, as a subject: rendered twice where it may make values up. */
import { createSubject, type Subject } from '../../compliance/subject.ts';
import { renderResources } from '../../kubernetes/discovery/rendered-chart.ts';
import type { ChartRenderer, RenderRequest } from '../../kubernetes/rendering/chart-renderer.ts';
import { leaveToSite, mayHoldMadeValues } from './made-at-site.ts';

/** Renders a chart. @throws UsageError `INVALID_SPEC` with Helm's words for what Helm refuses. */
export async function renderSubject(
  renderer: ChartRenderer,
  request: Omit<RenderRequest, 'includeCrds'>,
  parts: Omit<Subject, 'pods' | 'resources'>,
  signal: AbortSignal | undefined,
): Promise<Subject> {
  const rendered = await renderResources(renderer, request, signal);
  const isMade = mayHoldMadeValues(rendered);
  const again = isMade ? await renderResources(renderer, { ...request, seed: 1 }, signal) : rendered;
  return createSubject({ ...parts, resources: leaveToSite(rendered, again) });
}
