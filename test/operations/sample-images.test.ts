/** Sample images of a release: for every image that it names, and refused where only a registry's chart would name them. */
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { pushSampleImages } from '../../src/operations/sample-images.ts';
import { createLayoutTarget, createRegistryTarget } from '../../src/release/mapping/image-target.ts';
import { loadSpec } from '../../src/release/spec/spec.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { useTempDir } from '../helpers/temp.ts';
import { HEAD } from './resolve/resolve-fixture.ts';

const temp = useTempDir();

test('a chart of a registry is refused before the target is asked for anything', async () => {
  const path = temp.join('release.yaml');
  await writeFile(path, `${HEAD}components:\n  - name: a\n    charts: ['oci://registry.example/charts/app:1.0.0+2']\n`);
  const target = createRegistryTarget('docker://127.0.0.1:1', { host: '127.0.0.1:1', prefix: '' }, () => {
    throw new Error('the target was asked');
  });
  await expect(pushSampleImages(await loadSpec(path), temp.path, target)).rejects.toMatchObject({
    code: 'INVALID_SPEC',
    message: 'the images of oci://registry.example/charts/app:1.0.0_2 are not known without asking there',
    hint: expect.stringContaining('helm pull') as string,
  });
});

test('every image of every component gets a sample at the target, the same in every run', async () => {
  const path = temp.join('release.yaml');
  const images = (...names: readonly string[]): string => names.map((name) => `registry.example/${name}:1`).join(', ');
  await writeFile(
    path,
    `${HEAD}components:\n  - name: a\n    images: [${images('app', 'db')}]\n  - name: b\n    images: [${images('app')}]\n`,
  );
  const push = async (): Promise<readonly unknown[]> => {
    const store = new MemoryStore();
    const pushed = await pushSampleImages(await loadSpec(path), temp.path, createLayoutTarget('oci:x', store));
    expect(pushed).toMatchObject({ references: ['registry.example/app:1', 'registry.example/db:1'], warnings: [] });
    return Promise.all(pushed.references.map((reference) => store.resolve(reference)));
  };
  const first = await push();
  expect(first).toEqual([expect.objectContaining({ digest: expect.any(String) as string }), expect.anything()]);
  expect(first[0]).not.toEqual(first[1]);
  expect(await push()).toEqual(first);
});
