/** A release of three components for a fleet, each with an image and objects of its own, rendered for each role. */
import { writeFile } from 'node:fs/promises';
import { startRegistry, type EmbeddedRegistry } from '../../../src/server/embedded-registry.ts';
import type { BuiltCli } from '../../cli/built-cli.ts';
import { PASSPHRASE } from '../../cli/sample-release.ts';
import { writeKeyFiles } from '../../helpers/key-files.ts';
import { pushSample } from '../../helpers/push-sample.ts';
import { makeMultiPlatformImage } from '../../helpers/sample-image.ts';
import { makeTempDir, type TempDir } from '../../helpers/temp.ts';
import { writeFiles } from '../../kubernetes/charts/chart-files.ts';

const COMPONENTS = ['core', 'db', 'agent'] as const;
export const PROFILES = ['primary', 'secondary', 'edge'] as const;

/** The archive, and what a deployment of it is told. */
export interface FleetRelease extends AsyncDisposable {
  readonly temp: TempDir;
  readonly archive: string;
  readonly pub: string;
  /** An empty registry of a cluster, by its name. */
  readonly openRegistry: (name: string) => Promise<EmbeddedRegistry>;
}

/** Builds it. Objects of a component are suspended, so that a cluster without controllers calls them ready. */
export async function makeFleetRelease(cli: BuiltCli): Promise<FleetRelease> {
  const temp = await makeTempDir();
  const registries: EmbeddedRegistry[] = [];
  const openRegistry = async (name: string): Promise<EmbeddedRegistry> => {
    const registry = await startRegistry({ directory: temp.join(`registry-${name}`) });
    registries.push(registry);
    return registry;
  };
  const source = await openRegistry('source');
  for (const name of COMPONENTS) {
    await pushSample(source.url, `team/${name}`, makeMultiPlatformImage({ name }), ['1.0']);
  }
  const image = (name: string): string => `${source.host}/team/${name}:1.0`;
  await writeFiles(
    temp.path,
    Object.fromEntries(
      PROFILES.map((profile) => [
        `manifests/${profile}/01-all.yaml`,
        objectsOf(profile, image)
          .map((object) => `---\n${JSON.stringify(object)}\n`)
          .join(''),
      ]),
    ),
  );
  const release = {
    apiVersion: 'airgap.hexabase.ai/v1',
    kind: 'Release',
    name: 'fleet-shop',
    version: '1.0.0',
    created: '2026-01-31T12:00:00Z',
    platforms: ['linux/amd64', 'linux/arm64'],
    components: COMPONENTS.map((name) => ({
      name,
      images: [image(name)],
      manifests: name === 'core' ? PROFILES.map((profile) => `manifests/${profile}/01-all.yaml`) : [],
    })),
  };
  await writeFile(temp.join('release.yaml'), JSON.stringify(release));
  const { key, pub } = await writeKeyFiles(temp.join('release'));
  await cli.ok(['build', 'release.yaml', '--key', key], { cwd: temp.path, env: PASSPHRASE });
  return {
    temp,
    archive: temp.join('fleet-shop-offline-1.0.0.tar'),
    pub,
    openRegistry,
    [Symbol.asyncDispose]: async () => {
      for (const registry of registries) await registry.close();
      await temp[Symbol.asyncDispose]();
    },
  };
}

function objectsOf(profile: string, image: (name: string) => string): readonly object[] {
  return [
    make('v1', 'ConfigMap', 'settings', undefined, { data: { profile } }),
    make('v1', 'ConfigMap', 'upstream', 'core', { data: { host: 'database.example.internal' } }),
    make('v1', 'Secret', 'replication', 'core', { data: { password: '${SITE_REPLICATION_PASSWORD_BASE64}' } }),
    make('v1', 'Secret', 'db', 'db', { data: { password: '${SITE_DB_PASSWORD_BASE64}' } }),
    ...COMPONENTS.map((name) => {
      const containers = [{ name: 'main', image: image(name) }];
      const template = { spec: { restartPolicy: 'Never', containers } };
      const spec = { schedule: '0 0 1 1 *', suspend: true, jobTemplate: { spec: { template } } };
      return make('batch/v1', 'CronJob', name, name, { spec });
    }),
  ];
}

function make(apiVersion: string, kind: string, name: string, component: string | undefined, rest: object): object {
  const labels = component === undefined ? {} : { labels: { 'app.kubernetes.io/name': component } };
  return { apiVersion, kind, metadata: { name, ...labels }, ...rest };
}
