/** `airgap resolve` says what may be missing behind the gap, and refuses it with --strict. */
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startRegistry, type EmbeddedRegistry } from '../../../src/server/embedded-registry.ts';
import { pushSample } from '../../helpers/push-sample.ts';
import { makeImage } from '../../helpers/sample-image.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { writeFiles } from '../../kubernetes/charts/chart-files.ts';
import { useBuiltCli } from '../built-cli.ts';

const temp = useTempDir();
const cli = useBuiltCli();
let registry: EmbeddedRegistry;

beforeEach(async () => {
  registry = await startRegistry({ directory: temp.join('registry') });
  await pushSample(registry.url, 'app', makeImage(), ['1.0']);
  await writeFiles(temp.path, {
    'release.yaml': `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: 1.0.0
platforms: all
components:
  - name: app
    images: ['${registry.host}/app:1.0']
    charts: [charts/web]
`,
    'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
    'charts/web/templates/pod.yaml': 'kind: Pod\nspec: {containers: [{name: a, image: "{{ .Values.image }}"}]}\n',
  });
});
afterEach(() => registry.close());

const SILENT = 'charts/web runs images but declares none';

test('a chart that is not rendered and declares no image is named, for people and for machines', async () => {
  const { exitCode, stderr } = await cli.airgap(['resolve', '--no-render'], { cwd: temp.path });
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining(`warning: ${SILENT}`) as string,
  });
  const report = JSON.parse(await cli.ok(['resolve', '--no-render', '--json'], { cwd: temp.path })) as {
    warnings: readonly string[];
  };
  expect(report.warnings).toEqual([expect.stringContaining(SILENT)]);
});

test('--strict refuses it, and writes no lock', async () => {
  const { exitCode, stderr } = await cli.airgap(['resolve', '--no-render', '--strict'], { cwd: temp.path });
  expect(exitCode).toBe(2);
  expect(stderr).toContain('1 warning(s), and --strict takes none:');
  expect(stderr).toContain(SILENT);
  expect(existsSync(temp.join('release.lock.json'))).toBe(false);
});
