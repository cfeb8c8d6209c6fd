/** Narrowing to platforms: which images go, which are skipped, and what of them goes. */
import { expect, test } from 'vitest';
import { platformsOf } from '../../../src/content/graph-platforms.ts';
import { narrowGraph } from '../../../src/release/mapping/routes.ts';
import { makeRelease } from '../../archive/sample-release.ts';
import { listedFor, makeImage, makeIndex, type SampleNode } from '../../helpers/sample-image.ts';

async function narrow(images: Readonly<Record<string, SampleNode>>, platform: string): ReturnType<typeof narrowGraph> {
  const { inventory, store } = await makeRelease({ images, files: {} });
  return await narrowGraph(() => store, inventory, [platform]);
}

const amd64 = makeImage();
const neutral = makeIndex([listedFor(amd64, 'linux', 'amd64'), listedFor(amd64, 'linux', 'arm64')]);
const other = makeIndex([amd64, makeImage({ platform: 'linux/s390x' })]);

test('an image that lists one manifest for two platforms goes for either, under that alone', async () => {
  for (const platform of ['linux/amd64', 'linux/arm64']) {
    const { graph, skipped } = await narrow({ 'r.example/neutral:1': neutral }, platform);
    expect(skipped).toEqual([]);
    expect(platformsOf(graph)).toEqual([platform]);
    expect(graph.images).toMatchObject([{ indexMode: 'sparse' }]);
    expect(graph.manifests.map(({ digest }) => digest)).toContain(amd64.descriptor.digest);
  }
});

test('that another image lists a manifest for a platform does not make an image one for it', async () => {
  const { graph, skipped } = await narrow(
    { 'r.example/neutral:1': neutral, 'r.example/other:1': other },
    'linux/arm64',
  );
  expect(skipped).toEqual(['r.example/other:1']);
  expect(graph.images.map(({ reference }) => reference)).toEqual(['r.example/neutral:1']);
});

test('an image whose platforms stand in an inner index goes whole', async () => {
  const nested = makeIndex([makeIndex([amd64, makeImage({ platform: 'linux/arm64' })])]);
  const { graph, skipped } = await narrow({ 'r.example/nested:1': nested }, 'linux/arm64');
  expect(skipped).toEqual([]);
  expect(graph.images).toMatchObject([{ digest: nested.descriptor.digest, indexMode: 'complete' }]);
  expect(platformsOf(graph)).toEqual(['linux/amd64', 'linux/arm64']);
});
