/** How a client slows down for a registry that throttles, and speeds up again. */
import { describe, expect, it } from 'vitest';
import { readVerified } from '../../../src/content/verified.ts';
import { notePace, Pace } from '../../../src/stores/registry/pace.ts';
import { createRegistryHost, openRepository } from '../../../src/stores/registry/registry-hosts.ts';
import { madeBlob } from '../../helpers/image.ts';
import { startScriptedServer } from '../../helpers/scripted-server.ts';

const policy = { tries: 5, baseMs: 250, maxMs: 2_000 };

describe('a pace', () => {
  it('halves with each refusal at that pace, down to the slowest, at which a refusal counts', async () => {
    const pace = new Pace(policy, () => 0);
    const intervals = [];
    for (let beat = await pace.turn(); pace.throttled(beat); beat++) intervals.push(pace.intervalMs);
    expect(intervals).toEqual([250, 500, 1_000, 2_000]);
    expect(pace.intervalMs).toBe(2_000);
  });

  it('is slowed once by refusals of what was sent before', async () => {
    const pace = new Pace(policy, () => 0);
    const beats = await Promise.all([pace.turn(), pace.turn(), pace.turn()]);
    expect(beats.map((beat) => pace.throttled(beat))).toEqual([true, true, true]);
    expect(pace.intervalMs).toBe(250);
  });

  it('grows again after twenty answers in a row, until there is none', async () => {
    const pace = new Pace(policy, () => 0);
    pace.throttled(await pace.turn());
    pace.throttled(1);
    expect(pace.intervalMs).toBe(500);
    const seen = [];
    for (let answers = 1; answers <= 40; answers++) {
      pace.answered();
      if (answers % 20 === 0 || answers % 20 === 19) seen.push(pace.intervalMs);
    }
    expect(seen).toEqual([500, 250, 250, 0]);
  });

  it('starts to count anew after a refusal', async () => {
    const pace = new Pace(policy, () => 0);
    pace.throttled(await pace.turn());
    for (let answers = 0; answers < 19; answers++) pace.answered();
    pace.throttled(0);
    pace.answered();
    expect(pace.intervalMs).toBe(250);
  });

  it('keeps its order, and lets those who wait stop', async () => {
    const pace = new Pace({ tries: 5, baseMs: 20, maxMs: 20 }, () => 0);
    pace.throttled(await pace.turn());
    const order: number[] = [];
    await Promise.all([1, 2, 3].map(async (nth) => order.push((await pace.turn(), nth))));
    expect(order).toEqual([1, 2, 3]);
    await expect(pace.turn(AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
  });
});

describe('the turns of a pace', () => {
  /** A pace at a clock that stands still, and what is waited for each turn. */
  function startPace(options = policy): {
    pace: Pace;
    turns: (count: number) => Promise<number[]>;
    pass: (ms: number) => void;
  } {
    let nowMs = 1_000_000;
    let waits: number[] = [];
    const pace = new Pace(
      options,
      () => nowMs,
      async (delayMs) => void waits.push(delayMs),
    );
    const turns = async (count: number): Promise<number[]> => {
      waits = [];
      await Promise.all(Array.from({ length: count }, () => pace.turn()));
      return waits;
    };
    return { pace, turns, pass: (ms) => void (nowMs += ms) };
  }

  it('come at once without one, and an interval apart with one', async () => {
    const { pace, turns, pass } = startPace();
    expect(await turns(3)).toEqual([]);
    pace.throttled(0);
    expect(await turns(3)).toEqual([250, 500, 750]);
    pass(500);
    expect(await turns(1)).toEqual([500]);
    // Who was away for a while does not find all turns that passed.
    pass(10_000);
    expect(await turns(2)).toEqual([0, 250]);
  });

  it('wait as long as the registry wants to be left alone, whichever request was told so', async () => {
    const pace = new Pace(policy);
    expect(notePace(pace, 0, { status: 429, headers: { 'retry-after': '7' } })).toBe(true);
    expect(pace.intervalMs).toBe(250);
    const { pace: told, turns } = startPace();
    told.throttled(0, 7_000);
    // One that was sent before says nothing of the pace, but of the wait.
    told.throttled(0, 9_000);
    told.throttled(0, 3_000);
    expect(await turns(2)).toEqual([9_000, 9_250]);
  });

  it('are told of any other answer, which is never worth another request', () => {
    const { pace } = startPace();
    pace.throttled(0);
    for (let answers = 0; answers < 20; answers++) expect(notePace(pace, 1, { status: 503, headers: {} })).toBe(false);
    expect(pace.intervalMs).toBe(0);
  });

  it('begin at the slowest where that is faster than the first', () => {
    const { pace } = startPace({ tries: 5, baseMs: 250, maxMs: 100 });
    expect(pace.throttled(0)).toBe(true);
    expect(pace.intervalMs).toBe(100);
    expect(pace.throttled(1)).toBe(false);
  });
});

describe('a registry that throttles without a word', () => {
  it('is asked more slowly until it answers, however often it refuses, and never for all at once', async () => {
    const blobs = Array.from({ length: 12 }, (_, nth) => madeBlob(`blob ${nth}`));
    let refusals = 0;
    await using server = await startScriptedServer((request, response) => {
      const blob = blobs.find(({ descriptor }) => request.url?.endsWith(descriptor.digest) === true);
      // More refusals than any request has tries.
      if (refusals < 60) {
        refusals++;
        response.writeHead(429, { 'content-length': 0 }).end();
      } else response.writeHead(200, { 'content-length': blob?.bytes.length }).end(blob?.bytes);
    });
    const retry = { tries: 2, baseMs: 1, maxMs: 64 };
    const host = createRegistryHost(server.host, { environment: {}, plainHttp: true, retry });
    const repository = openRepository({ registry: server.host, repository: 'a/b' }, { host });
    const read = await Promise.allSettled(blobs.map(({ descriptor }) => readVerified(repository, descriptor)));
    await host.close();
    expect(refusals).toBeGreaterThan(20);
    expect(host.pace.intervalMs).toBe(64);
    // At the slowest pace refusals count as they always did.
    const refused = read.filter(({ status }) => status === 'rejected');
    for (const outcome of refused) expect(outcome).toMatchObject({ reason: { failure: { status: 429 } } });
  });

  it('is waited for where one request meets more refusals than it has tries', async () => {
    const blob = madeBlob('blob');
    await using server = await startScriptedServer((_, response, nth) => {
      if (nth < 6) response.writeHead(429, { 'content-length': 0 }).end();
      else response.writeHead(200, { 'content-length': blob.bytes.length }).end(blob.bytes);
    });
    const retry = { tries: 1, baseMs: 1, maxMs: 64 };
    const host = createRegistryHost(server.host, { environment: {}, plainHttp: true, retry });
    const repository = openRepository({ registry: server.host, repository: 'a/b' }, { host });
    expect(await readVerified(repository, blob.descriptor)).toEqual(blob.bytes);
    await host.close();
    expect(server.asked).toHaveLength(7);
  });
});

it('says that a registry throttles where it does, and not otherwise', async () => {
  const said: string[] = [];
  await using server = await startScriptedServer((_, response, nth) =>
    nth === 0 ? void response.writeHead(429).end() : void response.end('{}'),
  );
  const retry = { tries: 2, baseMs: 1, maxMs: 1 };
  await using host = createRegistryHost(server.host, { environment: {}, retry, onDecision: (line) => said.push(line) });
  for (let asked = 0; asked < 2; asked++) {
    const request = { method: 'GET', kind: 'tags', to: '/v2/a/tags/list', scopes: [] } as const;
    await host.call(request, async (answer) => answer.discard());
  }
  expect(said.filter((line) => line.includes('throttles'))).toHaveLength(1);
});
