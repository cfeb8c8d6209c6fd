/** A small release with everything a command needs: a source registry, a release.yaml, a key pair and, if wanted, the archive. */
import { mkdir, writeFile } from 'node:fs/promises';
import { startRegistry, type EmbeddedRegistry } from '../../src/server/embedded-registry.ts';
import { TEST_PASSPHRASE, writeKeyFiles } from '../helpers/key-files.ts';
import { pushSample } from '../helpers/push-sample.ts';
import { makeMultiPlatformImage } from '../helpers/sample-image.ts';
import { makeLayer } from '../helpers/sample-layer.ts';
import { makeTempDir, type TempDir } from '../helpers/temp.ts';
import type { BuiltCli } from './built-cli.ts';

export const PASSPHRASE = { AIRGAP_PASSPHRASE: TEST_PASSPHRASE };

/** The names of the images, each `<registry>/team/<name>:1.0`. */
export const IMAGES = ['app', 'db', 'ui'] as const;

/** Everything of one release, to be disposed of. */
export interface SampleRelease extends AsyncDisposable {
  readonly temp: TempDir;
  /** Where the images come from. */
  readonly source: EmbeddedRegistry;
  /** Where they go. */
  readonly target: EmbeddedRegistry;
  readonly archive: string;
  /** `.key` and `.pub` are beside each other. */
  readonly key: string;
  readonly publicKey: string;
  /** Pushes an image under a tag that the release names, so that the tag moves. */
  moveTag(name: string): Promise<void>;
}

/** Makes it all; the archive is built only when `isBuilt`. */
export async function makeSampleRelease(cli: BuiltCli, isBuilt: boolean): Promise<SampleRelease> {
  const temp = await makeTempDir();
  const source = await startRegistry({ directory: temp.join('source') });
  const target = await startRegistry({ directory: temp.join('target') });
  const base = makeLayer({ 'etc/os-release': 'ID=sample\n' });
  for (const name of IMAGES) {
    await pushSample(source.url, `team/${name}`, makeMultiPlatformImage({ name, base, attestations: true }), ['1.0']);
  }
  await mkdir(temp.join('docs'));
  await writeFile(temp.join('docs', 'install.md'), 'Read me first.\n');
  await writeFile(temp.join('release.yaml'), releaseYaml(source.host));
  const { key, pub } = await writeKeyFiles(temp.join('release'));
  if (isBuilt) await cli.ok(['build', 'release.yaml', '--key', key], { cwd: temp.path, env: PASSPHRASE });
  return {
    temp,
    source,
    target,
    archive: temp.join('demo-offline-1.0.0.tar'),
    key,
    publicKey: pub,
    moveTag: async (name) => {
      const image = makeMultiPlatformImage({ name: `${name}-moved`, base });
      await pushSample(source.url, `team/${name}`, image, ['1.0']);
    },
    [Symbol.asyncDispose]: async () => {
      await source.close();
      await target.close();
      await temp[Symbol.asyncDispose]();
    },
  };
}

/** One component's description tries to take over the terminal. */
function releaseYaml(host: string): string {
  return `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: '1.0.0'
created: '2026-01-31T12:00:00Z'
platforms: [linux/amd64, linux/arm64]
components:
  - name: app
    description: "\\x1b[2J\\x1b]0;owned\\x07 and \\u202egnp.exe"
    images: ['${host}/team/app:1.0', '${host}/team/ui:1.0']
    docs: [docs]
  - name: db
    images: ['${host}/team/db:1.0']
`;
}
