/** As the package ships it: the engine lies beside the bundle, and its thread comes out of it. */
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { ENGINE_FILES } from '../../../../src/kubernetes/rendering/engine/engine-module.ts';
import { runOk } from '../../../helpers/run.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { CORPUS, requestFor, type CorpusChart } from '../corpus.ts';
import { requireEngine } from '../renderers.ts';

const temp = useTempDir();
const rendering = fileURLToPath(new URL('../../../../src/kubernetes/rendering', import.meta.url));

/** Bundled CommonJS packages still ask for `require`. */
const REQUIRE = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;

async function bundle(entry: string, format: 'esm' | 'cjs', define: Record<string, string>): Promise<string> {
  const options = { bundle: true, platform: 'node', target: 'node24', write: false } as const;
  const banner = { js: format === 'esm' ? REQUIRE : '' };
  const { outputFiles } = await build({ ...options, banner, format, entryPoints: [entry], define });
  return outputFiles[0]?.text ?? '';
}

test('a bundle renders with the engine beside it', async (t) => {
  const folder = requireEngine() ?? t.skip();
  for (const file of Object.values(ENGINE_FILES)) await copyFile(join(folder, file), temp.join(file));
  const thread = await bundle(join(rendering, 'engine', 'engine-thread.ts'), 'cjs', { 'import.meta.url': '""' });
  await writeFile(
    temp.join('main.ts'),
    `import { openChartRenderer } from ${JSON.stringify(join(rendering, 'open-renderer.ts'))};
     const request = JSON.parse(process.argv[2]);
     const renderer = await openChartRenderer({ path: '' });
     const { documents } = await renderer.render({ ...request, chart: Buffer.from(request.chart) });
     console.log(JSON.stringify([renderer.name, ...documents]));`,
  );
  const main = await bundle(temp.join('main.ts'), 'esm', { AIRGAP_RENDER_WORKER: JSON.stringify(thread) });
  await writeFile(temp.join('main.mjs'), main);
  const request = JSON.stringify(await requestFor(CORPUS.find(({ name }) => name === 'tpl') as CorpusChart));
  const { stdout } = await runOk(process.execPath, [temp.join('main.mjs'), request], { cwd: temp.path });
  expect(JSON.parse(stdout)).toEqual([
    'helm-engine',
    { source: 'tpl/templates/app.yaml', text: expect.stringContaining('registry.example/tpl:1') as string },
  ]);
});
