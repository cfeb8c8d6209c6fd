/** A fleet is worked through in waves: what others follow first, what may be away last, one failure no end of the others. */
import { expect, test } from 'vitest';
import { HttpError } from '../../../src/errors.ts';
import { rollOut, type ClusterOutcome, type RollOutOptions } from '../../../src/operations/fleet/roll-out.ts';
import { cluster, toFleet } from '../../fleet/fleet-document.ts';

const { clusters: CLUSTERS } = toFleet({
  clusters: [
    cluster('edge-1', 'edge'),
    cluster('far', 'dr'),
    cluster('second', 'secondary', { kind: 'aws' }),
    cluster('edge-2', 'edge'),
    cluster('first', 'primary'),
  ],
});

function silence(): HttpError {
  const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const failure = { method: 'GET', url: 'https://127.0.0.1:1/version', status: 0, retryable: false };
  return new HttpError('CLUSTER', 'no answer', failure, { cause });
}

/** `fails` says what each attempt at a cluster throws, one after the other. */
async function run(
  fails: Readonly<Record<string, readonly Error[]>>,
  options: Partial<RollOutOptions> = {},
): Promise<{
  readonly order: readonly string[];
  readonly kinds: Readonly<Record<string, string>>;
  readonly most: number;
}> {
  const order: string[] = [];
  const tries = new Map<string, number>();
  let [now, most] = [0, 0];
  const outcomes = await rollOut(
    CLUSTERS,
    async ({ name }) => {
      order.push(name);
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      const count = tries.get(name) ?? 0;
      tries.set(name, count + 1);
      const error = fails[name]?.[count];
      if (error !== undefined) throw error;
    },
    { atOnce: 2, nowMs: () => 0, ...options },
  );
  const kinds = Object.fromEntries(
    [...outcomes].map(([name, { kind }]: [string, ClusterOutcome<void>]) => [name, kind]),
  );
  return { order, kinds, most };
}

test('primaries, then secondaries of every kind, then edges; no more at once than allowed', async () => {
  const { order, most } = await run({});
  expect(order).toEqual(['first', 'far', 'second', 'edge-1', 'edge-2']);
  expect(most).toBe(2);
  expect((await run({}, { atOnce: 1 })).most).toBe(1);
});

test('a secondary that fails ends nothing else', async () => {
  const { kinds } = await run({ second: [new Error('quota')] });
  expect(kinds).toEqual({ first: 'done', far: 'done', second: 'failed', 'edge-1': 'done', 'edge-2': 'done' });
});

test('nothing follows a primary that is not done', async () => {
  for (const error of [new Error('quota'), silence()]) {
    const { order, kinds } = await run({ first: [error] });
    expect(order).toEqual(['first']);
    expect(kinds).toMatchObject({
      far: 'not begun',
      second: 'not begun',
      'edge-1': 'not begun',
      'edge-2': 'not begun',
    });
  }
});

test('what is offline is skipped, and tried again for as long as is asked; what failed is not', async () => {
  const fails = { 'edge-1': [silence(), silence()], 'edge-2': [new Error('quota')] };
  expect((await run(fails)).kinds).toMatchObject({ 'edge-1': 'offline', 'edge-2': 'failed' });
  const waited = await run(fails, { waitMs: 60_000, pollMs: 1 });
  expect(waited.kinds).toMatchObject({ 'edge-1': 'done', 'edge-2': 'failed' });
  expect(waited.order.slice(3)).toEqual(['edge-1', 'edge-2', 'edge-1', 'edge-1']);
});

test('when a primary comes back, the others follow', async () => {
  const { order, kinds } = await run({ first: [silence()] }, { waitMs: 60_000, pollMs: 1 });
  expect(order).toEqual(['first', 'first', 'far', 'second', 'edge-1', 'edge-2']);
  expect(new Set(Object.values(kinds))).toEqual(new Set(['done']));
});

test('the wait is over when its time is', async () => {
  let clock = 0;
  const nowMs = (): number => (clock += 40);
  const forever = Array.from({ length: 100 }, silence);
  const { kinds, order } = await run({ 'edge-1': forever }, { waitMs: 100, pollMs: 1, nowMs });
  expect(kinds['edge-1']).toBe('offline');
  expect(order.filter((name) => name === 'edge-1')).toHaveLength(3);
});

test('an abort ends all of it', async () => {
  const signal = AbortSignal.abort(new DOMException('interrupted', 'AbortError'));
  await expect(run({}, { signal })).rejects.toThrow('interrupted');
});
