/** Charts of an archive in a registry: with the provenance file that travelled beside them. */
import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { expect, test } from 'vitest';
import { trustArchive } from '../../../src/archive/verification/trusted-archive.ts';
import { collect } from '../../../src/content/verified.ts';
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

/** Loads charts as a release made at `created` does, and gives what each is published as. */
async function publish(created: string, files: Readonly<Record<string, Buffer>>): Promise<readonly string[]> {
  const release = await makeRelease({ images: {}, files });
  const inventory = { ...release.inventory, created };
  await writeFile(temp.join('a.tar'), await forgeArchive(inventory, contentsOf(release), createKeySigner(privateKey)));
  using archive = await trustArchive(temp.join('a.tar'), { keys: [publicKey], threshold: 1 });
  const store = new MemoryStore('charts');
  const host = { host: 'registry.internal', prefix: '', stripRegistry: false };
  const plan = await planLoad(
    archive,
    createRegistryTarget('docker://registry.internal', host, () => store),
  );
  await loadRelease(plan);
  return await Promise.all(
    plan.charts.map(async ({ digest }) => String(await collect(store.fetch(await store.resolve(digest))))),
  );
}

test('a chart is published as the same artifact in every release, dated as the newest of its files', async () => {
  const app = await packFiles('app', { 'Chart.yaml': chartYaml('app') });
  const dated = pack();
  for (const [name, content, mtime] of [
    ['Chart.yaml', chartYaml('other'), '2025-01-02T03:04:05Z'],
    ['values.yaml', 'a: 1\n', '2024-01-01T00:00:00Z'],
  ] as const) {
    dated.entry({ name: `other/${name}`, mtime: new Date(mtime) }, content);
  }
  dated.finalize();
  const other = gzipSync(await collect(dated as AsyncIterable<Uint8Array>));
  const files = { 'charts/app-1.2.3.tgz': app, 'charts/other-1.2.3.tgz': other };
  const first = await publish('2024-05-06T07:08:09Z', files);
  expect(first.map((manifest) => /"org.opencontainers.image.created":"([^"]*)"/.exec(manifest)?.[1])).toEqual([
    '1970-01-01T00:00:00Z',
    '2025-01-02T03:04:05Z',
  ]);
  expect(await publish('2026-01-31T12:00:00Z', files)).toEqual(first);
});

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
