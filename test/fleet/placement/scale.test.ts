/** A thousand clusters are placed in less than a second of a processor, constraints of every kind among them. */
import { expect, test } from 'vitest';
import { processorTimeOf } from '../../helpers/processor-time.ts';
import { cluster, place, summary } from '../fleet-document.ts';

const COUNT = 1_000;
const CPU_LIMIT_MS = 1_000;

test('a thousand clusters take less than a second', async () => {
  const clusters = Array.from({ length: COUNT }, (_, index) => {
    const role = index < 2 ? 'primary' : index < 10 ? 'secondary' : 'edge';
    const capacity = { cpu: 4 + (index % 7), memory: `${8 + (index % 5)}Gi` };
    return cluster(`c-${String(index).padStart(4, '0')}`, role, { region: `r-${index % 20}`, capacity });
  });
  const links = clusters.slice(2).map(({ name }) => ({ between: ['c-0000', name], latencyMs: 20 }));
  const placement = {
    core: { replicate: 'workload', resources: { cpu: 1 } },
    database: { replicate: 'data', resources: { cpu: 2, memory: '4Gi' }, regions: { deny: ['r-3'] } },
    ui: { near: { component: 'core' } },
    agent: { roles: ['edge', 'primary'], resources: { cpu: '250m', memory: '128Mi' }, maxClusters: 'all' },
    cache: { roles: ['edge'], minClusters: 30, spread: { regions: 10 }, maxLatencyMs: 30 },
  };
  const cpuMs = await processorTimeOf(() => place({ clusters, links, placement }));
  const found = place({ clusters, links, placement });
  expect(found.outcome).toBe('placed');
  const { agent = [], database = [] } = summary(found) as Readonly<Record<string, readonly string[]>>;
  expect([agent.length, database.length]).toEqual([COUNT - 8, 8]);
  expect(cpuMs).toBeLessThan(CPU_LIMIT_MS);
});
