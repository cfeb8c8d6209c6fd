/** Rendered resources become files in the order of installation, the same at each rendering, without a secret in them. */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readKubernetesYaml } from '../../../src/kubernetes/resources/yaml-documents.ts';
import { stageManifests, type StageRequest } from '../../../src/kubernetes/staging/staged-manifests.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();

/** What stands for chance in the texts of these tests, in each rendering. */
const CHANCE = [
  { PW: 'k3yOne', PORT: '31001', PEM: '-----BEGIN KEY-----\nAAAA\nBBBB\n-----END KEY-----\n', NAME: 'x1' },
  { PW: '0therKey2', PORT: '31777', PEM: '-----BEGIN KEY-----\nCCCC\nDDDD\n-----END KEY-----\n', NAME: 'y2' },
] as const;

/** Stages resources given as YAML; `@NAME` is chance, `@@NAME` the same in base64. */
function stage(resources: readonly string[], rest: Partial<StageRequest> = {}): Record<string, string> {
  const [one, other] = CHANCE.map((chance) =>
    resources.map((text, index) => ({
      source: `app/templates/${index}.yaml`,
      text: Object.entries(chance).reduce(
        (filled, [name, value]) =>
          filled
            .replaceAll(`@@${name}`, Buffer.from(value).toString('base64'))
            .replaceAll(`@${name}`, JSON.stringify(value).slice(1, -1)),
        text,
      ),
    })),
  );
  const request = {
    shownAs: 'charts/app',
    folder: 'manifests/small',
    namespace: 'default',
    givenTexts: new Set<string>(),
  };
  const files = (renderings: StageRequest['renderings']): Record<string, string> =>
    Object.fromEntries(
      stageManifests({ ...request, renderings, ...rest }).map(({ name, bytes }) => [name, bytes.toString()]),
    );
  const staged = files([one ?? [], other ?? []]);
  // Whatever chance does, the files are the same.
  expect(files([other ?? [], one ?? []])).toEqual(staged);
  for (const text of Object.values(staged)) {
    for (const { PW } of CHANCE) expect(text).not.toMatch(new RegExp(`${PW}|${Buffer.from(PW).toString('base64')}`));
  }
  return staged;
}

const resource = (kind: string, name: string, rest = '', apiVersion = 'v1'): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: ${name}\n${rest}`;
const labelled = (component: string): string => `  labels:\n    app.kubernetes.io/component: ${component}\n`;
const hooked = (hook: string): string => `  annotations:\n    helm.sh/hook: ${hook}\n`;

const names = (text: string | undefined): readonly string[] =>
  readKubernetesYaml(text ?? '', 'staged').map(({ kind, name }) => `${kind} ${name}`);

test('each kind has its stage, within one the order is Helm’s, and a database comes before what needs it', () => {
  const staged = stage([
    resource('Widget', 'w', '', 'acme.io/v1'),
    resource('ServiceEntry', 'e', '', 'networking.istio.io/v1'),
    resource('Ingress', 'i', '', 'networking.k8s.io/v1'),
    resource('Service', 's'),
    resource('Service', 'db', labelled('database')),
    resource('StatefulSet', 'db', labelled('postgresql'), 'apps/v1'),
    resource('Deployment', 'old', '  labels: {app: mariadb}\n', 'apps/v1'),
    resource('Cluster', 'pg', '', 'postgresql.cnpg.io/v1'),
    resource('NetworkPolicy', 'db', labelled('database'), 'networking.k8s.io/v1'),
    resource('Job', 'j', '', 'batch/v1'),
    resource('Deployment', 'd', '', 'apps/v1'),
    resource('PersistentVolumeClaim', 'p'),
    resource('ConfigMap', 'c'),
    resource('Secret', 'k'),
    resource('RoleBinding', 'r', '', 'rbac.authorization.k8s.io/v1'),
    resource('ServiceAccount', 'a'),
    resource('Namespace', 'n'),
    resource('CustomResourceDefinition', 'x', '', 'apiextensions.k8s.io/v1'),
  ]);
  expect(Object.entries(staged).map(([file, text]) => [file, names(text)])).toEqual([
    ['00-crds.yaml', ['CustomResourceDefinition x']],
    ['01-namespace.yaml', ['Namespace n']],
    ['02-rbac.yaml', ['ServiceAccount a', 'RoleBinding r']],
    ['03-secrets.yaml', ['Secret k']],
    ['04-configmaps.yaml', ['ConfigMap c']],
    ['05-storage.yaml', ['PersistentVolumeClaim p']],
    ['06-database.yaml', ['Service db', 'Deployment old', 'StatefulSet db', 'Cluster pg']],
    ['07-control-plane.yaml', ['Deployment d', 'Job j', 'Widget w']],
    ['08-networking.yaml', ['NetworkPolicy db', 'Service s', 'Ingress i', 'ServiceEntry e']],
  ]);
});

test('hooks of an installation run before or after the rest; tests and other hooks are left out', () => {
  const staged = stage([
    resource('Job', 'after', hooked('post-install,post-upgrade'), 'batch/v1'),
    resource('Job', 'checks', hooked('test'), 'batch/v1'),
    resource('Job', 'upgrades', hooked('pre-upgrade'), 'batch/v1'),
    resource('Deployment', 'main', '', 'apps/v1'),
    resource('Job', 'before', hooked('pre-install'), 'batch/v1'),
  ]);
  expect(names(staged['07-control-plane.yaml'])).toEqual(['Job before', 'Deployment main', 'Job after']);
});

test('a namespace that the chart does not make is made; one that it makes comes once', () => {
  const options = { namespace: 'shop' };
  expect(names(stage([resource('Pod', 'p')], options)['01-namespace.yaml'])).toEqual(['Namespace shop']);
  expect(names(stage([resource('Namespace', 'shop')], options)['01-namespace.yaml'])).toEqual(['Namespace shop']);
});

test('what a chart makes up in a Secret is left to the site, and what it gives stays; stringData is data', () => {
  const staged = stage([
    resource(
      'Secret',
      'api',
      'type: Opaque\ndata:\n  key: "@@PW"\n  fixed: c2FtZQ==\nstringData:\n  tls.crt: "@PEM"\n',
    ),
    resource('Secret', 'copy', 'data: {password: "@@PW"}\n'),
  ]);
  const [api, copy] = readKubernetesYaml(staged['03-secrets.yaml'] ?? '', 'staged');
  expect(api?.value).toMatchObject({
    type: 'Opaque',
    data: { key: '${SITE_API_KEY_BASE64}', fixed: 'c2FtZQ==', 'tls.crt': '${SITE_API_TLS_CRT_BASE64}' },
  });
  expect(api?.value).not.toHaveProperty('stringData');
  // One value is asked for once.
  expect(copy?.value).toMatchObject({ data: { password: '${SITE_API_KEY_BASE64}' } });
  expect(staged['secrets.env.example']).toContain(
    '\n# Secret api, data.key\n# Secret copy, data.password\nSITE_API_KEY_BASE64=\n',
  );
});

test('what a value file puts into a Secret is left to the site, too', () => {
  const staged = stage([resource('Secret', 'api', 'stringData: {user: app, password: hunter2}\n')], {
    givenTexts: new Set(['hunter2']),
  });
  const [secret] = readKubernetesYaml(staged['03-secrets.yaml'] ?? '', 'staged');
  expect(secret?.value['data']).toEqual({ user: 'YXBw', password: '${SITE_API_PASSWORD_BASE64}' });
});

test('elsewhere the words that differ are left to the site, and nothing else of a text is touched', () => {
  const block = 'data:\n  app.ini: |\n    mode = 0644\n    # kept\n    token = @PW ; end\n';
  const staged = stage([
    resource('ConfigMap', 'conf', block),
    resource(
      'Deployment',
      'main',
      '  annotations: {checksum/conf: "@PW"}\nspec: {mode: 0644, yes: "on", url: "db://u:@PW@h"}\n',
      'apps/v1',
    ),
    resource('Service', 's', 'spec:\n  ports:\n    - nodePort: @PORT\n# made with @PW\n'),
  ]);
  expect(staged['04-configmaps.yaml']).toContain(
    'app.ini: |\n    mode = 0644\n    # kept\n    token = ${SITE_CONF_APP_INI} ; end\n',
  );
  expect(staged['07-control-plane.yaml']).toContain(
    '{checksum/conf: "${SITE_CONF_APP_INI}"}\nspec: {mode: 0644, yes: "on", url: "db://u:${SITE_CONF_APP_INI}@h"}\n',
  );
  expect(staged['08-networking.yaml']).toContain('nodePort: ${SITE_S_NODEPORT}\n');
  expect(staged['08-networking.yaml']).not.toContain('made with');
});

test('a name that the chart makes up is one to fill in, and names no other placeholder', () => {
  const staged = stage([resource('Pod', 'p-@NAME', 'spec: {host: "@PW"}\n')]);
  expect(staged['07-control-plane.yaml']).toContain('name: "${SITE_POD_NAME}"');
  expect(staged['07-control-plane.yaml']).toContain('host: "${SITE_POD_HOST}"');
});

test('a placeholder is called as nothing in the chart is', () => {
  const staged = stage([resource('ConfigMap', 'c', 'data: {a: "${SITE_C_B}", b: "@PW"}\n')]);
  expect(staged['04-configmaps.yaml']).toContain('data: {a: "${SITE_C_B}", b: "${SITE_C_B_2}"}');
});

test('resources of another shape at each rendering are refused, with the template and the next step', () => {
  const refused = (text: string): unknown => {
    try {
      return stage([resource('Pod', 'same'), text]);
    } catch (error) {
      return error;
    }
  };
  for (const text of [resource('ConfigMap', 'c', 'data: {"@NAME": a}\n'), resource('@NAME', 'c')]) {
    expect(refused(text)).toMatchObject({
      code: 'INVALID_SPEC',
      message: expect.stringContaining('charts/app: app/templates/1.yaml renders to another shape each time') as string,
      hint: expect.stringContaining('leave out renderManifests') as string,
    });
  }
});

test('the command in the list fills in what has a value and leaves what has none to be refused by the cluster', async () => {
  const staged = stage([resource('Secret', 'api', 'data:\n  a: "@@PW"\n  b: "@@PEM"\n')], { namespace: 'shop' });
  for (const [name, text] of Object.entries(staged)) await writeFile(temp.join(name), text);
  const list = staged['secrets.env.example'] ?? '';
  await writeFile(temp.join('secrets.env'), list.replace('SITE_API_A_BASE64=', 'SITE_API_A_BASE64=c2l0ZS9+KyY='));
  const command = list.slice(list.indexOf('for file'), list.indexOf('done') + 4).replace(/^#/gm, '');
  expect(command).toContain('| kubectl apply --namespace shop -f - || break\n');
  const filled = execFileSync('bash', ['-euc', command.replace(/kubectl.*/, 'cat')], {
    cwd: temp.path,
    encoding: 'utf8',
  });
  // What follows a file that is refused is not applied.
  const stopped = execFileSync('bash', ['-euc', command.replace(/kubectl.* \|\|/, '{ head -n 1; false; } ||')], {
    cwd: temp.path,
    encoding: 'utf8',
  });
  expect(stopped.trim().split('\n')).toHaveLength(1);
  const [, secret] = readKubernetesYaml(filled, 'filled');
  expect(secret?.value['data']).toEqual({ a: 'c2l0ZS9+KyY=', b: '${SITE_API_B_BASE64}' });
});
