/** A release whose manifests are each a way for a deployment to end: one archive, one profile for each. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { startRegistry, type EmbeddedRegistry } from '../../../src/server/embedded-registry.ts';
import { PASSPHRASE } from '../../cli/sample-release.ts';
import type { BuiltCli } from '../../cli/built-cli.ts';
import type { ProcessResult } from '../../helpers/process.ts';
import { writeKeyFiles } from '../../helpers/key-files.ts';
import { pushSample } from '../../helpers/push-sample.ts';
import { makeImage } from '../../helpers/sample-image.ts';
import { makeTempDir, type TempDir } from '../../helpers/temp.ts';
import { writeFiles } from '../../kubernetes/charts/chart-files.ts';

/** Words of an image's path by which fake nodes stage what becomes of its pods, beside `app`, which runs. */
const NAMES = ['app', 'missing/app', 'fail/job', 'unready/app'] as const;

/** The class of a claim that no pod uses. */
export const LATER_CLASS = 'shop-later';

/** The archive, the registry it is loaded into, and the command. */
export interface DeployableRelease extends AsyncDisposable {
  readonly temp: TempDir;
  readonly archive: string;
  readonly target: EmbeddedRegistry;
  /** Builds version 1.1.0: profile `whole` is what `next` was, with another migration; it and `settings` have a config map more. */
  readonly buildNext: () => Promise<string>;
  /** Words that name an archive, whom to trust, and the registry and cluster. */
  readonly of: (archive: string, ...more: readonly string[]) => readonly string[];
  /** The command that sets up what the profile `set-up` deploys: a program that the test makes. */
  readonly initProgram: string;
  /** The words of {@link deploy}. */
  readonly words: (profile: string, namespace: string, ...more: readonly string[]) => readonly string[];
  /** `airgap deploy` of a profile into a namespace; `more` are further words. */
  readonly deploy: (profile: string, namespace: string, ...more: readonly string[]) => Promise<ProcessResult>;
}

/** Builds it. `kubeconfig` is that of the cluster that is deployed to. */
export async function makeDeployableRelease(cli: BuiltCli, kubeconfig: string): Promise<DeployableRelease> {
  const temp = await makeTempDir();
  const source = await startRegistry({ directory: temp.join('source') });
  const target = await startRegistry({ directory: temp.join('target') });
  for (const name of NAMES) await pushSample(source.url, `team/${name}`, makeImage({ labels: { name } }), ['1.0']);
  const image = (name: (typeof NAMES)[number]): string => `${source.host}/team/${name}:1.0`;
  const initProgram = `set-up-${randomBytes(4).toString('hex')}`;
  const { key, pub } = await writeKeyFiles(temp.join('release'));
  const workload = 'Deployment/control';
  const init = { workload, command: [initProgram, 'all'], timeoutSeconds: 60, profiles: ['set-up'] };
  const build = async (version: string, sequence: number, profiles: Profiles): Promise<string> => {
    await writeFiles(
      temp.path,
      Object.fromEntries(
        Object.entries(profiles).map(([name, objects]) => [
          `manifests/${name}/01-all.yaml`,
          objects.map((object) => `---\n${JSON.stringify(object)}\n`).join(''),
        ]),
      ),
    );
    const release = {
      apiVersion: 'airgap.hexabase.ai/v1',
      kind: 'Release',
      name: 'shop',
      version,
      sequence,
      created: '2026-01-31T12:00:00Z',
      platforms: ['linux/amd64'],
      ...(profiles['set-up'] === undefined ? {} : { deploy: { init } }),
      components: [
        {
          name: 'shop',
          images: NAMES.map(image),
          manifests: Object.keys(profiles).map((name) => `manifests/${name}/01-all.yaml`),
        },
      ],
    };
    await writeFile(temp.join('release.yaml'), JSON.stringify(release));
    await cli.ok(['build', 'release.yaml', '--key', key], { cwd: temp.path, env: PASSPHRASE });
    return temp.join(`shop-offline-${version}.tar`);
  };
  const profiles = profilesWith(image);
  const archive = await build('1.0.0', 1, profiles);
  const more = make('v1', 'ConfigMap', 'new', { data: { a: 'b' } });
  const of: DeployableRelease['of'] = (path, ...rest) => [
    ...[path, '--key', pub, '--to', `docker://${target.host}`],
    ...(rest.includes('--kubeconfig') ? [] : ['--kubeconfig', kubeconfig]),
    ...rest,
  ];
  const words: DeployableRelease['words'] = (profile, namespace, ...rest) => [
    'deploy',
    ...of(archive, '--profile', profile, '--namespace', namespace, ...rest),
  ];
  return {
    temp,
    archive,
    target,
    buildNext: () => {
      const whole = [...(profiles['next'] ?? []).map(withOtherMigration), more];
      return build('1.1.0', 2, { whole, settings: [...(profiles['settings'] ?? []), more] });
    },
    of,
    initProgram,
    words,
    deploy: (...given) => cli.airgap(words(...given)),
    [Symbol.asyncDispose]: async () => {
      await source.close();
      await target.close();
      await temp[Symbol.asyncDispose]();
    },
  };
}

function withOtherMigration(object: object): object {
  return JSON.parse(JSON.stringify(object).replace('"args":["migrate"]', '"args":["migrate","more"]')) as object;
}

type Profiles = Readonly<Record<string, readonly object[]>>;

function profilesWith(image: (name: (typeof NAMES)[number]) => string): Profiles {
  const app = image('app');
  const settings = (name: string, data: object): object => make('v1', 'ConfigMap', name, { data });
  const whole = (replicas: number, step: string): readonly object[] => [
    settings('settings', { 'worker.yaml': `worker: {image: "${app}"}` }),
    make('v1', 'Secret', 'keys', { data: { password: '${SITE_API_PASSWORD_BASE64}' } }),
    make('v1', 'PersistentVolumeClaim', 'later', { spec: { ...claimSpec(), storageClassName: LATER_CLASS } }),
    make('batch/v1', 'Job', 'migrate', jobSpec(app, 'migrate'), { 'helm.sh/hook': 'pre-install,pre-upgrade' }),
    database(app),
    make('v1', 'Service', 'db', serviceSpec('db')),
    workload('api', app, replicas),
    make('v1', 'Service', 'api', serviceSpec('api')),
    make('networking.k8s.io/v1', 'Ingress', 'api', ingressSpec()),
    make('batch/v1', 'Job', 'init', jobSpec(app, step), { 'helm.sh/hook': 'post-install,post-upgrade' }),
  ];
  return {
    whole: [...whole(1, 'one'), settings('old', { a: 'b' })],
    next: whole(2, 'two'),
    missing: [workload('api', image('missing/app'), 1)],
    small: [workload('api', app, 1)],
    'set-up': [
      make('v1', 'Secret', 'keys', { data: { password: '${SITE_API_PASSWORD_BASE64}' } }),
      settings('dsn', { dsn: 'postgres://shop:${SITE_API_PASSWORD}@db/shop', words: 'say ${SITE_API_PASSWORD}' }),
      workload('control', app, 2),
    ],
    unready: [workload('api', image('unready/app'), 1)],
    failing: [make('batch/v1', 'Job', 'init', jobSpec(image('fail/job'), 'one'), { 'helm.sh/hook': 'post-install' })],
    'no-storage': [
      make('v1', 'PersistentVolumeClaim', 'data', { spec: { ...claimSpec(), storageClassName: 'not-here' } }),
      workload('api', app, 1, { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] }),
    ],
    strict: [{ ...settings('settings', {}), dta: { a: 'b' } }],
    blocked: [definition('blocked.example'), make('blocked.example/v1', 'Order', 'first', { spec: { image: app } })],
    definitions: [definition('shop.example'), make('shop.example/v1', 'Order', 'first', { spec: { image: app } })],
    shared: [make('rbac.authorization.k8s.io/v1', 'ClusterRole', 'shop-readers', { rules: [] })],
    settings: Array.from({ length: 12 }, (_, index) => settings(`settings-${index}`, { index: String(index) })),
  };
}

function make(apiVersion: string, kind: string, name: string, rest: object, annotations?: object): object {
  return { apiVersion, kind, metadata: { name, ...(annotations && { annotations }) }, ...rest };
}

function podTemplate(name: string, image: string, rest: object = {}): object {
  return { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image }], ...rest } };
}

function workload(name: string, image: string, replicas: number, pod: object = {}): object {
  const spec = { replicas, selector: { matchLabels: { app: name } }, template: podTemplate(name, image, pod) };
  return make('apps/v1', 'Deployment', name, { spec });
}

function database(image: string): object {
  const spec = {
    serviceName: 'db',
    selector: { matchLabels: { app: 'db' } },
    template: podTemplate('db', image),
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claimSpec() }],
  };
  const metadata = { name: 'db', labels: { 'app.kubernetes.io/component': 'database' } };
  return { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata, spec };
}

function jobSpec(image: string, step: string): object {
  const containers = [{ name: 'main', image, args: [step] }];
  return { spec: { backoffLimit: 0, template: { spec: { restartPolicy: 'Never', containers } } } };
}

function claimSpec(): object {
  return { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
}

function serviceSpec(app: string): object {
  return { spec: { selector: { app }, ports: [{ port: 80 }] } };
}

function ingressSpec(): object {
  const backend = { service: { name: 'api', port: { number: 80 } } };
  const rules = [{ host: 'shop.example', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }];
  return { spec: { rules, tls: [{ hosts: ['shop.example'] }] } };
}

function definition(group: string): object {
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: { type: 'object', properties: { image: { type: 'string' } } } },
    },
  };
  return make('apiextensions.k8s.io/v1', 'CustomResourceDefinition', `orders.${group}`, {
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind: 'Order', plural: 'orders', singular: 'order' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  });
}
