/** What a site keeps of an archive is enough to go back to it, and is believed no more than any archive. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findKept, keepArchive } from '../../../../src/operations/deploy/rollback/kept-archives.ts';
import { trustArchive, type TrustedArchive } from '../../../../src/archive/verification/trusted-archive.ts';
import { startRegistry } from '../../../../src/server/embedded-registry.ts';
import { loadPublicKey } from '../../../../src/trust/keys/public-key.ts';
import { useBuiltCli } from '../../../cli/built-cli.ts';
import { sharedCluster } from '../../../helpers/cluster.ts';
import { makeDeployableRelease, type DeployableRelease } from '../deployable-release.ts';

const cli = useBuiltCli();
let release: DeployableRelease | undefined;
let next = '';

beforeAll(async () => {
  const cluster = await sharedCluster();
  if (cluster === undefined) return;
  release = await makeDeployableRelease(cli, cluster.kubeconfig);
  next = await release.buildNext();
});
afterAll(async () => release?.[Symbol.asyncDispose]());

interface Site {
  readonly release: DeployableRelease;
  readonly state: string;
  /** Words without an archive. */
  readonly here: readonly string[];
  /** Names of the files that are kept. */
  readonly kept: () => Promise<readonly string[]>;
}

function site(skip: () => never): Site {
  if (release === undefined) skip();
  const namespace = `kept-${randomBytes(4).toString('hex')}`;
  const state = release.temp.join(`state of ${namespace}`);
  const here = ['--state', state, '--namespace', namespace];
  return { release, state, here, kept: async () => (await readdir(`${state}/kept`)).sort() };
}

async function trust(archive: string, key = ''): Promise<TrustedArchive> {
  return await trustArchive(archive, { keys: [loadPublicKey(await readFile(key, 'utf8'))], threshold: 1 });
}

test('a release is gone back to without its archive: digests, signature and rules of the site are those of the archive', async (t) => {
  const { release: { archive, of, temp }, state, here, kept } = site(t.skip); // prettier-ignore
  const [, ...words] = of(archive, ...here);
  expect(await cli.airgap(['deploy', archive, ...words, '--profile', 'settings', '--keep'])).toMatchObject({ exitCode: 0 });
  expect(await cli.airgap(['deploy', next, ...words, '--profile', 'settings', '--keep'])).toMatchObject({ exitCode: 0 });
  const names = await kept();
  expect(names).toEqual([
    expect.stringMatching(/^shop-offline-1\.0\.0\.[0-9a-f]{64}\.delta\.tar$/),
    expect.stringMatching(/^shop-offline-1\.1\.0\.[0-9a-f]{64}\.delta\.tar$/),
  ]);
  const log = (await readFile(`${state}/audit.jsonl`, 'utf8')).split('\n');
  expect(log.filter((line) => line.includes('"name":"keep"'))).toHaveLength(2);
  await rename(archive, `${archive}.away`);
  try {
    const refused = await cli.airgap(['rollback', ...words]);
    expect([refused.exitCode, refused.stderr]).toEqual([3, expect.stringContaining('has sequence 1')]);
    const digest = `sha256:${/\.([0-9a-f]{64})\./.exec(names[0] ?? '')?.[1] ?? ''}`;
    const back = await cli.airgap(['rollback', ...words, '--allow-rollback-to', digest, '--prune']);
    expect(back).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^went back to shop 1\.0\.0 from 1\.1\.0 at /) as string }); // prettier-ignore
    expect(back.stdout).toMatch(/pruned:\n {2}ConfigMap kept-\w+\/new\n/);
  } finally {
    await rename(`${archive}.away`, archive);
  }
  // What is kept can be joined with what it is of: nothing but layers is missing.
  const path = `${state}/kept/${names[0] ?? ''}`;
  expect((await stat(path)).size).toBeLessThan((await stat(archive)).size);
  await cli.ok(['join', path, '--base', archive, '--output', temp.join('joined.tar')]);
  expect(await readFile(temp.join('joined.tar'))).toEqual(await readFile(archive));
}); // prettier-ignore

test('what is not kept, was changed, or is no longer in the registry is refused, and nothing is changed', async (t) => {
  const { release: { archive, of, temp }, state, here, kept } = site(t.skip); // prettier-ignore
  const [, ...words] = of(archive, ...here);
  const stateless = words.filter((word) => word !== '--state' && word !== state);
  const nothing = await cli.airgap(['rollback', ...words]);
  expect([nothing.exitCode, nothing.stderr]).toEqual([1, expect.stringContaining('no deployment of a release is on record in namespace kept-')]); // prettier-ignore
  const unkept = await cli.airgap(['deploy', archive, ...stateless, '--profile', 'settings', '--keep']);
  expect([unkept.exitCode, unkept.stderr]).toEqual([2, expect.stringContaining('--keep needs --state')]);
  for (const path of [archive, next])
    expect(await cli.airgap(['deploy', path, ...words, '--profile', 'settings'])).toMatchObject({ exitCode: 0 });
  const absent = await cli.airgap(['rollback', ...words]);
  expect([absent.exitCode, absent.stderr]).toEqual([1, expect.stringMatching(/shop 1\.0\.0 \(sha256:\w+\) is not kept in .*give the archive of the release/s)]); // prettier-ignore
  const without = await cli.airgap(['rollback', ...stateless]);
  expect([without.exitCode, without.stderr]).toEqual([2, expect.stringContaining('no archive to go back to')]);

  using trusted = await trust(archive, words[1]);
  const path = await keepArchive(state, trusted);
  const { digest, inventory } = trusted.release;
  const allowed = [...words, '--allow-rollback-to', digest];
  const whole = await readFile(path);
  const at = whole.indexOf('"settings-3"') + '"settings-'.length;
  await writeFile(path, Buffer.concat([whole.subarray(0, at), Buffer.from('4'), whole.subarray(at + 1)]));
  const changed = await cli.airgap(['rollback', ...allowed]);
  expect([changed.exitCode, changed.stderr]).toEqual([3, expect.stringContaining(basename(path))]);
  await writeFile(path, whole);

  await using empty = await startRegistry({ directory: temp.join('empty') });
  const [, ...elsewhere] = allowed.map((word) => (word.startsWith('docker://') ? `docker://${empty.host}` : word));
  const gone = await cli.airgap(['rollback', '--key', ...elsewhere]);
  const layer = inventory.manifests.flatMap(({ layers = [] }) => layers)[0] ?? '';
  expect([gone.exitCode, gone.stderr]).toEqual([1, expect.stringContaining(layer)]);
  expect(gone.stderr).toContain('or load the full archive');
  expect(await kept()).toHaveLength(1);
});

test('of each product the last eleven are kept, and of another product all', async (t) => {
  const { release: { archive, of }, state, here, kept } = site(t.skip); // prettier-ignore
  await mkdir(`${state}/kept`, { recursive: true });
  const fill = async (product: string, count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      const hex = String(index).padStart(64, '0');
      const path = `${state}/kept/${product}-offline-0.${index}.0.${hex}.delta.tar`;
      for (const file of [path, `${path}.0123456789abcdef.sigstore.json`]) await writeFile(file, '');
      await utimes(path, index, index);
    }
  };
  await fill('shop', 13);
  await fill('shopping', 13);
  const [, , key = ''] = of(archive, ...here);
  using trusted = await trust(archive, key);
  await keepArchive(state, trusted);
  await keepArchive(state, trusted);
  const names = await kept();
  expect(names.filter((name) => name.startsWith('shopping-'))).toHaveLength(26);
  const own = names.filter((name) => name.startsWith('shop-'));
  expect(own.filter((name) => name.endsWith('.tar'))).toHaveLength(11);
  expect(own).toHaveLength(21);
  expect(own.filter((name) => /-0\.[012]\./.test(name))).toEqual([]);
  expect(await findKept(state, trusted.release.digest)).toContain('shop-offline-1.0.0.');
  expect(await findKept(state, 'sha256:../../../etc/passwd')).toBeUndefined();
});
