/** The structures of well-known public charts, rebuilt in small: what is certain, what is suspected, and nothing else. */
import { describe, expect, test } from 'vitest';
import { openHelmProgram } from '../../../src/kubernetes/rendering/helm-program.ts';
import type { RenderLimits } from '../../../src/kubernetes/rendering/chart-renderer.ts';
import { joinDocuments } from '../../../src/kubernetes/rendering/rendered-documents.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import type { OpenRenderer } from '../../../src/operations/resolve/render-charts.ts';
import { makeArtifact, makeImage, makeIndex } from '../../helpers/sample-image.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { requestFor } from '../../kubernetes/rendering/corpus.ts';
import { helmTemplate } from '../../kubernetes/rendering/oracle.ts';
import { HELM_ENGINE, HELM_PROGRAM, RENDERERS } from '../../kubernetes/rendering/renderers.ts';
import { HEAD, Images, resolveFiles } from './resolve-fixture.ts';

const temp = useTempDir();
const helm = requireTool('helm4');
const CHART = 'apiVersion: v2\nname: app\nversion: 1.0.0\n';
const RELEASE = `${HEAD}components:\n  - name: a\n    charts: [charts/app]\n`;

function pod(image: string, rest = ''): string {
  return `apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: "${image}"${rest}}]}\n`;
}

const openHelm = (): ReturnType<typeof openHelmProgram> =>
  openHelmProgram({ program: helm ?? '', path: process.env['PATH'] });

async function resolveChart(
  files: Readonly<Record<string, string>>,
  images: readonly string[],
  openRenderer: OpenRenderer = openHelm,
): ReturnType<typeof resolveFiles> {
  const store = new Images();
  for (const text of images) {
    const { registry, repository, tag = 'latest' } = parseReference(text);
    await store.put(`${registry}/${repository}`, tag, makeImage());
  }
  const chart = Object.fromEntries(Object.entries(files).map(([path, text]) => [`charts/app/${path}`, text]));
  const all = { 'charts/app/Chart.yaml': CHART, ...chart, 'release.yaml': RELEASE };
  return resolveFiles(temp.path, store, all, { openRenderer, suspects: 'warn' });
}

const STRUCTURES = [
  {
    name: 'of an operator that gets its operands in arguments',
    files: {
      'templates/p.yaml': pod(
        'quay.io/prom/operator:1',
        ', args: ["--prometheus-config-reloader=quay.io/prom/reloader:1", "--log-level=info", "--kubelet-service=kube-system/kubelet", "--web.listen=:8080"]',
      ),
    },
    certain: ['quay.io/prom/operator:1'],
    suspects: ['quay.io/prom/reloader:1'],
  },
  {
    name: 'of an operator with lists of images in its environment',
    files: {
      'templates/p.yaml': pod(
        'quay.io/strimzi/operator:1',
        ', env: [{name: STRIMZI_KAFKA_IMAGES, value: "3.8.0=quay.io/strimzi/kafka:1-kafka-3.8.0\\n3.9.0=quay.io/strimzi/kafka:1-kafka-3.9.0"}, {name: JAVA_OPTS, value: "-Xmx1g"}]',
      ),
    },
    certain: ['quay.io/strimzi/operator:1'],
    suspects: ['quay.io/strimzi/kafka:1-kafka-3.8.0', 'quay.io/strimzi/kafka:1-kafka-3.9.0'],
  },
  {
    name: 'with triples in a custom resource',
    files: {
      'templates/c.yaml':
        'apiVersion: nvidia.com/v1\nkind: ClusterPolicy\nmetadata: {name: c}\nspec: {driver: {enabled: true, repository: nvcr.io/nvidia, image: driver, version: "570.1"}, mig: {strategy: single}}\n',
    },
    certain: [],
    suspects: ['nvcr.io/nvidia/driver:570.1'],
  },
  {
    name: 'with hub and tag in a config map',
    files: {
      'templates/c.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio}\ndata:\n  values: |\n    global: {hub: docker.io/istio, tag: 1.27.0, proxy: {image: proxyv2, autoInject: enabled}}\n',
    },
    certain: [],
    suspects: ['docker.io/istio/proxyv2:1.27.0'],
  },
  {
    name: 'with a subchart that is off',
    files: {
      'Chart.yaml': `${CHART}dependencies:\n- {name: db, version: 1.0.0, condition: db.enabled}\n- {name: cache, version: 1.0.0, condition: cache.enabled}\n`,
      'values.yaml': 'db: {enabled: false}\ncache: {enabled: true}\n',
      'charts/db/Chart.yaml': CHART.replace('app', 'db'),
      'charts/db/templates/p.yaml': pod('quay.io/a/db:1', ', args: ["--helper=quay.io/a/db-helper:1"]'),
      'charts/cache/Chart.yaml': CHART.replace('app', 'cache'),
      'charts/cache/templates/p.yaml': pod('quay.io/a/cache:1', ', args: ["--helper=quay.io/a/cache-helper:1"]'),
    },
    certain: ['quay.io/a/cache:1'],
    suspects: ['quay.io/a/cache-helper:1'],
  },
  {
    name: 'that takes its templates from a library',
    files: {
      'Chart.yaml': `${CHART}dependencies: [{name: lib, version: 1.0.0}]\n`,
      'charts/lib/Chart.yaml': `${CHART.replace('app', 'lib')}type: library\n`,
      'charts/lib/templates/_pod.tpl': `{{ define "lib.pod" }}${pod('{{ .image }}', ', args: ["--side={{ .side }}"]')}{{ end }}`,
      'templates/p.yaml': '{{ include "lib.pod" (dict "image" "quay.io/a/app:1" "side" "quay.io/a/side:1") }}\n',
    },
    certain: ['quay.io/a/app:1'],
    suspects: ['quay.io/a/side:1'],
  },
];

describe.skipIf(helm === undefined)('a chart', () => {
  test.each(STRUCTURES)('$name', async ({ files, certain, suspects }) => {
    const { lock } = await resolveChart(files, [...certain, ...suspects]);
    expect(lock.images.map(({ reference }) => reference)).toEqual(certain);
    expect((lock.suspects ?? []).map(({ reference }) => reference)).toEqual(suspects);
  });
});

describe.each(RENDERERS)('with $name, a chart', ({ oracles, open }) => {
  test.for(STRUCTURES)('$name renders as helm template does, byte for byte', async ({ files }, t) => {
    const renderer = (await open()) ?? t.skip();
    const request = await requestFor({ name: 'app', files: { 'Chart.yaml': CHART, ...files }, holds: /./ });
    const manifest = joinDocuments((await renderer.render(request)).documents);
    expect(manifest).toContain('kind: ');
    for (const tool of oracles.map((oracle) => requireTool(oracle)).filter((program) => program !== undefined)) {
      expect(manifest).toBe((await helmTemplate(tool, request, temp)).stdout);
    }
  });
});

/** What every machine has one of: a resolve ends within the limits of either. */
const LIMITS = { timeoutMs: 2_000, maxMemoryBytes: 256 * 1024 * 1024 };

describe.each([HELM_PROGRAM, HELM_ENGINE])('with $name, a chart', ({ open }) => {
  const openWith =
    (t: { skip: () => never }, limits: Partial<RenderLimits> = {}): OpenRenderer =>
    async () =>
      (await open(limits)) ?? t.skip();

  test.for([
    [
      'loops',
      '{{- range $i := until 20000 }}{{- range $j := until 20000 }}{{- range until 20000 }}{{ end }}{{ end }}{{ end }}',
      /takes longer than/,
    ],
    [
      'allocates without end',
      '{{- $x := list "a" }}{{- range until 64 }}{{- $x = concat $x $x }}{{- end }}{{ len $x }}',
      /takes (more than .* memory|longer than)/,
    ],
  ] as const)('that %s is refused by resolve within its limit', async ([, template, message], t) => {
    const resolving = resolveChart({ 'templates/x.yaml': template }, [], openWith(t, LIMITS));
    await expect(resolving).rejects.toMatchObject({
      code: 'INVALID_SPEC',
      message: expect.stringMatching(message) as string,
    });
  });

  test('that reads files of the machine gets none', async (t) => {
    const reading = ['/etc/passwd', '../../../../../../etc/passwd']
      .map((path) => `{{ .Files.Get "${path}" | trunc 4 | default "none" }}`)
      .join('-');
    const template = pod('quay.io/a/app:1', `, args: ["--x=quay.io/a/${reading}:1"]`);
    const { lock } = await resolveChart({ 'templates/p.yaml': template }, ['quay.io/a/app:1'], openWith(t));
    expect(lock.suspects).toMatchObject([{ reference: 'quay.io/a/none-none:1' }]);
  });
});

describe('a chart with an Images.lock', () => {
  const arm = makeImage({ platform: 'linux/arm64' });
  const amd = makeImage({ platform: 'linux/amd64' });
  const lock = (digest: string): string => `apiVersion: v0
kind: ImagesLock
chart: {name: app, version: 1.0.0}
images:
- name: app
  image: quay.io/a/app:1
  chart: app
  digests:
  - {digest: "${digest}", arch: linux/amd64}
  - {digest: "${arm.descriptor.digest}", arch: linux/arm64}
`;
  const resolve = async (digest: string): ReturnType<typeof resolveFiles> => {
    const images = new Images();
    await images.put('quay.io/a/app', '1', makeIndex([amd, arm]));
    const files = { 'charts/app/Chart.yaml': CHART, 'charts/app/Images.lock': lock(digest), 'release.yaml': RELEASE };
    return resolveFiles(temp.path, images, files);
  };

  test('carries what it lists, and is held to by its digests', async () => {
    const { lock: pinned } = await resolve(amd.descriptor.digest);
    expect(pinned.components[0]?.images).toEqual([
      { reference: 'quay.io/a/app:1', foundIn: ['charts/app/Images.lock images[0]'] },
    ]);
    const other = sha256('another');
    await expect(resolve(other)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: `quay.io/a/app:1: linux/amd64 is ${amd.descriptor.digest}, but charts/app/Images.lock images[0] says ${other}`,
    });
  });

  test('that cannot be read is named with its entry', async () => {
    await expect(resolve('sha256:short')).rejects.toMatchObject({
      code: 'INVALID_SPEC',
      message: 'charts/app/Images.lock images[0] digests[0]: has no arch, or no digest',
    });
  });
});

test('an artifact that is no image is carried once it is accepted, for whatever platforms the release is', async () => {
  const db = makeArtifact('application/vnd.aquasec.trivy.config.v1+json', 'data');
  const images = new Images();
  await images.put('ghcr.io/aquasecurity/trivy-db', '2', db);
  const manifest =
    'apiVersion: acme.io/v1\nkind: Scanner\nmetadata: {name: s}\nspec: {dbImage: "ghcr.io/aquasecurity/trivy-db:2"}\n';
  const release = `${HEAD}accept: [ghcr.io/aquasecurity/trivy-db:2]\ncomponents:\n  - name: a\n    manifests: [m.yaml]\n`;
  const files = { 'm.yaml': manifest, 'release.yaml': release.replace('platforms: all', 'platforms: [linux/amd64]') };
  const { lock } = await resolveFiles(temp.path, images, files);
  expect(lock.images).toMatchObject([{ reference: 'ghcr.io/aquasecurity/trivy-db:2', digest: db.descriptor.digest }]);
});
