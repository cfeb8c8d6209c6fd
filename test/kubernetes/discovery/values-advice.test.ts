/** Images that the values of a chart name, and those of the charts in it, folder or package, however deep. */
import { expect, test } from 'vitest';
import { packChart } from '../../../src/kubernetes/charts/chart-packing.ts';
import { findInValues } from '../../../src/kubernetes/discovery/values-advice.ts';

const values = (name: string): string => `image: {repository: quay.io/team/${name}, tag: '1'}\n`;
const pack = (name: string, files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> =>
  packChart(
    name,
    Object.entries({ 'Chart.yaml': `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`, ...files }).map(
      ([path, content]) => ({ path, bytes: Buffer.from(content) }),
    ),
  );

test('every values.yaml of a chart and of those below it is read, and no other file', async () => {
  const chart = await pack('app', {
    'values.yaml': values('app'),
    'values-prod.yaml': values('other'),
    'templates/values.yaml': values('template'),
    'charts/sub/values.yaml': values('sub'),
    'charts/broken/values.yaml': 'image: [',
    'charts/_off.tgz': 'passed over, as Helm does',
    'charts/packed-1.0.0.tgz': await pack('packed', { 'values.yaml': values('packed') }),
  });
  expect((await findInValues(chart, 'app.tgz')).toSorted((a, b) => (a.at < b.at ? -1 : 1))).toEqual([
    { reference: 'quay.io/team/packed:1', at: 'app.tgz/charts/packed-1.0.0.tgz/values.yaml image.repository' },
    { reference: 'quay.io/team/sub:1', at: 'app.tgz/charts/sub/values.yaml image.repository' },
    { reference: 'quay.io/team/app:1', at: 'app.tgz/values.yaml image.repository' },
  ]);
});

test('charts within charts are looked into to a depth that no real one has', async () => {
  const nested = async (depth: number): Promise<number> => {
    let chart = await pack('inner', { 'values.yaml': values('inner') });
    for (let level = 0; level < depth; level += 1) chart = await pack('outer', { 'charts/in.tgz': chart });
    return (await findInValues(chart, 'app.tgz')).length;
  };
  expect([await nested(16), await nested(17)]).toEqual([1, 0]);
});
