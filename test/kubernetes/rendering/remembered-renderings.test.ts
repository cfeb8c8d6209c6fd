/** What was rendered is kept for the next who asks the same, and nothing else is taken for it. */
import { expect, test } from 'vitest';
import type { ChartRenderer, RenderRequest } from '../../../src/kubernetes/rendering/chart-renderer.ts';
import { rememberRenderings } from '../../../src/kubernetes/rendering/remembered-renderings.ts';

const REQUEST: RenderRequest = {
  chart: Buffer.from('a package'),
  shownAs: 'charts/app',
  values: [{ name: 'a.yaml', text: 'a: 1\n' }],
  releaseName: 'release',
  namespace: 'default',
  kubeVersion: '1.34.0',
  apiVersions: [],
  includeCrds: true,
};

function counting(length: number): { readonly renderer: ChartRenderer; readonly asked: RenderRequest[] } {
  const asked: RenderRequest[] = [];
  const renderer: ChartRenderer = {
    name: 'helm',
    version: '4.0.0',
    render(request) {
      asked.push(request);
      return Promise.resolve({ documents: [{ source: 'a', text: 'x'.repeat(length) }], notes: undefined });
    },
  };
  return { renderer, asked };
}

test('the same request is rendered once, and the default seed is seed 0', async () => {
  const { renderer, asked } = counting(1);
  const remembering = rememberRenderings(renderer);
  const first = await remembering.render(REQUEST);
  const again = { ...REQUEST, chart: Buffer.from('a package'), seed: 0 as const };
  expect(await remembering.render(again)).toBe(first);
  expect([asked.length, remembering.name, remembering.version]).toEqual([1, 'helm', '4.0.0']);
});

test('whatever else is asked for is rendered', async () => {
  const { renderer, asked } = counting(1);
  const remembering = rememberRenderings(renderer);
  const others: readonly Partial<RenderRequest>[] = [
    { chart: Buffer.from('another') },
    { shownAs: 'charts/other' },
    { values: [] },
    { values: [{ name: 'a.yaml', text: 'a: 2\n' }] },
    { values: [{ name: 'b.yaml', text: 'a: 1\n' }] },
    { releaseName: 'other' },
    { namespace: 'other' },
    { kubeVersion: '1.33.0' },
    { apiVersions: ['monitoring.coreos.com/v1'] },
    { includeCrds: false },
    { skipSchemaValidation: true },
    { seed: 1 },
  ];
  for (const other of [{}, ...others]) await remembering.render({ ...REQUEST, ...other });
  expect(asked).toHaveLength(1 + others.length);
});

test('what is too large to be kept is rendered each time', async () => {
  const { renderer, asked } = counting(20 * 1024 * 1024);
  const remembering = rememberRenderings(renderer);
  for (const namespace of ['a', 'b', 'a', 'b']) await remembering.render({ ...REQUEST, namespace });
  expect(asked.map(({ namespace }) => namespace)).toEqual(['a', 'b', 'b']);
});

test('a failure is not kept', async () => {
  const { renderer } = counting(1);
  let failures = 1;
  const failing: ChartRenderer = {
    ...renderer,
    render: (request) => (failures-- > 0 ? Promise.reject(new Error('once')) : renderer.render(request)),
  };
  const remembering = rememberRenderings(failing);
  await expect(remembering.render(REQUEST)).rejects.toThrow('once');
  expect((await remembering.render(REQUEST)).documents).toHaveLength(1);
});
