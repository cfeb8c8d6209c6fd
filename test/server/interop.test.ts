/** Real clients against the registry: skopeo pushes and pulls, and every byte survives. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { hexOf } from '../../src/oci/digest.ts';
import { send } from '../helpers/raw-http.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { pushSample } from '../helpers/push-sample.ts';
import { contentOf, makeImage, makeMultiPlatformImage, writeOciLayout } from '../helpers/sample-image.ts';
import { makeLayer, noise } from '../helpers/sample-layer.ts';
import { useTempDir } from '../helpers/temp.ts';
import { useRegistry } from '../helpers/use-registry.ts';

const run = promisify(execFile);
const registry = useRegistry();
const temp = useTempDir();
const base = makeLayer({ 'etc/os-release': 'ID=sample\n', 'var/noise': noise('interop', 1_000_000) });
const image = makeMultiPlatformImage({ name: 'app', base, attestations: true });

async function skopeo(path: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(path, args, { timeout: 150_000 });
  return stdout;
}

test('skopeo copies a whole index from a layout to the registry, and into a second repository by mount', async (context) => {
  const path = requireTool('skopeo') ?? context.skip();
  await writeOciLayout(temp.join('layout'), image, '1.0');
  const options = ['copy', '--all', '--preserve-digests', '--insecure-policy', '--dest-tls-verify=false'];
  await skopeo(path, ...options, `oci:${temp.join('layout')}:1.0`, `docker://${registry.host}/team/app:1.0`);
  const pulled = await send(registry.url, 'GET', '/v2/team/app/manifests/1.0');
  expect(pulled.body.equals(image.bytes)).toBe(true);
  for (const [digest, { bytes }] of contentOf(image)) {
    expect((await send(registry.url, 'GET', `/v2/team/app/blobs/${digest}`)).body.equals(bytes)).toBe(true);
  }

  const source = `docker://${registry.host}/team/app:1.0`;
  registry.requests.length = 0;
  await skopeo(path, ...options, '--src-tls-verify=false', source, `docker://${registry.host}/team/copy:1.0`);
  const uploaded = registry.requests.filter((record) => record.path.includes('/blobs/uploads/'));
  // It mounts layers and uploads configs, which it has at hand.
  expect(uploaded.filter((record) => record.method === 'POST' && record.status === 201)).not.toHaveLength(0);
  expect(uploaded.reduce((sum, record) => sum + record.bytesIn, 0)).toBeLessThan(10_000);
  expect((await send(registry.url, 'GET', '/v2/team/copy/manifests/1.0')).body.equals(image.bytes)).toBe(true);
});

test.for(['oci', 'docker'] as const)(
  'skopeo copies an %s image from the registry to a directory',
  async (format, context) => {
    const path = requireTool('skopeo') ?? context.skip();
    const single = makeImage({ format, layers: [makeLayer({ hello: 'world' }, { format })] });
    await pushSample(registry.url, 'team/single', single, ['1.0']);
    const source = `docker://${registry.host}/team/single:1.0`;
    const options = ['copy', '--preserve-digests', '--insecure-policy', '--src-tls-verify=false'];
    await skopeo(path, ...options, source, `dir:${temp.join('out')}`);
    expect((await readFile(temp.join('out', 'manifest.json'))).equals(single.bytes)).toBe(true);
    const names = await readdir(temp.join('out'));
    for (const { descriptor, bytes } of single.blobs) {
      const name = hexOf(descriptor.digest);
      expect(names).toContain(name);
      expect((await readFile(join(temp.join('out'), name))).equals(bytes)).toBe(true);
    }
    const inspected = JSON.parse(await skopeo(path, 'inspect', '--tls-verify=false', source)) as Record<
      string,
      unknown
    >;
    expect(inspected).toMatchObject({ Digest: single.descriptor.digest, Architecture: 'amd64', RepoTags: ['1.0'] });
  },
);

test('skopeo refuses to delete and lists tags', async (context) => {
  const path = requireTool('skopeo') ?? context.skip();
  await pushSample(registry.url, 'team/app', image, ['1.0', '1.1']);
  const listed = await skopeo(path, 'list-tags', '--tls-verify=false', `docker://${registry.host}/team/app`);
  expect(JSON.parse(listed)).toMatchObject({ Tags: ['1.0', '1.1'] });
  await expect(
    skopeo(path, 'delete', '--tls-verify=false', `docker://${registry.host}/team/app:1.0`),
  ).rejects.toThrow();
});
