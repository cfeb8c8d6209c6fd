/** What renders charts here, and what is said where nothing does. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { openChartRenderer } from '../../../src/kubernetes/rendering/open-renderer.ts';
import { joinDocuments } from '../../../src/kubernetes/rendering/rendered-documents.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { CORPUS, requestFor, type CorpusChart } from './corpus.ts';
import { requireEngine } from './renderers.ts';

const temp = useTempDir();

test('the engine is preferred where it is', async (t) => {
  const engineFolder = requireEngine() ?? t.skip();
  const helm = requireTool('helm4') ?? t.skip();
  await symlink(helm, temp.join('helm'));
  expect(await openChartRenderer({ path: temp.path, engineFolder })).toMatchObject({
    name: 'helm-engine',
    version: expect.stringMatching(/^4\.\d+\.\d+$/) as string,
  });
});

test('a helm on PATH renders charts; what cannot be run, and relative folders, are passed over', async (t) => {
  const helm = requireTool('helm4') ?? t.skip();
  const chart = CORPUS[0] as CorpusChart;
  await mkdir(temp.join('bin'));
  await mkdir(temp.join('folder', 'helm'), { recursive: true });
  await writeFile(temp.join('helm'), 'text', { mode: 0o644 });
  await symlink(helm, temp.join('bin', 'helm'));
  const path = ['', '.', 'bin', temp.path, temp.join('folder'), temp.join('bin')].join(':');
  const renderer = await openChartRenderer({ path, engineFolder: temp.path });
  expect(renderer.name).toBe('helm');
  const { documents } = await renderer.render(await requestFor(chart));
  expect(joinDocuments(documents)).toMatch(chart.holds);
});

test.each(['', undefined])('without any it is said how to get one (PATH %j)', async (path) => {
  await expect(openChartRenderer({ path, engineFolder: temp.path })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: 'charts cannot be rendered: there is no helm on PATH',
    hint: expect.stringContaining('helm 3.14 or newer') as string,
  });
});
