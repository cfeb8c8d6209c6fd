/** Helm 3 and Helm 4 take our packages, and make of them exactly the artifact we make. */
import { mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createChartArtifact } from '../../../src/kubernetes/charts/chart-oci.ts';
import { openChart } from '../../../src/kubernetes/charts/chart-package.ts';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { startRegistry } from '../../../src/server/embedded-registry.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { runOk } from '../../helpers/run.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { MINIMAL_CHART, writeFiles } from './chart-files.ts';

const temp = useTempDir();
const OWN_CHART = fileURLToPath(new URL('../../../charts/hexabase', import.meta.url));
const CREATED = '2026-01-31T12:00:00Z';

/** Without apiVersion, with its dependencies in a file of their own, and with values that YAML takes for no text. */
const OLD_CHART: Readonly<Record<string, string>> = {
  'Chart.yaml':
    'name: demo\nversion: 1.2.3+build.7\nappVersion: 5\nkeywords: [a, 1, null]\nannotations: {a: 1, b: true, c: null}\n',
  'requirements.yaml': "dependencies: [{name: sub, version: '1', repository: '', condition: sub.enabled, tags: [x]}]\n",
  'charts/sub/Chart.yaml': 'apiVersion: v1\nname: sub\nversion: 1.0.0\n',
};

function helmEnvironment(): Record<string, string> {
  return {
    ...(process.env as Record<string, string>),
    TZ: 'UTC',
    HELM_CACHE_HOME: temp.join('helm/cache'),
    HELM_CONFIG_HOME: temp.join('helm/config'),
    HELM_DATA_HOME: temp.join('helm/data'),
  };
}

/** A file whose digest is smaller or greater than that of the package. */
function provenanceThatComes(place: 'before' | 'after', digest: Digest): Buffer {
  for (let count = 0; ; count += 1) {
    const bytes = Buffer.from(`a signed message ${count}\n`);
    if (sha256(bytes) < digest === (place === 'before')) return bytes;
  }
}

describe.each(['helm3', 'helm4'])('%s', (tool) => {
  it("makes no smaller package of the product's own chart", async (t) => {
    const helm = requireTool(tool) ?? t.skip();
    const chart = await openChart(OWN_CHART);
    await runOk(helm, ['package', OWN_CHART, '--destination', temp.path], { env: helmEnvironment() });
    const { size } = await stat(temp.join(chart.fileName));
    expect(chart.bytes.length).toBeLessThanOrEqual(size * 1.01);
  });

  it('lints, shows and renders a package', async (t) => {
    const helm = requireTool(tool) ?? t.skip();
    const chart = await openChart(await writeFiles(temp.join('demo'), MINIMAL_CHART));
    const file = temp.join(chart.fileName);
    await writeFile(file, chart.bytes);
    const env = helmEnvironment();
    await runOk(helm, ['lint', file], { env });
    expect((await runOk(helm, ['show', 'chart', file], { env })).stdout).toContain('version: 1.2.3+build.7');
    expect((await runOk(helm, ['template', 'r', file, '--set', 'replicas=7'], { env })).stdout).toContain(
      'replicas: "7"',
    );
  });

  it.for([
    ['of version 2', MINIMAL_CHART, undefined],
    ['of version 1, with requirements', OLD_CHART, undefined],
    // By their digests, one comes before the package and one after it.
    ['with a provenance file', MINIMAL_CHART, 'before'],
    ['with another provenance file', MINIMAL_CHART, 'after'],
  ] as const)('pushes a package %s as the artifact we make, and pulls it back', async ([, files, place], t) => {
    const helm = requireTool(tool) ?? t.skip();
    const chart = await openChart(await writeFiles(temp.join('demo'), files));
    const file = temp.join(chart.fileName);
    await writeFile(file, chart.bytes);
    const time = new Date(CREATED);
    await utimes(file, time, time);
    const signed = place && provenanceThatComes(place, sha256(chart.bytes));
    if (signed !== undefined) await writeFile(`${file}.prov`, signed);
    const artifact = createChartArtifact(chart.bytes, chart.metadata, CREATED, signed);
    expect([artifact.name, artifact.tag]).toEqual(['demo', '1.2.3_build.7']);

    const registry = await startRegistry({ directory: temp.join('registry') });
    try {
      const env = helmEnvironment();
      const repository = `${registry.url.replace(/^http/, 'oci')}/charts`;
      await runOk(helm, ['push', file, repository, '--plain-http'], { env });
      const response = await fetch(`${registry.url}/v2/charts/demo/manifests/${artifact.tag}`, {
        headers: { accept: artifact.manifest.descriptor.mediaType },
      });
      const manifest = await response.text();
      const pushed = (JSON.parse(manifest) as { config: { digest: string } }).config.digest;
      const config = await fetch(`${registry.url}/v2/charts/demo/blobs/${pushed}`);
      expect(await config.text()).toBe(artifact.config.bytes.toString());
      expect(manifest).toBe(artifact.manifest.bytes.toString());
      expect(response.headers.get('docker-content-digest')).toBe(artifact.manifest.descriptor.digest);
      await mkdir(temp.join('pulled'));
      const from = [`${repository}/demo`, '--version', '1.2.3+build.7', '--plain-http'];
      const prov = signed === undefined ? [] : ['--prov'];
      await runOk(helm, ['pull', ...from, ...prov, '-d', temp.join('pulled')], { env });
      expect((await readFile(temp.join('pulled', chart.fileName))).equals(chart.bytes)).toBe(true);
      if (signed !== undefined) expect(await readFile(temp.join('pulled', `${chart.fileName}.prov`))).toEqual(signed);
    } finally {
      await registry.close();
    }
  });
});
