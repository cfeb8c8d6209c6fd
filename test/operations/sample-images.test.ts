/** What sample images cannot be made of: images that only a registry's chart would name. */
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { pushSampleImages } from '../../src/operations/sample-images.ts';
import { createRegistryTarget } from '../../src/release/mapping/image-target.ts';
import { loadSpec } from '../../src/release/spec/spec.ts';
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
    message: 'the images of oci://registry.example/charts/app:1.0.0_2 are not known without its registry',
    hint: expect.stringContaining('helm pull') as string,
  });
});
