/** Renders the shipped platform's chart with the files of its profiles, once for each set of values. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openChart } from '../../src/kubernetes/charts/chart-package.ts';
import type { ChartRenderer, RenderRequest } from '../../src/kubernetes/rendering/chart-renderer.ts';
import { joinDocuments } from '../../src/kubernetes/rendering/rendered-documents.ts';
import { readKubernetesYaml, type KubernetesResource } from '../../src/kubernetes/resources/yaml-documents.ts';
import { RENDERERS } from '../kubernetes/rendering/renderers.ts';

/** The chart of the shipped platform. */
export const CHART: string = fileURLToPath(new URL('../../charts/hexabase', import.meta.url));
/** Profiles that stand alone. */
export const PATTERNS = ['small-enterprise', 'medium-enterprise', 'edge', 'primary', 'secondary', 'hybrid'] as const;
/** Profiles that lie over the others. */
export const OVERLAYS = ['gdpr', 'hipaa'] as const;
/** Each pattern alone, with each overlay, and with both. */
export const COMBINATIONS: readonly string[] = PATTERNS.flatMap((pattern) => [
  pattern,
  ...OVERLAYS.map((overlay) => `${pattern}+${overlay}`),
  `${pattern}+gdpr+hipaa`,
]);

/** The file of a profile. */
export function profileFile(name: string): string {
  return `${CHART}/profiles/${name}.yaml`;
}

/** What is asked of a renderer for `small-enterprise+gdpr` and values that lie over it; the empty text is the default. */
export async function requestFor(combination: string, overrides = ''): Promise<RenderRequest> {
  const names = combination === '' ? [] : combination.split('+');
  const values = await Promise.all(
    names.map(async (name) => ({ name: `${name}.yaml`, text: await readFile(profileFile(name), 'utf8') })),
  );
  return {
    chart: (await openChart(CHART)).bytes,
    shownAs: 'charts/hexabase',
    values: [...values, ...(overrides === '' ? [] : [{ name: 'site.yaml', text: overrides }])],
    releaseName: 'hexabase',
    namespace: 'hexabase-system',
    kubeVersion: '1.34.2',
    apiVersions: ['monitoring.coreos.com/v1', 'networking.istio.io/v1'],
    includeCrds: false,
  };
}

let renderer: Promise<ChartRenderer> | undefined;

/** The product's way to a Helm on PATH, which costs a third of the engine's time; the engine where there is none. */
export function openRenderer(): Promise<ChartRenderer> {
  renderer ??= (async () => {
    for (const { open } of RENDERERS.filter(({ name }) => name !== 'helm3')) {
      const opened = await open();
      if (opened !== undefined) return opened;
    }
    throw new Error('nothing on this machine renders charts');
  })();
  return renderer;
}

/** Renders what {@link requestFor} asks. */
export async function render(request: RenderRequest): Promise<readonly KubernetesResource[]> {
  const { documents } = await (await openRenderer()).render(request);
  return readKubernetesYaml(joinDocuments(documents), 'rendered.yaml');
}

const rendered = new Map<string, Promise<readonly KubernetesResource[]>>();

/** What a combination of profiles renders to; rendered once for all tests of a file. */
export function renderProfile(combination: string): Promise<readonly KubernetesResource[]> {
  const known = rendered.get(combination) ?? requestFor(combination).then(render);
  rendered.set(combination, known);
  return known;
}

/**
 * The field at a path of words: keys of mappings, indices of lists, or the `name` of an element of a list.
 * @example fieldAt(deployment, 'spec template spec containers control-plane resources limits cpu')
 */
export function fieldAt(value: unknown, path: string): unknown {
  return path.split(' ').reduce<unknown>((current, key) => {
    if (Array.isArray(current)) {
      const named = current.find((element: unknown) => (element as { name?: unknown } | null)?.name === key) as unknown;
      return named ?? (current[Number(key)] as unknown);
    }
    return typeof current === 'object' && current !== null ? (current as Record<string, unknown>)[key] : undefined;
  }, value);
}
