/** kill -9 at any moment of a load: no tag is ever there whose content is not, and the next run completes everything. */
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sha256 } from '../../src/oci/digest.ts';
import { startChaosProxy, type ChaosProxy } from '../helpers/chaos-proxy.ts';
import { startDockerRegistry, type DockerRegistry } from '../helpers/docker-registry.ts';
import { pushSample } from '../helpers/push-sample.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { KILLS, measure, MIN_RESUMED, strike, Strikes } from './support/moments.ts';
import { airgapJson, startAirgap } from './support/program.ts';
import { expectComplete, expectServes, get, tagsOf } from './support/registry-content.ts';
import { internalPlace, placeOf } from './support/release.ts';

const SLOW = { bytesPerSecond: 600_000 };
const TIMEOUT_MS = 900_000;

interface LoadResult {
  readonly copied: number;
  readonly mounted: number;
  readonly tagged: number;
  readonly payload: string;
}

const fixture = useBuiltRelease({ baseBytes: 200_000, ownBytes: 100_000 });
let target: DockerRegistry;
let link: ChaosProxy;

beforeAll(async () => {
  target = await startDockerRegistry();
  link = await startChaosProxy(target.port);
});
afterAll(async () => {
  await link.stop();
  await target.stop();
});

const uploaded = (): number => link.counts.uploaded;

const load = (prefix: string): string[] => [
  ...['load', fixture.archive, '--key', fixture.pub, '--to', `docker://${link.host}/${prefix}`],
  ...['--report', fixture.temp.join(`report-${prefix}`)],
];

/** Every repository a load writes to, below its prefix. */
const places = (): readonly string[] => [...[...fixture.release.images.keys()].map(internalPlace), 'charts/demo'];

test(
  `killed ${KILLS} times, a load shows nothing incomplete and is completed by the next`,
  { timeout: TIMEOUT_MS },
  async () => {
    const url = `http://${target.host}`;
    let all = 0;
    link.setFaults(SLOW);
    const course = await measure(async () => {
      all = (await airgapJson<LoadResult>(load('undisturbed'))).copied;
    }, uploaded);
    const strikes = new Strikes(course, 12);
    let resumed = 0;
    for (const moment of strikes) {
      const { round } = moment;
      const prefix = `round-${round}`;
      link.setFaults(SLOW);
      await using child = await startAirgap(load(prefix));
      strikes.tell(await strike(child, moment, uploaded));
      for (const repository of places()) {
        const path = `${prefix}/${repository}`;
        for (const tag of await tagsOf(url, path)) await expectComplete(url, path, tag);
      }
      link.setFaults({});
      const { copied } = await airgapJson<LoadResult>(load(prefix));
      if (copied < all) resumed += 1;
      for (const [reference, node] of fixture.release.images) {
        await expectServes(url, `${prefix}/${internalPlace(reference)}`, node, placeOf(reference).name);
      }
    }
    expect(resumed).toBeGreaterThanOrEqual(MIN_RESUMED);
    const again = await airgapJson<LoadResult>(load('round-0'));
    expect(again).toMatchObject({ copied: 0, mounted: 0, tagged: 0, payload: 'not read' });
  },
);

test(
  'a tag that names something older stays what it was until everything new is there',
  { timeout: TIMEOUT_MS },
  async () => {
    const url = `http://${target.host}`;
    const [reference = '', node] = [...fixture.release.images].find(([key]) => key.includes('/tool:')) ?? [];
    const older = [...fixture.release.images.values()].find(({ children }) => children.length > 0)?.children[0];
    if (node === undefined || older === undefined) throw new Error('the release has lost its images');
    const repository = `older/${internalPlace(reference)}`;
    await pushSample(url, repository, older, ['3']);
    link.setFaults({ bytesPerSecond: 300_000, holdUploadAfterBytes: 300_000 });
    await using child = await startAirgap(load('older'));
    let looks = 0;
    while (child.isRunning) {
      const { bytes } = await get(url, repository, 'manifests', '3');
      const digest = sha256(bytes);
      expect([older.descriptor.digest, node.descriptor.digest]).toContain(digest);
      if (digest !== older.descriptor.digest) await expectComplete(url, repository, '3');
      // Part of it has gone, and no more of it goes until it was looked at often enough.
      else if (uploaded() >= 300_000) looks += 1;
      if (looks === 6) link.setFaults({ bytesPerSecond: 300_000 });
      await setTimeout(20);
    }
    expect((await child.ended).exitCode).toBe(0);
    expect(looks).toBeGreaterThan(5);
    await expectServes(url, repository, node, '3');
  },
);
