/** In what a cluster can differ from what is placed there. */
import { expect, test } from 'vitest';
import { AuthError, HttpError } from '../../../src/errors.ts';
import { compareWithPlaced, fleetStatus, type DeployedRelease } from '../../../src/operations/fleet/fleet-status.ts';
import { cluster, toFleet } from '../../fleet/fleet-document.ts';

const RELEASE = { name: 'shop', version: '2.0.0', components: ['agent', 'db', 'ui'] };
const DEPLOYED: DeployedRelease = {
  ...{ namespace: 'shop', version: '2.0.0', digest: 'sha256:a', profile: 'edge' },
  ...{ components: ['db', 'ui'], state: 'complete' },
};

test.each<[readonly string[], DeployedRelease | undefined, readonly string[]]>([
  [['ui', 'db'], DEPLOYED, []],
  [[], undefined, []],
  [['db'], undefined, ['has nothing of the release']],
  [['db', 'ui'], { ...DEPLOYED, version: '1.0.0' }, ['has 1.0.0, not 2.0.0']],
  [['db', 'ui'], { ...DEPLOYED, state: 'applying' }, ['the deployment of 2.0.0 is not complete']],
  [['agent', 'db'], DEPLOYED, ['lacks agent', 'has ui, which is not placed there']],
  [[], DEPLOYED, ['has db, ui, which are not placed there']],
])('placed %j, deployed %j: %j', (placed, deployed, expected) => {
  expect(compareWithPlaced(placed, deployed, RELEASE)).toEqual(expected);
});

test('what does not answer is offline, what refuses is unknown; the others are asked all the same', async () => {
  const { clusters } = toFleet({
    clusters: [cluster('a', 'primary'), cluster('b', 'edge'), cluster('c', 'edge'), cluster('d', 'edge')],
  });
  const failure = { method: 'GET', url: 'https://127.0.0.1:1/', status: 0, retryable: false };
  const cause = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
  const errors = [new AuthError('DENIED', 'no'), new HttpError('CLUSTER', 'no answer', failure, { cause })];
  const asked: string[] = [];
  const found = await fleetStatus(clusters, new Map([['b', ['db']]]), RELEASE, {
    openCluster: async ({ name }) => {
      asked.push(name);
      throw errors[name === 'a' ? 0 : 1] ?? new Error();
    },
    atOnce: 2,
  });
  expect(asked).toEqual(['a', 'b', 'c', 'd']);
  // Where nothing is placed, it does not matter that no one answers.
  expect(found.map(({ cluster: { name }, state }) => [name, state])).toEqual([
    ['a', 'unknown'],
    ['b', 'offline'],
  ]);
});
