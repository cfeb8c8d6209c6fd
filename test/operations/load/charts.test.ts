/** Charts of an archive in a registry: with the provenance file that travelled beside them. */
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { trustArchive } from '../../../src/archive/verification/trusted-archive.ts';
import { loadRelease, planLoad } from '../../../src/operations/load/load.ts';
import { fetchChart } from '../../../src/operations/resolve/charts/registry-chart.ts';
import { createRegistryTarget } from '../../../src/release/mapping/image-target.ts';
import { MemoryStore } from '../../../src/stores/memory.ts';
import { createKeySigner } from '../../../src/trust/signing/signer.ts';
import { contentsOf, fixedKeyPair, forgeArchive } from '../../archive/forge.ts';
import { makeRelease } from '../../archive/sample-release.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { chartYaml, packFiles } from '../../kubernetes/rendering/corpus.ts';

const temp = useTempDir();
const { privateKey, publicKey } = fixedKeyPair('maker');

test('a provenance file is loaded with its chart and no other, and is read again from there', async () => {
  const [app, other] = await Promise.all(
    ['app', 'other'].map((name) => packFiles(name, { 'Chart.yaml': chartYaml(name) })),
  );
  const signed = Buffer.from('a signed message');
  const release = await makeRelease({
    images: {},
    files: {
      'charts/app-1.2.3.tgz': app as Buffer,
      'charts/app-1.2.3.tgz.prov': signed,
      'charts/other-1.2.3.tgz': other as Buffer,
    },
  });
  const bytes = await forgeArchive(release.inventory, contentsOf(release), createKeySigner(privateKey));
  await writeFile(temp.join('a.tar'), bytes);
  using archive = await trustArchive(temp.join('a.tar'), { keys: [publicKey], threshold: 1 });
  const stores = new Map(['app', 'other'].map((name) => [`charts/${name}`, new MemoryStore(name)]));
  const target = createRegistryTarget(
    'docker://registry.internal',
    { host: 'registry.internal', prefix: '', stripRegistry: false },
    ({ repository }) => stores.get(repository) as MemoryStore,
  );
  await loadRelease(await planLoad(archive, target));
  const read = (name: string): ReturnType<typeof fetchChart> =>
    fetchChart(
      stores.get(`charts/${name}`) as MemoryStore,
      { registry: 'registry.internal', repository: `charts/${name}`, tag: '1.2.3' },
      name,
    );
  expect(await read('app')).toEqual({ bytes: app, provenance: signed });
  expect(await read('other')).toEqual({ bytes: other });
});
