/** The release that ships with the product: it parses, hangs together, is hardened, and both Helms take its chart. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { findImages } from '../../src/kubernetes/resources/images.ts';
import { openChart } from '../../src/kubernetes/charts/chart-package.ts';
import { readKubernetesYaml, type KubernetesResource } from '../../src/kubernetes/resources/yaml-documents.ts';
import { formatReference } from '../../src/oci/reference.ts';
import { listSpecFiles } from '../../src/release/spec/spec-paths.ts';
import { loadSpec, type ReleaseSpec } from '../../src/release/spec/spec.ts';
import { fieldsAt, findFaults } from '../kubernetes/resources/resource-faults.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { runOk } from '../helpers/run.ts';
import { useTempDir } from '../helpers/temp.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CHART = `${ROOT}/charts/hexabase`;
const IMAGES = ['cli', 'control-plane', 'database', 'edge-agent', 'ui'].map(
  (name) => `registry.hexabase.ai/hexabase/${name}:1.5.0`,
);
const temp = useTempDir();
let spec: ReleaseSpec;
let manifests: readonly KubernetesResource[];

async function readManifests(): Promise<readonly KubernetesResource[]> {
  const files = await listSpecFiles(ROOT, 'manifests');
  const texts = await Promise.all(files.map(async ({ path, file }) => ({ path, text: await readFile(file, 'utf8') })));
  return texts.flatMap(({ path, text }) => readKubernetesYaml(text, path));
}

async function render(tool: string, ...settings: readonly string[]): Promise<readonly KubernetesResource[]> {
  const args = ['template', 'hexabase', CHART, '--namespace', 'hexabase-system'];
  const env = {
    ...(process.env as Record<string, string>),
    HELM_CACHE_HOME: temp.join('helm/cache'),
    HELM_CONFIG_HOME: temp.join('helm/config'),
    HELM_DATA_HOME: temp.join('helm/data'),
  };
  const { stdout } = await runOk(tool, [...args, ...settings.flatMap((setting) => ['--set', setting])], { env });
  return readKubernetesYaml(stdout, 'rendered.yaml');
}

function imagesOf(resources: readonly KubernetesResource[]): readonly string[] {
  return [
    ...new Set(
      resources.flatMap((resource) => findImages(resource)).map(({ reference }) => formatReference(reference)),
    ),
  ].sort();
}

beforeAll(async () => {
  spec = await loadSpec(`${ROOT}/release.yaml`);
  manifests = await readManifests();
});

describe('release.yaml', () => {
  it('is hexabase 1.5.0 with its five components', () => {
    expect([spec.name, spec.version, spec.channel]).toEqual(['hexabase', '1.5.0', 'stable']);
    expect(spec.components.map(({ name }) => name)).toEqual(['control-plane', 'ui', 'database', 'edge-agent', 'cli']);
  });

  it('carries every manifest there is, once', async () => {
    const carried = spec.components.flatMap((component) => component.manifests.map(({ path }) => path)).sort();
    expect(carried).toEqual((await listSpecFiles(ROOT, 'manifests')).map(({ path }) => path));
  });

  it('declares exactly the images that its manifests and its chart pull', async () => {
    const declared = spec.components.flatMap(({ images }) => images.map(({ reference }) => formatReference(reference)));
    const chart = await openChart(CHART);
    expect([...declared].sort()).toEqual(IMAGES);
    expect(imagesOf(manifests)).toEqual(IMAGES);
    expect(chart.images.map(({ reference }) => formatReference(reference)).sort()).toEqual(IMAGES);
  });
});

describe('the manifests', () => {
  it('hang together and are hardened', () => {
    expect(findFaults(manifests)).toEqual([]);
  });

  it('are checked by rules that can fail', () => {
    const broken = manifests.filter(
      ({ kind }) => kind !== 'ServiceAccount' && kind !== 'ConfigMap' && kind !== 'Secret',
    );
    expect(findFaults(broken).length).toBeGreaterThan(20);
  });

  it('hold no secret', () => {
    const secrets = manifests.filter(({ kind }) => kind === 'Secret');
    expect(secrets).toHaveLength(3);
    for (const { value } of secrets) expect(Object.keys(value)).toEqual(['apiVersion', 'kind', 'metadata', 'type']);
  });

  it('all say which version they are', () => {
    const versions = manifests.map(({ value }) => fieldsAt(value, 'metadata', 'labels')['app.kubernetes.io/version']);
    expect(new Set(versions)).toEqual(new Set(['1.5.0']));
  });
});

describe.each(['helm3', 'helm4'])('the chart with %s', (tool) => {
  it('is clean, as a directory and as our package', async (t) => {
    const helm = requireTool(tool) ?? t.skip();
    const chart = await openChart(CHART);
    await writeFile(temp.join(chart.fileName), chart.bytes);
    for (const path of [CHART, temp.join(chart.fileName)]) await runOk(helm, ['lint', '--strict', path]);
    const { stdout } = await runOk(helm, ['show', 'chart', temp.join(chart.fileName)]);
    expect(stdout).toContain('name: hexabase');
  });

  it('renders what the manifests say', async (t) => {
    const helm = requireTool(tool) ?? t.skip();
    const rendered = await render(helm);
    expect(findFaults(rendered)).toEqual([]);
    expect(imagesOf(rendered)).toEqual(IMAGES);
    const namesOf = (resources: readonly KubernetesResource[]): readonly string[] =>
      resources
        .filter(({ kind }) => kind !== 'Namespace')
        .map(({ kind, name }) => `${kind}/${name}`)
        .sort();
    expect(namesOf(rendered)).toEqual(namesOf(manifests));
  });

  it('takes another registry, digests, and parts away', async (t) => {
    const helm = requireTool(tool) ?? t.skip();
    const digest = `sha256:${'a'.repeat(64)}`;
    const moved = await render(
      helm,
      'global.imageRegistry=reg.corp:5000/registry.hexabase.ai',
      `images.ui.digest=${digest}`,
    );
    expect(imagesOf(moved)).toContain(`reg.corp:5000/registry.hexabase.ai/hexabase/ui@${digest}`);
    const small = await render(
      helm,
      'database.enabled=false',
      'database.host=pg.corp',
      'edgeAgent.enabled=false',
      'backup.enabled=false',
      'ingress.enabled=false',
      'init.enabled=false',
    );
    expect(imagesOf(small)).toEqual([IMAGES[1], IMAGES[4]]);
    const without = [
      /reads no secret "hexabase-database" "password"/,
      /NetworkPolicy\/hexabase-control-plane peer selects no pod/,
    ];
    expect(findFaults(small).filter((fault) => !without.some((known) => known.test(fault)))).toEqual([]);
  });

  it.each(['controlPlane.replicas=0', 'nonsense=1', 'config.logLevel=loud', 'database.enabled=false'])(
    'refuses %s',
    async (setting) => {
      const helm = requireTool(tool);
      if (helm === undefined) return;
      await expect(render(helm, setting)).rejects.toThrow();
    },
  );
});
